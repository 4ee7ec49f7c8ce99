"""Sparse gradient transport: RTRL along a few random paths between units (Shalev-Merin 2026, arXiv 2603.15195).

    S(t) = (R ⊙ J(t)) S(t-1) + I(t),   ∂L/∂θ = Σ_t g(t) S(t)

with J(t) = ∂c(t)/∂c(t-1), I(t) = ∂c(t)/∂θ at constant c(t-1), and R_ij = 1 for k units j, drawn for each unit i, and 0
for the others. For one layer k = 0 is `immediate`, and k = N exact RTRL. It is biased: nothing makes up for the paths
that are left out.

The abstract, all of the paper that was at hand, has k of n paths, chosen at random. What it leaves open is settled
here: paths are drawn when a stream begins, for each slot anew, and stay; where a unit's state has more than one number,
as the LSTM's, a path has all derivatives between two units' states.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, Layer
from rtrl_bench.gradients.machinery.influence import Influence, Whole


@GRADIENTS.register("random_paths")
class RandomPaths(Influence):
    """Each layer's sensitivities to its own parameters, moved on from `paths` random units to every unit.

    paths: k, from 0; N and more are all of them. The paper's 4 is the default.

    It drops the other paths; `snap` chooses by structure what it keeps, this by chance. Layers of a stack are connected
    by back-propagation inside the segment, as with `rtrl_segment`. It carries n P numbers a slot, for n = s N numbers
    of state and P parameters, and N k indices; a step takes 2 s k n P operations in the place of the 2 n² P of
    `rtrl_dense`, and about 6 n P beside them for J, I and the gradient. Use it to see how much of the Jacobian a task
    needs; the memory it takes is that of exact RTRL.
    """

    draws = True

    def __init__(self, cell: Cell, layers: int = 1, *, paths: int = 4):
        super().__init__(cell, layers, AlongPaths())
        if paths < 0:
            raise ConfigError(f"paths = {paths}: expected an integer >= 0")
        self.paths = paths

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        weight = layer.parameters.weight
        units = weight.shape[1]
        drawn = torch.rand(batch, units, units, generator=generator, device=weight.device).argsort(dim=-1)
        return super().first_traces(batch, layer, generator) | {"paths": drawn[..., : self.paths].clone()}


class AlongPaths(Whole):
    """All sensitivities, of which each unit gets those of the units in `paths` (B, N, k) from the step before."""

    def transported(self, jacobian: Tensor, trace: Tensor, traces: dict[str, Tensor]) -> Tensor:
        """(R ⊙ J) S, path by path."""
        sensitivities = trace.flatten(3)
        moved = torch.zeros_like(sensitivities)
        for unit in traces["paths"].unbind(dim=-1):
            over_rows = unit[:, None, :, None]
            to, of = jacobian.shape[1], jacobian.shape[3]
            share = jacobian.gather(-1, over_rows[..., None].expand(-1, to, -1, of, 1))[..., 0]
            moved += torch.einsum("binj,bjnp->binp", share, sensitivities.gather(2, over_rows.expand_as(sensitivities)))
        return moved.view_as(trace)
