"""Rows of data/screen.parquet, for tests: pictures in which screening finds nothing, but for what is said."""

from typing import Any

from fieldguide.data.table import QUALITY_ISSUES, SCREEN

USUAL: dict[str, Any] = {
    **{name: 1.0 for name in SCREEN.names if name.startswith("p_")},
    "p_value": 0.5,
    "out_of_domain": False,
    "reason": "",
    "label_quality": 0.9,
    "label_surprise": 0.0,
    "label_doubt": False,
    "near_duplicate_of": "",
    "near_duplicate_similarity": float("nan"),
    **{f"{issue}_score": 1.0 for issue in QUALITY_ISSUES},
    **{f"is_{issue}_issue": False for issue in QUALITY_ISSUES},
}


def screened(identity: str, label: str = "black", split: str = "train", **differs: Any) -> dict[str, Any]:
    """A picture with this id, whose label is also the suggested one."""
    own = differs.get("path", f"{label}/own {identity}.jpg")
    files = {"path": own, "file": f"data/raw/{own}", "clean_path": f"{label}/{identity}.jpg"}
    return {"id": identity, "label": label, "split": split, **files, **USUAL, "suggested_label": label, **differs}
