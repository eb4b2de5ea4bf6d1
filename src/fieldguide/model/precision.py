"""Choosing the precision that an architecture trains fastest in on this machine."""

import torch
from torch import nn


def choose_precision(network: nn.Module) -> str:
    """ "bfloat16" where the device computes in it and the network gains by it, else "float32".

    On processors, networks with depthwise convolutions lose by bfloat16 (measured with torch 2.14 on AVX512-BF16:
    ResNets 1.5 to 2.5 times as fast, MobileNet and ConvNeXt slower). A rule instead of a measurement, since the same
    machine must always choose the same.
    """
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bfloat16" if has_bfloat16 and not _has_depthwise(network) else "float32"


def _has_depthwise(network: nn.Module) -> bool:
    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    return any(module.groups > 1 and module.groups == module.in_channels for module in convolutions)
