"""What cameras in the field do to pictures, as batch transforms that fastai lacks.

All draw from torch's generator of the batch's device alone, anew for every picture. Batches are TensorImages (n, 3,
height, width), float in [0, 1], as they are between fastai's light transforms and Normalize; their own order there is
that of the list.
"""

import math
from functools import partial
from typing import Any

import torch
from fastai.torch_core import TensorImage
from fastai.vision.augment import AffineCoordTfm, RandTransform
from torch.nn.functional import conv2d, pad

AFTER_LIGHT = 50  # fastai's order: 30 moves pixels, 40 changes light, 99 normalises
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's "L"


class UpsideDown(AffineCoordTfm):
    """Turns a picture by 180 degrees with probability `p`, in one interpolation with what else moves pixels."""

    def __init__(self, p: float) -> None:
        super().__init__(partial(_half_turns, p), align_corners=True)


class PerPicture(RandTransform):
    """Takes every training batch; which of its pictures change, with probability `p`, is decided for each of them."""

    order = AFTER_LIGHT

    def before_call(self, batch: Any, split_idx: int) -> None:
        """fastai would take or leave a batch as a whole."""
        self.do = True


class Grayscale(PerPicture):
    """Takes the colour away with probability `p`."""

    def encodes(self, pictures: TensorImage) -> TensorImage:
        """Grey pictures, still of three channels."""
        chosen = _chosen(pictures, self.p)
        luma = pictures.new_tensor(LUMA)[None, :, None, None]
        pictures[chosen] = (pictures[chosen] * luma).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
        return pictures


class Blur(PerPicture):
    """Blurs with probability `p` by a Gaussian whose standard deviation is at most `share` of the picture's side.

    With `motion` it smears along one random direction only.
    """

    def __init__(self, share: float, p: float, motion: bool) -> None:
        super().__init__(p=p)
        self.share, self.motion = share, motion

    def encodes(self, pictures: TensorImage) -> TensorImage:
        """Blurred pictures, mirrored at their edges while blurring."""
        chosen = _chosen(pictures, self.p)
        along = torch.rand(len(pictures), device=pictures.device) * self.share * pictures.shape[-1]
        angles = torch.rand(len(pictures), device=pictures.device) * math.pi
        if not chosen.any():
            return pictures
        across = torch.zeros_like(along) if self.motion else along
        radius = min(math.ceil(2.5 * self.share * pictures.shape[-1]), pictures.shape[-1] - 1)
        kernels = gaussian_kernels(along[chosen], across[chosen], angles[chosen], radius)
        sharp = pictures[chosen].as_subclass(torch.Tensor)
        count, channels, height, width = sharp.shape
        framed = pad(sharp, [radius] * 4, mode="reflect").flatten(0, 1)[None]
        weights = kernels[:, None].repeat_interleave(channels, dim=0)
        blurred = conv2d(framed, weights, groups=count * channels)
        pictures[chosen] = TensorImage(blurred.reshape(count, channels, height, width))
        return pictures


class Noise(PerPicture):
    """Adds Gaussian noise with probability `p`, its standard deviation at most `strength` where 1 is white."""

    def __init__(self, strength: float, p: float) -> None:
        super().__init__(p=p)
        self.strength = strength

    def encodes(self, pictures: TensorImage) -> TensorImage:
        """Noisy pictures, still in [0, 1]."""
        chosen = _chosen(pictures, self.p)
        sigma = torch.rand(len(pictures), device=pictures.device)[chosen] * self.strength
        clear = pictures[chosen]
        pictures[chosen] = (clear + torch.randn_like(clear) * sigma[:, None, None, None]).clamp(0, 1)
        return pictures


class Erase(PerPicture):
    """Fills one rectangle with noise with probability `p`: at most `share` of the picture, its sides 1:3 to 3:1.

    The parts are those of Zhong et al. 2017; fastai's own RandomErasing takes the same rectangle for a whole batch.
    """

    order = 100  # after Normalize: the noise has the spread of normalized pictures

    def __init__(self, share: float, p: float) -> None:
        super().__init__(p=p)
        self.share = share

    def encodes(self, pictures: TensorImage) -> TensorImage:
        """Pictures of which some have a rectangle of noise."""
        count, channels, height, width = pictures.shape
        chosen = _chosen(pictures, self.p)
        area, aspect, down, right = torch.rand(4, count, device=pictures.device)
        area, aspect = area * self.share, 9 ** (aspect - 0.5)
        inside = _stretch(down, (area * aspect).sqrt(), height)[:, :, None]
        inside = inside & _stretch(right, (area / aspect).sqrt(), width)[:, None, :] & chosen[:, None, None]
        noise = torch.randn(count, channels, height, width, device=pictures.device)
        return TensorImage(torch.where(inside[:, None], noise, pictures.as_subclass(torch.Tensor)))


def gaussian_kernels(along: torch.Tensor, across: torch.Tensor, angles: torch.Tensor, radius: int) -> torch.Tensor:
    """Gaussian kernels (n, 2 radius + 1, 2 radius + 1), each of sum 1.

    Parameters
    ----------
    along, across
        Standard deviations (n) in pixels, in the direction of `angles` (n, radians) and across it. Where one is below
        0.3 pixels, 0.3 is taken: less than a pixel changes nothing, and a line of no width falls between the pixels.
    """
    steps = torch.arange(-radius, radius + 1, device=along.device, dtype=along.dtype)
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    forward = (right * cosine + down * sine) / along.clamp(min=0.3)[:, None, None]
    sideways = (down * cosine - right * sine) / across.clamp(min=0.3)[:, None, None]
    kernels = torch.exp(-(forward**2 + sideways**2) / 2)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)


def _half_turns(p: float, pictures: TensorImage) -> Any:
    """Affine matrices (n, 3, 3): minus one for the pictures that are turned, else one."""
    sign = 1 - 2 * _chosen(pictures, p).float()
    return torch.diag_embed(torch.stack([sign, sign, torch.ones_like(sign)], dim=1))


def _stretch(place: torch.Tensor, share: torch.Tensor, length: int) -> torch.Tensor:
    """Which of `length` pixels (n, length) lie in a stretch of so large a share (n), placed by numbers in [0, 1)."""
    share = share.clamp(max=1)
    start = place * (1 - share)
    centres = (torch.arange(length, device=place.device) + 0.5) / length
    return (centres >= start[:, None]) & (centres < (start + share)[:, None])


def _chosen(pictures: TensorImage, p: float) -> torch.Tensor:
    return torch.rand(len(pictures), device=pictures.device) < p
