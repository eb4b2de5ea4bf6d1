"""Choosing how an architecture computes fastest in training on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from fieldguide.base.errors import UserError


@dataclass(frozen=True)
class Computing:
    """Number format ("float32", "bfloat16" or "float16") and whether pictures lie in memory channels last."""

    precision: str
    channels_last: bool


def choose_computing(network: nn.Module, precision: str) -> Computing:
    """The named precision, or for "auto" the one that the network gains by here.

    Rules instead of a measurement, since the same machine must always choose the same; bench/training_step.py measures
    what they gain. GPUs gain by bfloat16, older ones (compute capability 7.0 to 7.5) by float16 with loss scaling; for
    processors see `_gains_by_bfloat16`. Convolutions gain by channels last; transformers have but one, which embeds
    patches.

    Raises UserError for float16 without a GPU.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if precision == "float16" and not torch.cuda.is_available():
        raise UserError("train.precision: float16 needs a GPU: choose auto, float32 or bfloat16 in params.yaml")
    if precision == "auto":  # a head alone has no convolutions, and is too small to gain
        precision = _fastest(convolutions) if convolutions else "float32"
    return Computing(precision, channels_last=len(convolutions) > 1)


def _fastest(convolutions: Sequence[nn.Conv2d]) -> str:
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bfloat16"
        return "float16" if torch.cuda.get_device_capability() >= (7, 0) else "float32"
    return "bfloat16" if _gains_by_bfloat16(convolutions) else "float32"


def _gains_by_bfloat16(convolutions: Sequence[nn.Conv2d]) -> bool:
    """Whether a training step is faster in bfloat16 on this processor (torch 2.14, oneDNN).

    Ordinary convolutions and transformers gain wherever bfloat16 is computed at all: 1.3 to 2.7 times. Depthwise ones
    lose, in the backward pass and most of all with strides. On processors with AMX (Intel) networks that have any lose
    or gain nothing. With AVX512-BF16 alone (AMD) the rest gains more than they lose (1.0 to 2.2 times), unless large
    kernels have strides, as in EfficientNet and MobileNetV4 (0.6 to 0.7).
    """
    depthwise = [module for module in convolutions if module.groups > 1]
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    if not depthwise:
        return True
    processor = torch.cpu.get_capabilities()
    if processor.get("amx_tile") or not processor.get("avx512_bf16"):
        return False
    return not any(max(module.kernel_size) > 3 and max(module.stride) > 1 for module in depthwise)
