"""The optimizer: as fastai's Adam."""

from functools import partial

import pytest
import torch
from fastai.optimizer import Adam
from torch import nn

from fieldguide.training.optimizer import FusedAdam


def small(layout: torch.memory_format) -> nn.Sequential:
    torch.manual_seed(1)
    convolution = nn.Conv2d(3, 8, 3, bias=False)  # before a normalization a bias has no gradient, but rounding errors
    body = nn.Sequential(convolution, nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(body, nn.Linear(8, 3)).to(memory_format=layout)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("frozen", [0, -1])
def test_it_takes_the_steps_of_fastais_adam(layout: torch.memory_format, frozen: int) -> None:
    """With a rate for each layer, schedules of rate and momentum, and parts that weight decay spares."""
    chance = torch.Generator().manual_seed(2)
    batches = [torch.randn(8, 3, 9, 9, generator=chance) for _ in range(12)]
    ended = []
    for make in (partial(Adam, wd=0.01), FusedAdam):
        network = small(layout)
        optimizer = make([list(part.parameters()) for part in network], lr=0.01)
        optimizer.set_hypers(lr=[0.003, 0.01], wd=0.3)
        for parameter, *_ in optimizer.all_params():
            optimizer.state[parameter]["do_wd"] = parameter.ndim > 1
        optimizer.freeze_to(frozen)
        for number, batch in enumerate(batches):
            if number == 6:
                optimizer.clear_state()
            optimizer.set_hyper("mom", 0.95 - number / 100)
            network(batch).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        ended.append([parameter.detach() for parameter in network.parameters()])
    started = small(layout).parameters()
    for begun, theirs, ours in zip(started, *ended, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
        if frozen == 0:
            assert (ours - begun).abs().max() > 1e-3


def test_a_closure_is_refused_as_by_fastais() -> None:
    optimizer = FusedAdam([list(small(torch.contiguous_format).parameters())], lr=0.1)
    with pytest.raises(NotImplementedError):
        optimizer.step(lambda: 1.0)
