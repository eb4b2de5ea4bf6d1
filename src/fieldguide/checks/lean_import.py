"""Great Expectations, imported without what only databases, clouds, charts and few expectations need.

It takes half of the time so. It can do without SQLAlchemy and boto3, which it then calls not installed; for the others
modules stand in that load the real ones when something is first asked of them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

NEVER_USED = ("sqlalchemy", "boto3")
SELDOM_USED = ("altair", "scipy.stats")


@contextmanager
def lean_import() -> Iterator[None]:
    """Within it imports of these modules cost nothing, unless they are loaded already."""
    stand_ins: dict[str, Any] = {
        **dict.fromkeys(NEVER_USED),  # None, at which an import fails
        **{name: _loaded_when_used(name) for name in SELDOM_USED},
    }
    placed = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(placed)
    try:
        yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _loaded_when_used(name: str) -> ModuleType:
    module = ModuleType(name)

    def ask(attribute: str) -> Any:
        if attribute.startswith("__"):  # what looks through all loaded modules does not use them
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    module.__getattr__ = ask  # type: ignore[method-assign]
    return module
