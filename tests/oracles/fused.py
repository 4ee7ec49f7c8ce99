"""A segment by the fused kernels, with sensitivities at random, and what autograd says of it."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from oracles.scan import Case, Truth, scan
from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.episodes import Episodes
from rtrl_bench.gradients.machinery.fused.kernels import Kernels
from rtrl_bench.gradients.machinery.fused.segment import FusedSegments
from rtrl_bench.gradients.machinery.fused.source import AHEAD
from rtrl_bench.gradients.machinery.tape import Tape

NAMES = ("weight", "bias", "recurrent")


class Layer:
    """A segment of one layer with `inputs` inputs, `ahead` steps at a turn of the kernels' loops."""

    def __init__(self, cell: ElementwiseCell, case: Case, inputs: int = 3, ahead: int = AHEAD):
        g = torch.Generator().manual_seed(1)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=g, dtype=torch.float64).to(case.u)

        self.cell, self.case, self.ahead = cell, case, ahead
        steps, batch, gates, n = case.u.shape
        s = len(cell.state)
        self.x, self.weight = normal(steps, batch, inputs), normal(gates, n, inputs)
        self.traces = {
            "weight": normal(batch, inputs, s, gates, n).movedim(1, -1),
            "bias": normal(batch, s, gates, n),
            "recurrent": normal(batch, s, len(cell.recurrent), n),
        }

    @cached_property
    def fused(self) -> FusedSegments:
        """What runs the segment."""
        return FusedSegments(Kernels(self.cell, self.case.u.dtype, self.ahead))

    def run(self, learning: bool = True, past: bool = True, same_step: bool = False) -> dict[str, Tensor]:
        """What comes of the segment, by name; the traces have moved."""
        case, fused = self.case, self.fused
        previous, states = fused.forward(case.u, case.w, case.state, case.starts)
        parameters = Parameters(self.weight, self.weight[..., 0], case.w)
        tape = Tape(self.cell, Episodes.of(case.starts), self.x, case.u, previous, parameters)
        found = {"states": states}
        if learning:
            d_x, gradients, d_state = fused.learn(tape, case.g, True, self.traces if past else None, same_step)
            assert d_x is not None and d_state is not None
            found |= {"x": d_x, "state": d_state, **gradients._asdict()}
        else:
            fused.advance(tape, self.traces)
        return found | ({f"trace.{name}": trace for name, trace in self.traces.items()} if past else {})

    def truth(self) -> Truth:
        """The scans by autograd."""
        return scan(self.cell, self.case)

    def expected(self, past: bool = True) -> dict[str, Tensor]:
        """What `run` is to give, before it has moved the traces."""
        case, truth = self.case, self.truth()
        found = {
            "states": truth.states,
            "x": torch.einsum("tbkn,knd->tbd", truth.d_u, self.weight),
            "weight": torch.einsum("tbkn,tbd->knd", truth.d_u, self.x),
            "bias": truth.d_u.sum((0, 1)),
            "recurrent": truth.d_w,
            "state": truth.d_state,
        }
        inside = (torch.einsum("tbikn,tbd->biknd", truth.q, self.x), truth.q.sum(0), truth.o)
        for name, added in zip(NAMES, inside if past else ()):
            trace = self.traces[name]
            fresh = case.starts[0].view(-1, *(trace.ndim - 1) * [1])
            found[name] = found[name] + torch.einsum("bin,bikn...->kn...", truth.d_state, torch.where(fresh, 0, trace))
            found[f"trace.{name}"] = torch.einsum("bijn,bjkn...->bikn...", truth.p, trace) + added
        return found
