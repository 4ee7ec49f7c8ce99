"""Slow truths about a recurrent layer: autograd through the whole stream."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rtrl_bench.cells import Readout


@dataclass
class Stream:
    """x (T, B, D), starts (T, B), direct loss weights v (T, B, s, N): the loss is Σ v ⊙ tanh(c)."""

    x: Tensor
    starts: Tensor
    v: Tensor
    unroll: int

    def segments(self):
        return [slice(k, k + self.unroll) for k in range(0, len(self.x), self.unroll)]


class States(Readout):
    """A readout that shows all states, so that a loss can be put on them."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return c


def loss(states: Tensor, v: Tensor) -> Tensor:
    return (v * torch.tanh(states)).sum()


def bptt(cell, parameters, stream: Stream) -> dict[str, Tensor]:
    """Gradients of the whole stream's loss by autograd, one tape from the first step to the last."""
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    total = loss(unrolled_states(cell, leaves, stream), stream.v)
    return dict(zip(("weight", "bias", "recurrent"), gradients(total, leaves)))


def gradients(value: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """∂value/∂leaf by autograd, zero for a leaf that has no part in it: recurrent parameters that a cell has not."""
    return torch.autograd.grad(value, leaves, retain_graph=True, materialize_grads=True)


def unrolled_states(cell, leaves, stream: Stream) -> Tensor:
    weight, bias, w = leaves
    state = torch.zeros(stream.v.shape[1:], dtype=stream.x.dtype)
    states = []
    for x, start in zip(stream.x, stream.starts):
        state = torch.where(start[:, None, None], torch.zeros_like(state), state)
        u = torch.stack([x @ weight[k].T + bias[k] for k in range(len(weight))], dim=1)
        state = cell.step(u, state, w)
        states.append(state)
    return torch.stack(states)


def sensitivities(cell, parameters, stream: Stream) -> dict[str, Tensor]:
    """∂c(T)/∂θ, (B, s, N, *θ), one autograd pass per number of the last state."""
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    last = unrolled_states(cell, leaves, stream)[-1]
    rows = [gradients(value, leaves) for value in last.flatten()]
    stacked = [torch.stack(grads).reshape(*last.shape, *leaf.shape) for grads, leaf in zip(zip(*rows), leaves)]
    return dict(zip(("weight", "bias", "recurrent"), stacked))
