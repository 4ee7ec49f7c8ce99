"""Slow truths about a stack of recurrent layers: autograd through the whole stream, cut where a method cuts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from rtrl_bench.gradients import Layer, Parameters

Cut = Callable[[int, int], bool]  # (step, layer) -> whether the layer takes its previous state as a constant


def never(step: int, layer: int) -> bool:
    return False


def parameters(layers: Sequence[Layer]) -> dict[str, Tensor]:
    """Every parameter of a stack by name, `0.weight` to `1.readout.linear.bias`."""
    named = {}
    for number, layer in enumerate(layers):
        named |= {f"{number}.{name}": p for name, p in layer.parameters._asdict().items()}
        named |= {f"{number}.readout.{name}": p for name, p in layer.readout.named_parameters()}
    return named


def gradient(
    cell, layers: Sequence[Layer], x: Tensor, starts: Tensor, v: Tensor, cut: Cut = never
) -> dict[str, Tensor]:
    """∂/∂θ of Σ v ⊙ tanh(h) over the whole stream x (T, B, D), starts (T, B), v (T, B, ·)."""
    leaves = [copied(layer) for layer in layers]
    total = (v * torch.tanh(outputs(cell, leaves, x, starts, cut))).sum()
    if total.requires_grad:  # the outputs of a cell without parameters do not
        total.backward()
    zero = torch.zeros(())
    return {name: zero.expand(p.shape) if p.grad is None else p.grad for name, p in parameters(leaves).items()}


def outputs(cell, layers: Sequence[Layer], x: Tensor, starts: Tensor, cut: Cut = never) -> Tensor:
    """The top layer's h (T, B, ·), step by step and layer by layer."""
    return _run(cell, layers, x, starts, cut)[0]


def states(cell, layers: Sequence[Layer], x: Tensor, starts: Tensor) -> tuple[Tensor, ...]:
    """Every layer's last state (B, s, N)."""
    return tuple(_run(cell, layers, x, starts, never)[1])


def step(cell, layer: Layer, x: Tensor, start: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """One layer's next state (B, s, N) and its output h (B, ·)."""
    before = torch.where(start[:, None, None], torch.zeros_like(state), state)
    weight, bias, recurrent = layer.parameters
    u = (x[:, None, None] * weight).sum(-1) + bias
    state = cell.step(u, before, recurrent)
    return state, layer.readout(x, state)


def copied(layer: Layer) -> Layer:
    """The same layer with parameters of its own."""
    leaves = Parameters(*(p.detach().clone().requires_grad_() for p in layer.parameters))
    readout: nn.Module = copy.deepcopy(layer.readout)
    return Layer(leaves, readout)


def _run(cell, layers: Sequence[Layer], x: Tensor, starts: Tensor, cut: Cut) -> tuple[Tensor, list[Tensor]]:
    n = layers[0].parameters.weight.shape[1]
    states = [torch.zeros(x.shape[1], len(cell.state), n, dtype=x.dtype) for _ in layers]
    out = []
    for t, (h, start) in enumerate(zip(x, starts)):
        for number, layer in enumerate(layers):
            before = states[number].detach() if cut(t, number) else states[number]
            states[number], h = step(cell, layer, h, start, before)
        out.append(h)
    return torch.stack(out), states
