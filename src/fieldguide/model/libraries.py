"""timm and torchvision, imported without torch's compiler, which is most of the time that their import takes.

Both import it (torch._dynamo, and with it sympy, triton and torch.distributed) to mark functions that it must not
compile, and for a question that one operation asks when it is called. Both can wait for such a call.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import torch

COMPILER, COMPILER_UTILS = "torch._dynamo", "torch._dynamo.utils"


def library(name: str) -> Any:
    """The module `timm` or `torchvision`; whatever needs torch's compiler later gets it."""
    if name in sys.modules or COMPILER in sys.modules:
        return import_module(name)
    with _without_compiler():
        return import_module(name)


@contextmanager
def _without_compiler() -> Iterator[None]:
    utils = ModuleType(COMPILER_UTILS)
    utils.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    stand_ins = {COMPILER: ModuleType(COMPILER), COMPILER_UTILS: utils}
    disable = torch.compiler.disable
    sys.modules.update(stand_ins)
    torch.compiler.disable = _disable_when_called
    try:
        yield
    finally:
        torch.compiler.disable = disable
        for name in stand_ins:
            del sys.modules[name]


def _disable_when_called(
    function: Callable[..., Any] | None = None, recursive: bool = True, *, reason: str | None = None
) -> Any:
    """`torch.compiler.disable` as torch does it for its own functions."""
    return torch._disable_dynamo(function, recursive)  # type: ignore[attr-defined]


def _is_compile_supported(device: str) -> bool:
    from torch._dynamo.utils import is_compile_supported

    return bool(is_compile_supported(device))
