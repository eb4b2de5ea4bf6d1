"""Operations: what one class (or function) names, describes and does, so that a new one is one file.

An operation lives in the folder of its kind, in the room that uses it. The schema in base knows the kinds alone, so a
process validates what it has loaded: a stage the kinds whose options it reads, the stage `config` and the commands all
(`fieldguide.configuration`).
"""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from importlib import import_module
from typing import Annotated, Any, TypeVar, Union, get_args, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic_core import CoreSchema, core_schema

Operation = TypeVar("Operation", bound=Callable[..., Any])

STRICT = ConfigDict(extra="forbid")
LAST_PLACE = 1000


class Operations(Mapping[str, Any]):
    """The operations of one kind by their names, in the order of their places and names.

    As an annotation (`Annotated[Any, RESIZES]`) it makes pydantic validate a mapping as one of its dataclasses.

    Parameters
    ----------
    group
        The group of options (conf/<group>/) that chooses among them; "" where none does.
    key
        The field that holds the name, in the dataclasses and in the option files: `name: Literal["flip"]`.
    """

    def __init__(self, group: str = "", key: str = "") -> None:
        self.group, self.key = group, key
        self._known: dict[str, tuple[int, Any]] = {}
        self._adapter: TypeAdapter[Any] | None = None

    def register(self, operation: Operation) -> Operation:
        """Add a dataclass under the words of its field `key`, or a function under its own name; a decorator."""
        return self.at(LAST_PLACE)(operation)

    def at(self, place: int) -> Callable[[Operation], Operation]:
        """Register at a place in the order, where tables and figures show one."""

        def add(operation: Operation) -> Operation:
            if is_dataclass(operation):
                operation.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
            names = get_args(get_type_hints(operation)[self.key]) if self.key else (operation.__name__,)
            for name in names:
                assert name not in self._known, f"two operations are named {name}"
                self._known[name] = (place, operation)
            self._adapter = None
            return operation

        return add

    def __getitem__(self, name: str) -> Any:
        return self._known[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._known, key=lambda name: (self._known[name][0], name)))

    def __len__(self) -> int:
        return len(self._known)

    def validate(self, value: Any) -> Any:
        """The operation that a mapping describes; the mapping itself where this process has loaded none of the kind."""
        if not self._known:
            return value
        if self._adapter is None:
            members = tuple(dict.fromkeys(self.values()))
            kinds: Any = Annotated[Union[members], Field(discriminator=self.key)]  # noqa: UP007
            self._adapter = TypeAdapter(kinds)
        return self._adapter.validate_python(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)


def import_modules(package: str, path: Iterable[str]) -> None:
    """Import all modules of a folder, given its package's `__name__` and `__path__`: a new file needs no other edit."""
    for module in pkgutil.iter_modules(path):
        import_module(f"{package}.{module.name}")


DATA_SOURCES = Operations("data", "kind")
RESIZES = Operations("resize", "method")
AUGMENTATIONS = Operations("augment", "name")
SCHEDULES = Operations("schedule", "name")
DETECTORS = Operations("ood", "detector")
SHIFTS = Operations()
CONFIGURED = {kind.group: kind for kind in (DATA_SOURCES, RESIZES, AUGMENTATIONS, SCHEDULES, DETECTORS)}
