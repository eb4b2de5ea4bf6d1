"""What calibrates the alarm rate that a screen promises."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """What the promised alarm rate is known by: ordinary pictures, their groups, and how many these are worth."""

    pictures: int
    groups: int
    effective: float  # the effective sample size (Kish 1965)

    def said(self) -> str:
        """`103 calibration pictures`; where they are not all alone, `103 calibration pictures in 5 groups`."""
        return f"{self.pictures} calibration pictures{self.in_groups()}"

    def in_groups(self) -> str:
        """` in 5 groups`; nothing where every picture is alone."""
        return f" in {self.groups} groups" if self.groups < self.pictures else ""
