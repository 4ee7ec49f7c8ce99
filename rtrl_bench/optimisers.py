"""RMSProp and Adam on lists of tensors, with torch.optim's arithmetic.

Written here because the first step of any torch.optim optimiser imports torch's compiler: four seconds of a core, more
than many of our runs train for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Optimiser:
    """Parameters and, per slot name, one state tensor for each of them."""

    slots: tuple[str, ...]

    def __init__(self, parameters: Iterable[Tensor]):
        self.parameters = [p for p in parameters if p.numel()]  # a cell without state has empty ones
        self.steps = 0
        self.state = {name: [torch.zeros_like(p) for p in self.parameters] for name in self.slots}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One descent step; parameters without a gradient stand still, as if it were zero."""
        self.steps += 1
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        torch._foreach_add_(self.parameters, self._direction(gradients), alpha=-learning_rate)

    def finite(self) -> bool:
        """Whether no parameter is infinite or not a number."""
        with torch.no_grad():
            return bool(torch.isfinite(torch.stack(torch._foreach_norm(self.parameters, float("inf")))).all())

    def _direction(self, gradients: list[Tensor]) -> tuple[Tensor, ...] | list[Tensor]:
        raise TypeError(f"{type(self).__name__} must define _direction")

    def state_dict(self) -> dict[str, Any]:
        """Everything `load_state_dict` needs; the tensors are shared, not copied."""
        return {"steps": self.steps, **self.state}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over a saved state."""
        self.steps = saved["steps"]
        for name in self.slots:
            for mine, theirs in zip(self.state[name], saved[name], strict=True):
                mine.copy_(theirs)


class RMSProp(Optimiser):
    """s ← α s + (1 - α) g²; v ← μ v + g / (√s + ε); p ← p - lr v  (Tieleman & Hinton 2012)."""

    slots = ("square_average", "velocity")

    def __init__(self, parameters: Iterable[Tensor], alpha: float, epsilon: float, momentum: float):
        super().__init__(parameters)
        self.alpha, self.epsilon, self.momentum = alpha, epsilon, momentum

    def _direction(self, gradients: list[Tensor]) -> tuple[Tensor, ...] | list[Tensor]:
        square = self.state["square_average"]
        torch._foreach_mul_(square, self.alpha)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - self.alpha)
        scale = torch._foreach_sqrt(square)
        torch._foreach_add_(scale, self.epsilon)
        normalised = torch._foreach_div(gradients, scale)
        if not self.momentum:
            return normalised
        torch._foreach_mul_(self.state["velocity"], self.momentum)
        torch._foreach_add_(self.state["velocity"], normalised)
        return self.state["velocity"]


class Adam(Optimiser):
    """m ← β₁ m + (1 - β₁) g; s ← β₂ s + (1 - β₂) g²; p ← p - lr m̂ / (√ŝ + ε)  (Kingma & Ba 2015)."""

    slots = ("average", "square_average")

    def __init__(self, parameters: Iterable[Tensor], betas: tuple[float, float], epsilon: float):
        super().__init__(parameters)
        self.betas, self.epsilon = betas, epsilon

    def _direction(self, gradients: list[Tensor]) -> tuple[Tensor, ...] | list[Tensor]:
        average, square = self.state["average"], self.state["square_average"]
        beta1, beta2 = self.betas
        torch._foreach_lerp_(average, gradients, 1 - beta1)
        torch._foreach_mul_(square, beta2)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - beta2)
        scale = torch._foreach_sqrt(square)
        torch._foreach_div_(scale, (1 - beta2**self.steps) ** 0.5)
        torch._foreach_add_(scale, self.epsilon)
        torch._foreach_mul_(scale, 1 - beta1**self.steps)
        return torch._foreach_div(average, scale)
