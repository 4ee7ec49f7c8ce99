"""What the unbiased estimates of RTRL share: random signs, and weights that make two factors of a product equal."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

EPSILON = 1e-7  # ε of Tallec & Ollivier 2018, algorithm 1


def signs(shape: Sequence[int], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """-1 and 1 with equal probability, on the device and in the type of `like`."""
    return torch.randint(0, 2, tuple(shape), generator=generator, device=like.device).to(like) * 2 - 1


def norm(parts: Sequence[Tensor]) -> Tensor:
    """(B,): of all numbers of a slot, given tensors (B, ...)."""
    return torch.stack([part.flatten(1).square().sum(dim=1) for part in parts]).sum(dim=0).sqrt()


def balance(larger: Tensor, smaller: Tensor) -> Tensor:
    """ρ (B,), which makes two norms equal when the second is multiplied and the first divided by it."""
    return (larger / (smaller + EPSILON)).sqrt() + EPSILON
