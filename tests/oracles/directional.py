"""A small method that draws random numbers, of any cell: the gradient's part along one random direction a segment."""

from __future__ import annotations

import torch
from torch.func import jvp, vmap

from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.per_layer import PerLayer
from rtrl_bench.gradients.machinery.tape import LayerGradient


class Directional(PerLayer):
    """Σ_b (∂L_b/∂θ · v_b) v_b with v_b ~ N(0, 1) for each slot: on average the gradient of TBPTT of one layer.

    The directional derivative is that of the segment (Baydin et al. 2022). The direction is a trace: it is drawn before
    the segment, and the next one at its end. The input gets no gradient.
    """

    draws = True

    def first_traces(self, batch, layer, generator):
        return {name: self._drawn(batch, p, generator) for name, p in layer.parameters._asdict().items()}

    def _drawn(self, batch, parameter, generator):
        return torch.randn(batch, *parameter.shape, generator=generator, dtype=parameter.dtype)

    def learn(self, tape, carry, g, wants_x):
        v, w = Parameters(**carry.traces), tape.parameters.recurrent
        tangent, along = torch.zeros_like(tape.previous[0]), tape.x.new_zeros(len(tape.x[0]))
        for t, x in enumerate(tape.x):
            tangent = tangent.masked_fill(tape.episodes.starts[t, :, None, None], 0)
            du = torch.einsum("bknd,bd->bkn", v.weight, x) + v.bias
            u = torch.einsum("knd,bd->bkn", tape.parameters.weight, x) + tape.parameters.bias
            tangent = vmap(lambda u, c, *by: jvp(tape.cell.step, (u, c, w), by)[1])(
                u, tape.previous[t], du, tangent, v.recurrent
            )
            along = along + (g[t] * tangent).sum(dim=(1, 2))
        found = Parameters(*(torch.einsum("b,b...->...", along, part) for part in v))
        self.advance(tape, carry)
        return LayerGradient(torch.zeros_like(tape.x), found)

    def advance(self, tape, carry):
        for name, parameter in tape.parameters._asdict().items():
            carry.traces[name].copy_(self._drawn(len(tape.x[0]), parameter, carry.generator))
