"""The optimizer: fastai's Adam, computed by PyTorch for all parameters at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from fastai.optimizer import Optimizer
from torch.optim.adamw import adamw


class FusedAdam(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019) and the numbers of `fastai.optimizer.Adam`.

    That one takes some fifteen steps in Python for each parameter: with small pictures an eighth of the training. It
    freezes, forgets and spares normalization and biases from weight decay as fastai's do.
    """

    def __init__(self, params: Iterable[Any], lr: float) -> None:
        super().__init__(params, [], lr=lr, mom=0.9, sqr_mom=0.99, eps=1e-5, wd=0.01)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """Change each parameter that has a gradient; `closure` is there for the interface alone."""
        together: defaultdict[tuple[int, bool], list[Any]] = defaultdict(list)
        hypers = {id(hyper): hyper for hyper in self.hypers}
        for parameter, _, state, hyper in self.all_params(with_grad=True):
            if "step" not in state:
                state["grad_avg"], state["sqr_avg"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] = torch.zeros((), device=parameter.device)
            tensors = (parameter, parameter.grad, state["grad_avg"], state["sqr_avg"], state["step"])
            together[id(hyper), state.get("do_wd", True)].append(tensors)
        for (place, decays), of_each in together.items():
            hyper = hypers[place]
            parameters, gradients, averages, squares, steps = map(list, zip(*of_each, strict=True))
            adamw(
                parameters,
                gradients,
                averages,
                squares,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=hyper["mom"],
                beta2=hyper["sqr_mom"],
                lr=hyper["lr"],
                weight_decay=hyper["wd"] if decays else 0.0,
                eps=hyper["eps"],
                maximize=False,
            )
