"""The values that a sweep will try, and whether each can be used, before anything is begun or logged to MLflow."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product, zip_longest

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep, ValueType
from hydra.errors import OverrideParseException

from fieldguide.base.errors import UserError
from fieldguide.base.option_files import options_of, read_mapping
from fieldguide.base.paths import Paths
from fieldguide.base.progress import Progress
from fieldguide.base.suggestions import did_you_mean
from fieldguide.configuration.compose import compose

PARAMS = "hydra.sweeper.params"
MAX_TRIED = 30  # combinations in which a value is tried until one can be used


@dataclass(frozen=True)
class Plan:
    """What a sweep varies: overrides with one value each, for each of its arguments, and the number of its jobs."""

    tried: Sequence[Sequence[str]]
    jobs: int | None  # None where a sweeper chooses values from intervals


def plan_of(paths: Paths, arguments: Sequence[str]) -> Plan:
    """What the arguments, and the studies of conf/sweep/ among them, vary.

    Of a range only the ends are tried, as all between is then in range too. Raises UserError for an argument that is
    not understood, or a study that does not exist or sets anything but hydra.sweeper.params.
    """
    written = [
        *chain.from_iterable(_study(paths, name) for name in studies_of(arguments)),
        *filter(is_choice, arguments),
    ]
    try:
        overrides = OverridesParser.create().parse_overrides(written)
    except OverrideParseException as error:
        raise UserError(f"{error.override!r} is not understood: write key=value or key=value,value") from None
    except RecursionError:
        raise UserError("a value is nested too deeply") from None
    values = [_values(paths, override) for override in overrides]
    counts = [_count(override, len(found)) for override, found in zip(overrides, values, strict=True)]
    return Plan([found for found in values if found], None if None in counts else math.prod(filter(None, counts)))


def check_values(paths: Paths, plan: Plan) -> None:
    """Raise UserError for a value that can be used in no combination of the sweep: the first reason."""
    usable: set[str] = set()
    wanted = [override for tried in plan.tried for override in tried]
    with Progress("check the values", len(wanted), "values") as shown:
        for together in _turns(plan.tried):
            if _fault(paths, together) is None:
                usable |= set(together)
                shown.update(len(usable) - shown.done)
        for override in wanted:
            if override not in usable:
                usable |= _usable_with(paths, plan.tried, override)
                shown.update(len(usable) - shown.done)


def studies_of(arguments: Sequence[str]) -> list[str]:
    """The names of the studies that the arguments choose."""
    return [argument.partition("=")[2] for argument in arguments if argument.startswith("+sweep=")]


def _usable_with(paths: Paths, tried: Sequence[Sequence[str]], override: str) -> set[str]:
    """The first combination with this override that can be used. Raises UserError where there is none."""
    alternatives = product(*([override] if override in values else values for values in tried))
    first: UserError | None = None
    for together in islice(alternatives, MAX_TRIED):
        fault = _fault(paths, together)
        if fault is None:
            return set(together)
        first = first or fault
    assert first is not None
    raise first


def _fault(paths: Paths, overrides: Sequence[str]) -> UserError | None:
    try:
        compose(paths, overrides)
    except UserError as error:
        return error
    return None


def _turns(tried: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Few combinations in which every override is: the first of each, the second of each, ..."""
    for turn in zip_longest(*tried):
        yield [one if one is not None else values[0] for one, values in zip(turn, tried, strict=True)]


def is_choice(argument: str) -> bool:
    """Whether an argument is about this project's configuration, and not Hydra's own."""
    return not argument.startswith("-") and not argument.lstrip("+~").startswith(("hydra.", "hydra/", "sweep="))


def _study(paths: Paths, name: str) -> list[str]:
    """The overrides in a study. No job would record a value set elsewhere in it, so its run could not be repeated."""
    file = paths.option("sweep", name)
    shown = f"conf/sweep/{file.name}"
    if not file.is_file():
        known = options_of(paths, "sweep")
        meant = did_you_mean(name, known)
        raise UserError(f"+sweep={name}: no such study{meant}; choose one of: {', '.join(known)} (conf/sweep/)")
    content = read_mapping(file, shown)
    for key in content:
        if key != "hydra":
            raise UserError(f"{shown}: {key}: a study sets only {PARAMS}: move the value there")
    sweeper = (content.get("hydra") or {}).get("sweeper") or {}
    params = sweeper.get("params") or {}
    if not isinstance(params, dict):
        raise UserError(f"{shown}: {PARAMS} must hold `key: value,value` lines")
    return [f"{key}={value}" for key, value in params.items()]


def _values(paths: Paths, override: Override) -> list[str]:
    """An override for each value that one lists, for the ends of a range or interval, for each option of a glob."""
    key, value = override.get_key_element(), override._value
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if isinstance(value, IntervalSweep):
        return [f"{key}={_plain(value.start)}", f"{key}={_plain(value.end)}"]
    if isinstance(value, Glob):
        return [f"{key}={option}" for option in value.filter(options_of(paths, override.key_or_group))]
    listed = [f"{key}={one}" for one in override.sweep_string_iterator()]
    return list(dict.fromkeys([listed[0], listed[-1]] if isinstance(value, RangeSweep) and listed else listed))


def _plain(end: float | None) -> str:
    return f"{end:g}" if isinstance(end, float) else str(end)


def _count(override: Override, listed: int) -> int | None:
    if override.value_type == ValueType.INTERVAL_SWEEP:
        return None
    if override.value_type == ValueType.RANGE_SWEEP:
        return sum(1 for _ in override.sweep_iterator())
    return max(1, listed)
