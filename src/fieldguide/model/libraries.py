"""timm and torchvision, imported and used without torch's compiler, which is most of the time that they take to start.

Both import it (torch._dynamo, and with it sympy, triton and torch.distributed) to mark functions that it must not
compile, and for a question that one operation asks when it is called; torch does so before it computes on its device
without memory, and in its optimizers. All can do without the mark as long as nothing is compiled.
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
    """The module `timm` or `torchvision`."""
    if name in sys.modules:
        return import_module(name)
    with without_compiler():
        return import_module(name)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Within it nothing loads torch's compiler; whatever needs it later gets it. Where it is loaded, it is used."""
    if COMPILER in sys.modules:
        yield
        return
    compiler, utils = ModuleType(COMPILER), ModuleType(COMPILER_UTILS)
    compiler.disable = _unmarked  # type: ignore[attr-defined]
    compiler.graph_break = _nothing_to_break  # type: ignore[attr-defined]
    utils.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    stand_ins = {COMPILER: compiler, COMPILER_UTILS: utils}
    disable = torch.compiler.disable
    sys.modules.update(stand_ins)
    torch.compiler.disable = _disable_when_called
    try:
        yield
    finally:
        torch.compiler.disable = disable
        for name in stand_ins:
            del sys.modules[name]


def _unmarked(function: Callable[..., Any], recursive: bool = True, *, wrapping: bool = True) -> Callable[..., Any]:
    """In place of `torch._dynamo.disable`: the function as it is."""
    return function


def _nothing_to_break() -> None:
    """In place of `torch._dynamo.graph_break`, which optimizers call at every step."""


def _disable_when_called(
    function: Callable[..., Any] | None = None, recursive: bool = True, *, reason: str | None = None
) -> Any:
    """`torch.compiler.disable` as torch does it for its own functions."""
    return torch._disable_dynamo(function, recursive)  # type: ignore[attr-defined]


def _is_compile_supported(device: str) -> bool:
    from torch._dynamo.utils import is_compile_supported

    return bool(is_compile_supported(device))
