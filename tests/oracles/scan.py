"""Slow truths about one segment of an element-wise cell, given its pre-activations: autograd through all its steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def gradients(value: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """∂value/∂leaf by autograd, zero for a leaf that has no part in it: recurrent parameters that a cell has not."""
    return torch.autograd.grad(value, leaves, retain_graph=True, materialize_grads=True)


@dataclass
class Case:
    """u (M, B, K, N), w (K', N), state (B, s, N), starts (M, B), direct gradients g (M, B, s, N)."""

    u: Tensor
    w: Tensor
    state: Tensor
    starts: Tensor
    g: Tensor

    def to(self, *target) -> Case:
        """The case on another device or with numbers of another type."""
        moved = {name: value.to(*target) for name, value in vars(self).items() if name != "starts"}
        return Case(**moved, starts=self.starts.to(moved["u"].device))


def random_case(cell, steps, batch, hidden, starts=(), seed=0, dtype=torch.float64) -> Case:
    """A case whose episodes begin at `starts`, pairs (step, slot)."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype)

    begins = torch.zeros(steps, batch, dtype=torch.bool)
    for start in starts:
        begins[start] = True
    gates, s = len(cell.gates), len(cell.state)
    return Case(
        normal(steps, batch, gates, hidden),
        normal(*cell.recurrent_shape(hidden)),
        normal(batch, s, hidden),
        begins,
        normal(steps, batch, s, hidden),
    )


@dataclass
class Truth:
    """states (M, B, s, N) and what Σ g states owes to u, w and the state; ∂c(M)/∂· for the state, for u and for w.

    p (B, s, s, N), q (M, B, s, K, N), o (B, s, K', N): every slot by itself.
    """

    states: Tensor
    d_u: Tensor
    d_w: Tensor
    d_state: Tensor
    p: Tensor
    q: Tensor
    o: Tensor


def scan(cell, case: Case) -> Truth:
    """All that a segment's scans make, by autograd."""
    leaf = lambda tensor: tensor.detach().clone().requires_grad_()
    u, state = leaf(case.u), leaf(case.state)
    w = leaf(case.w.expand(len(case.state), *case.w.shape))  # a copy for each slot
    states, c = [], state
    for t, start in enumerate(case.starts):
        c = torch.where(start[:, None, None], torch.zeros_like(c), c)
        c = torch.cat([cell.step(u[t, b : b + 1], c[b : b + 1], w[b]) for b in range(len(c))])
        states.append(c)
    d_u, d_w, d_state = gradients((case.g * torch.stack(states)).sum(), [u, w, state])
    rows = [gradients(c[:, i].sum(), [u, w, state]) for i in range(c.shape[1])]
    of_u, of_w, of_state = (torch.stack(parts) for parts in zip(*rows))
    return Truth(
        torch.stack(states).detach(),
        d_u,
        d_w.sum(0),
        d_state,
        of_state.movedim(0, 1),
        of_u.movedim(0, 2),
        of_w.movedim(0, 1),
    )
