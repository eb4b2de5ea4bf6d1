"""Choosing how an architecture computes fastest in training on this machine."""

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
    what they gain. On processors, networks with depthwise convolutions lose by bfloat16 (torch 2.14 on AVX512-BF16:
    ResNets 1.5 to 2.5 times as fast, MobileNet and ConvNeXt slower). GPUs gain by bfloat16, older ones (compute
    capability 7.0 to 7.5) by float16 with loss scaling. Convolutions gain by channels last; transformers have but one,
    to embed patches.

    Raises UserError for float16 without a GPU.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if precision == "float16" and not torch.cuda.is_available():
        raise UserError("train.precision: float16 needs a GPU: choose auto, float32 or bfloat16 in params.yaml")
    if precision == "auto":  # a head alone has no convolutions, and is too small to gain
        precision = _fastest(any(module.groups > 1 for module in convolutions)) if convolutions else "float32"
    return Computing(precision, channels_last=len(convolutions) > 1)


def _fastest(has_grouped_convolutions: bool) -> str:
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bfloat16"
        return "float16" if torch.cuda.get_device_capability() >= (7, 0) else "float32"
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bfloat16" if has_bfloat16 and not has_grouped_convolutions else "float32"
