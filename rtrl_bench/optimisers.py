"""RMSProp and Adam by torch.optim's functions, with a learning rate that is given at every step.

Not by its classes: the first step of any of them imports torch's compiler, four seconds of a core, more than many of
our runs train for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop


class Optimiser:
    """Parameters, the number of steps taken, and per slot name one state tensor for each parameter."""

    slots: tuple[str, ...]

    def __init__(self, parameters: Iterable[Tensor]):
        self.parameters = [p for p in parameters if p.numel()]  # a cell without state has empty ones
        self.steps = [torch.zeros((), dtype=torch.float32) for _ in self.parameters]
        self.state = {name: [torch.zeros_like(p) for p in self.parameters] for name in self.slots}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One descent step of the parameters that have a gradient; the others, and what is kept of them, stay."""
        moving = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        if moving:
            state = {name: [tensors[i] for i in moving] for name, tensors in self.state.items()}
            self._update([self.parameters[i] for i in moving], state, [self.steps[i] for i in moving], learning_rate)

    @torch.no_grad()
    def largest(self) -> Tensor:
        """The largest size of a number in the parameters, (); not finite where one of them is not."""
        # The maximum norm, torch._foreach_norm(..., inf), is 30 times slower on a CPU.
        return torch.stack([end for p in self.parameters for end in torch.aminmax(p)]).abs().max()

    def _update(
        self, parameters: list[Tensor], state: dict[str, list[Tensor]], steps: list[Tensor], learning_rate: float
    ) -> None:
        raise TypeError(f"{type(self).__name__} must define _update")

    def state_dict(self) -> dict[str, Any]:
        """Everything `load_state_dict` needs; the tensors are shared, not copied."""
        return {"steps": self.steps, **self.state}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over a saved state, wherever its tensors are."""
        for name, mine in {"steps": self.steps, **self.state}.items():
            for tensor, other in zip(mine, saved[name], strict=True):
                tensor.copy_(other)


class RMSProp(Optimiser):
    """s ← α s + (1 - α) g²; v ← μ v + g / (√s + ε); p ← p - lr v  (Tieleman & Hinton 2012)."""

    slots = ("square_average", "velocity")

    def __init__(self, parameters: Iterable[Tensor], alpha: float, epsilon: float, momentum: float):
        super().__init__(parameters)
        self.alpha, self.epsilon, self.momentum = alpha, epsilon, momentum

    def _update(
        self, parameters: list[Tensor], state: dict[str, list[Tensor]], steps: list[Tensor], learning_rate: float
    ) -> None:
        rmsprop(
            parameters,
            _gradients(parameters),
            state["square_average"],
            grad_avgs=[],
            momentum_buffer_list=state["velocity"],
            state_steps=steps,
            foreach=True,
            lr=learning_rate,
            alpha=self.alpha,
            eps=self.epsilon,
            weight_decay=0.0,
            momentum=self.momentum,
            centered=False,
        )


class Adam(Optimiser):
    """m ← β₁ m + (1 - β₁) g; s ← β₂ s + (1 - β₂) g²; p ← p - lr m̂ / (√ŝ + ε)  (Kingma & Ba 2015)."""

    slots = ("average", "square_average")

    def __init__(self, parameters: Iterable[Tensor], betas: tuple[float, float], epsilon: float):
        super().__init__(parameters)
        self.betas, self.epsilon = betas, epsilon

    def _update(
        self, parameters: list[Tensor], state: dict[str, list[Tensor]], steps: list[Tensor], learning_rate: float
    ) -> None:
        adam(
            parameters,
            _gradients(parameters),
            state["average"],
            state["square_average"],
            max_exp_avg_sqs=[],
            state_steps=steps,
            foreach=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=learning_rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]
