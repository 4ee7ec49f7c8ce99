"""Exact RTRL of stacked element-wise layers: what a layer's state owes to the parameters of the layers below it.

Layer l reads h of layer l - 1, so its state c^l depends on every parameter θ_k of the layers k < l, those of their
readouts (output gates) included. A unit of layer l depends on all of θ_k: these sensitivities are dense, of shape
(B, s N, *θ_k), where those to the layer's own parameters are diagonal (Irie et al. 2024, section 5, on why exact RTRL
of a stack costs so much). They too move once per segment. With Φ^{l,j} = ∂c^l(M)/∂c^j(0), diagonal for j = l, and
r^l = ∂L/∂c^l(0),
    S^l_k(M) = Σ_{k≤j≤l} Φ^{l,j} S^j_k(0) + ∂c^l(M)/∂θ_k inside the segment
    ∂L/∂θ_k  = back-propagation inside the segment + Σ_{l≥k} Σ_b r^l S^l_k(0)
Φ and the last term of the first line come from back-propagating the s N rows ∂c^l(M)/∂· through the segment together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rtrl_bench.gradients import Layer, Parameters
from rtrl_bench.gradients.machinery.elementwise import Linearised, linearised, transpose_times
from rtrl_bench.gradients.machinery.own_sensitivities import Transition
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, sweep
from rtrl_bench.gradients.machinery.tape import Tape

ROWS_BLOCK_BYTES = 1 << 26  # of rows back-propagated at once: a few slots of large layers, all slots of small ones


def no_sensitivities(batch: int, layers: Sequence[Layer], s: int) -> dict[str, Tensor]:
    """Zero traces `l.k.name` (B, s N, *θ) for every layer l and every parameter of every layer k below it."""
    traces = {}
    for upper in range(1, len(layers)):
        rows = s * layers[upper].parameters.weight.shape[1]
        for lower in range(upper):
            for name, parameter in parameters_below(layers[lower]).items():
                traces[f"{upper}.{lower}.{name}"] = parameter.new_zeros(batch, rows, *parameter.shape)
    return traces


def parameters_below(layer: Layer) -> dict[str, Tensor]:
    """What the states of the layers above depend on, by name: the recurrence's parameters and the readout's."""
    readout = {f"readout.{name}": parameter for name, parameter in layer.readout.named_parameters()}
    return {**layer.parameters._asdict(), **readout}


@dataclass
class LayerSegment:
    """One layer's segment: its states (M, B, s, N) and all that can be derived from them."""

    layer: Layer
    tape: Tape
    states: Tensor
    derivatives: Linearised
    transition: Transition

    @classmethod
    def of(cls, layer: Layer, tape: Tape, states: Tensor) -> LayerSegment:
        """With everything derived, for what the segment's end depends on: all is zero at steps that are left behind."""
        keep = tape.episodes.dropped
        tape = replace(tape, x=keep(tape.x))
        derivatives = Linearised(*(keep(part) for part in vars(linearised(tape, slice(None))).values()))
        transition = Transition(tape, consume=False)
        everything = slice(0, len(states))
        transition.add(everything, derivatives, transition.suffix_products(everything, derivatives))
        return cls(layer, tape, keep(states), derivatives, transition)


@dataclass
class Rows:
    """What R = s N rows, back-propagated through a segment of one layer, leave there, for some slots b.

    below (b, M, R, D): ∂c^l(M)/∂x(t), None for the lowest layer; influence (b, R, s, N): Φ, the rows at the segment's
    start. linear: of every linear map, by the names of its weight and bias, what it was given (b, M, I) and the rows
    at what it gave (b, M, R, O), W's among them. other: the rows (b, R, *θ) at each further parameter, by name.
    """

    below: Tensor | None
    influence: Tensor
    linear: dict[tuple[str, str], tuple[Tensor, Tensor]]
    other: dict[str, Tensor]


