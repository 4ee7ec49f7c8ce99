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

    It drops the other paths; `snap` chooses by structure what it keeps, this by chance. It carries n P numbers a
    slot, for n = s N numbers of state and P parameters, and N k indices. The paths that are dropped are zeros in J
    here, so that a step takes the 2 n² P operations of `rtrl_dense`, and not the 2 s k n P that the paths alone need.
    Use it to see how much of the Jacobian a task needs: it is no cheaper than exact RTRL.
    """

    draws = True

    def __init__(self, cell: Cell, layers: int = 1, *, paths: int = 4):
        super().__init__(cell, layers, AlongPaths())
        if paths < 0:
            raise ConfigError(f"gradient_options.paths = {paths}: expected an integer >= 0")
        self.paths = paths

    def first_traces(self, batch: int, layer: Layer, generator: torch.Generator | None) -> dict[str, Tensor]:
        weight = layer.parameters.weight
        units = weight.shape[1]
        drawn = torch.rand(batch, units, units, generator=generator, device=weight.device).argsort(dim=-1)
        return super().first_traces(batch, layer, generator) | {"paths": drawn[..., : self.paths].clone()}


class AlongPaths(Whole):
    """All sensitivities, of which each unit gets those of the units in `paths` (B, N, k) from the step before."""

    def transported(self, jacobian: Tensor, trace: Tensor, traces: dict[str, Tensor]) -> Tensor:
        """(R ⊙ J) S, with R as a matrix: to gather k rows for each unit takes 8 times as long at N = 16."""
        kept = torch.zeros_like(jacobian[:, 0, :, 0]).scatter_(-1, traces["paths"], 1)
        return super().transported(jacobian * kept[:, None, :, None], trace, traces)
