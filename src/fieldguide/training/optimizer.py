"""The optimizer: fastai's Adam, computed by PyTorch for all parameters at a time."""

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
        """Change each parameter that has a gradient. Raises NotImplementedError for a closure, as fastai's do."""
        if closure is not None:
            raise NotImplementedError("fastai's optimizers take no closure")
        for group, hyper in zip(self.param_lists, self.hypers, strict=True):
            with_gradient = [parameter for parameter in group if parameter.grad is not None]
            for decays in (True, False):
                alike = [one for one in with_gradient if self.state[one].get("do_wd", True) == decays]
                if alike:
                    self._step_of(alike, hyper, hyper["wd"] if decays else 0.0)

    def _step_of(self, parameters: list[Any], hyper: dict[str, float], decay: float) -> None:
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if "step" not in state:
                state["grad_avg"], state["sqr_avg"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] = torch.zeros((), device=parameter.device)
        adamw(
            parameters,
            [parameter.grad for parameter in parameters],
            [state["grad_avg"] for state in states],
            [state["sqr_avg"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=hyper["mom"],
            beta2=hyper["sqr_mom"],
            lr=hyper["lr"],
            weight_decay=decay,
            eps=hyper["eps"],
            maximize=False,
        )