class StackTransition:
    """What a segment does to all sensitivities of a stack."""

    def __init__(self, segments: Sequence[LayerSegment]):
        self.segments = segments

    def past_gradient(self, traces: dict[str, Tensor], r: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Σ_{l≥k} Σ_b r^l S^l_k(0) for every layer k, by the parameter's name; r^l (B, s, N)."""
        gradients: list[dict[str, Tensor]] = []
        for lower, segment in enumerate(self.segments):
            named = parameters_below(segment.layer)
            gradients.append({name: torch.zeros_like(parameter) for name, parameter in named.items()})
            for upper in range(lower + 1, len(self.segments)):
                for name, gradient in gradients[-1].items():
                    trace = _matrices(traces[f"{upper}.{lower}.{name}"])
                    gradient.view(-1).addmv_(trace.flatten(0, 1).T, r[upper].flatten())
            for name in Parameters._fields:
                own = traces[f"{lower}.{name}"]  # (B, s, K, N, ...): row n moves unit n of its own layer alone
                gradients[-1][name].add_(torch.einsum("bikn...,bin->kn...", own, r[lower]))
        return gradients

    def apply(self, traces: dict[str, Tensor]) -> None:
        """Move all traces in place."""
        for trace in traces.values():
            self.segments[0].tape.episodes.forget_past(trace)
        for upper in reversed(range(1, len(self.segments))):  # the lower layers' are needed as they were
            slots = self._slots_at_once(upper)
            for first in range(0, len(self.segments[0].tape.x[0]), slots):
                self._apply(traces, upper, slice(first, first + slots))
        for number, segment in enumerate(self.segments):
            segment.transition.apply({name: traces[f"{number}.{name}"] for name in Parameters._fields})

    def _slots_at_once(self, upper: int) -> int:
        tape = self.segments[upper].tape
        rows = tape.previous[0, 0].numel()
        bytes_per_slot = len(tape.x) * rows * tape.activations[0, 0].numel() * tape.activations.element_size()
        return max(1, ROWS_BLOCK_BYTES // max(1, bytes_per_slot))

    def _apply(self, traces: dict[str, Tensor], upper: int, some: slice) -> None:
        top = self.segments[upper]
        q = top.transition.q[:, some].transpose(0, 1).movedim(-1, 3)  # (b, M, s, N, K)
        weight = top.layer.parameters.weight  # (K, N, D)
        rows_above = torch.einsum("bmink,knd->bmind", q, weight).flatten(2, 3)
        influences: dict[int, Tensor] = {}
        for lower in reversed(range(upper)):
            rows = back_propagate_rows(self.segments[lower], rows_above, some, further=lower > 0)
            names = parameters_below(self.segments[lower].layer)
            group = {name: traces[f"{upper}.{lower}.{name}"][some] for name in names}
            for trace in group.values():
                _scale(trace, top.transition.p[some])
            for between, influence in influences.items():
                for name, trace in group.items():
                    other = traces[f"{between}.{lower}.{name}"][some]
                    _matrices(trace).baddbmm_(influence.flatten(2), _matrices(other))
            for name in Parameters._fields:
                _add_influence(group[name], rows.influence, traces[f"{lower}.{name}"][some])
            _add_in_segment(group, rows)
            influences[lower] = rows.influence
            if rows.below is not None:
                rows_above = rows.below


def back_propagate_rows(segment: LayerSegment, above: Tensor, some: slice, further: bool) -> Rows:
    """Back-propagate rows through one layer's segment; `above` (b, M, R, ·) holds them at the layer's output h(t).

    `further`: whether they go on to a layer below.
    """
    tape, derivatives, readout = segment.tape, segment.derivatives, segment.layer.readout
    x, states, lam, alpha, omega = (
        part[:, some].transpose(0, 1)
        for part in (tape.x, segment.states, derivatives.lam, derivatives.alpha, derivatives.omega)
    )
    pulled = readout.pull(x, states, above, to_x=further)
    e, later, episodes = pulled.to_c, torch.zeros_like(pulled.to_c[:, 0]), tape.episodes
    for t in reversed(range(e.shape[1])):
        later = transpose_times(lam[:, t, None], e[:, t].add_(later))
        if t % SWEEP_STEPS == 0:
            sweep(later)
        if episodes.may_begin(t):
            later.masked_fill_(episodes.starts[t, some, None, None, None], 0)
    a = transpose_times(alpha.unsqueeze(2), e)
    below = pulled.to_x
    if below is not None:
        below.add_(a.flatten(3) @ segment.layer.parameters.weight.flatten(0, 1))
    linear = {(f"readout.{name}.weight", f"readout.{name}.bias"): pair for name, pair in pulled.linear.items()}
    linear["weight", "bias"] = (x, a)
    other = {f"readout.{name}": at_parameter for name, at_parameter in pulled.other.items()}
    other["recurrent"] = transpose_times(omega.unsqueeze(2), e).sum(dim=1)
    return Rows(below, later, linear, other)


def _matrices(trace: Tensor) -> Tensor:
    """A trace (B, R, *θ) as a matrix for each slot, (B, R, θ), in the same memory."""
    return trace.flatten(2)


def _scale(trace: Tensor, p: Tensor) -> None:
    """S ← p(0) S in place: trace (b, s N, *θ), p (b, s, s, N), each unit of the upper layer by itself."""
    by_unit = _matrices(trace).unflatten(1, (p.shape[2], p.shape[3]))  # (b, s, N, θ)
    if p.shape[1] == 1:
        by_unit.mul_(p[:, 0, :, :, None])
    else:
        by_unit.copy_(torch.einsum("bijn,bjnp->binp", p, by_unit))


def _add_influence(trace: Tensor, influence: Tensor, own: Tensor) -> None:
    """S^l_k += Φ^{l,k} S^k_k(0): trace (b, R, G, N, ...), influence (b, R, s, N), own (b, s, G, N, ...).

    Row n of a parameter moves unit n of its own layer alone, hence no product of matrices.
    """
    if own.ndim == 4:
        trace, own = trace.unsqueeze(-1), own.unsqueeze(-1)
    for i in range(own.shape[1]):
        trace.addcmul_(influence[:, :, i, None, :, None], own[:, None, i])


def _add_in_segment(group: dict[str, Tensor], rows: Rows) -> None:
    """S^l_k += ∂c^l(M)/∂θ_k inside the segment."""
    for name, at_parameter in rows.other.items():
        group[name].add_(at_parameter)
    for (weight, bias), (given, at_output) in rows.linear.items():
        group[weight].flatten(1, -2).baddbmm_(at_output.flatten(2).transpose(1, 2), given)
        if bias in group:
            group[bias].add_(at_output.sum(dim=1))
