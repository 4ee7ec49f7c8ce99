"""The policy's distribution over actions: one categorical distribution per factor, independent of each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class FactorisedActions:
    """Actions of K independent discrete factors; `sizes` has the number n_k of values of each.

    Logits are (..., n_1 + ... + n_K), one factor behind the other. Actions are int64 (..., K), or (...) if K = 1: then
    the policy is one categorical distribution.
    """

    def __init__(self, sizes: Sequence[int]):
        self.sizes = tuple(sizes)

    @property
    def logits(self) -> int:
        """How many logits there are."""
        return sum(self.sizes)

    def log_probs(self, logits: Tensor) -> Tensor:
        """Logits (..., n_1 + ... + n_K) normalised factor by factor."""
        return _side_by_side([torch.log_softmax(part, dim=-1) for part in self._parts(logits)])

    def taken(self, log_probs: Tensor, actions: Tensor) -> Tensor:
        """log π (...) of actions: the sum over the factors."""
        if len(self.sizes) == 1:
            return log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        parts = zip(self._parts(log_probs), actions.split(1, dim=-1), strict=True)
        return torch.cat([part.gather(-1, one) for part, one in parts], dim=-1).sum(-1)

    def negative_entropy(self, log_probs: Tensor) -> Tensor:
        """Σ π log π (...), in nats: that of independent factors is the sum of theirs."""
        return (log_probs.exp() * log_probs).sum(-1)

    def noise(self, batch: int, generator: torch.Generator) -> Tensor:
        """What `sample` draws B = `batch` actions with: (B, n_1 + ... + n_K), drawn one factor after the other."""
        drawn = [
            torch.empty(batch, size, device=generator.device).exponential_(generator=generator) for size in self.sizes
        ]
        return _side_by_side(drawn)

    def sample(self, log_probs: Tensor, noise: Tensor) -> Tensor:
        """Actions drawn from (B, n_1 + ... + n_K): of each factor the value that comes first of n exponential clocks.

        The clock of a value runs at its probability, so it is the first with that probability: what torch.multinomial
        does, but without its checks, of which a failed one ends a GPU's context. Where a logit is NaN, any action.
        """
        parts = zip(self._parts(log_probs), self._parts(noise))
        return self._joined([(part.exp() / clock).argmax(dim=-1, keepdim=True) for part, clock in parts])

    def greedy(self, logits: Tensor) -> Tensor:
        """The most probable actions: of each factor the most probable value."""
        return self._joined([part.argmax(dim=-1, keepdim=True) for part in self._parts(logits)])

    def _parts(self, logits: Tensor) -> tuple[Tensor, ...]:
        return (logits,) if len(self.sizes) == 1 else logits.split(self.sizes, dim=-1)

    def _joined(self, factors: list[Tensor]) -> Tensor:
        return factors[0].squeeze(-1) if len(factors) == 1 else torch.cat(factors, dim=-1)


def _side_by_side(parts: list[Tensor]) -> Tensor:
    """(..., n_1 + ... + n_K) of K factors' (..., n_k)."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
