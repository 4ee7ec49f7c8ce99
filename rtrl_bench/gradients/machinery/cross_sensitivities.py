"""What a layer's state owes to the parameters of the layers below it, in stacks of element-wise layers.

Layer l reads the output of layer l - 1, so its state c^l depends on every parameter θ_k of the layers k < l, those of
their readouts included. A unit of layer l depends on all of θ_k. So these sensitivities S^l_k are dense, of shape
(B, s N, *θ_k), where those to the layer's own parameters are kept unit by unit. That is why exact RTRL of a stack costs
so much (Irie et al. 2024, section 5). They too move once per segment. With Φ^{l,j} = ∂c^l(M)/∂c^j(0) and
r^l = ∂L/∂c^l(0):

    ∂L/∂θ_k  = back-propagation inside the segment + Σ_{l≥k} Σ_b r^l S^l_k(0)
    S^l_k(M) = Σ_{k≤j≤l} Φ^{l,j} S^j_k(0) + D^l_k

D^l_k is ∂c^l(M)/∂θ_k inside the segment. It and Φ^{l,j} for j < l are found by back-propagating the s N derivatives of
c^l(M) together through the segment, from layer to layer down. Φ^{l,l} is diagonal, the p(0) of `own_sensitivities.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rtrl_bench.gradients import Layer, Parameters
from rtrl_bench.gradients.machinery.elementwise import Linearised, linearised, mix_, transpose_times
from rtrl_bench.gradients.machinery.own_sensitivities import SensitivityUpdate
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, sweep
from rtrl_bench.gradients.machinery.tape import Tape

ROWS_BLOCK_BYTES = 1 << 26  # of rows back-propagated at once: a few slots of large layers, all slots of small ones


def no_cross_sensitivities(batch: int, layers: Sequence[Layer], s: int) -> dict[str, Tensor]:
    """S^l_k before the first step: traces `l.k.name` of zeros (B, s N, *θ), for every parameter of all layers k < l."""
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
    """One layer's segment: its tape, its states (M, B, s, N), its derivatives, and what it does to S^l_l.

    All of them are zero at steps after which an episode begins: the segment's end does not depend on those.
    """

    layer: Layer
    tape: Tape
    states: Tensor
    derivatives: Linearised
    own: SensitivityUpdate

    @classmethod
    def of(cls, layer: Layer, tape: Tape, states: Tensor) -> LayerSegment:
        """Derive all of it from a tape and the states."""
        keep = tape.episodes.dropped
        tape = replace(tape, x=keep(tape.x))
        derivatives = Linearised(*(keep(part) for part in vars(linearised(tape, slice(None))).values()))
        own = SensitivityUpdate(tape, overwrite_tape=False)
        all_steps = slice(0, len(states))
        own.add(all_steps, derivatives, own.suffix_products(all_steps, derivatives))
        return cls(layer, tape, keep(states), derivatives, own)


class StackUpdate:
    """What a segment does to all sensitivities of a stack, given the segments of its layers, the lowest first."""

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
        """Move all sensitivities to the segment's end, in place."""
        for trace in traces.values():
            self.segments[0].tape.episodes.forget_past(trace)
        for upper in reversed(range(1, len(self.segments))):  # the lower layers' are needed as they were
            slots = self._slots_at_once(upper)
            for first in range(0, len(self.segments[0].tape.x[0]), slots):
                self._apply(traces, upper, slice(first, first + slots))
        for number, segment in enumerate(self.segments):
            segment.own.apply({name: traces[f"{number}.{name}"] for name in Parameters._fields})

    def _slots_at_once(self, upper: int) -> int:
        tape = self.segments[upper].tape
        rows = tape.previous[0, 0].numel()
        bytes_per_slot = len(tape.x) * rows * tape.activations[0, 0].numel() * tape.activations.element_size()
        return max(1, ROWS_BLOCK_BYTES // max(1, bytes_per_slot))

    def _apply(self, traces: dict[str, Tensor], upper: int, some: slice) -> None:
        """Move S^l_k of layer l = `upper` to all layers k below it, in some slots."""
        top = self.segments[upper]
        q = top.own.q[:, some].transpose(0, 1).movedim(-1, 3)  # (b, M, s, N, K)
        weight = top.layer.parameters.weight  # (K, N, D)
        at_output = torch.einsum("bmink,knd->bmind", q, weight).flatten(2, 3)  # by the output of the layer below
        influences: dict[int, Tensor] = {}
        for lower in reversed(range(upper)):
            found = back_propagate_rows(self.segments[lower], at_output, some, wants_x=lower > 0)
            names = parameters_below(self.segments[lower].layer)
            group = {name: traces[f"{upper}.{lower}.{name}"][some] for name in names}
            for trace in group.values():
                _scale(trace, top.own.p[some])
            for between, influence in influences.items():
                for name, trace in group.items():
                    other = traces[f"{between}.{lower}.{name}"][some]
                    _matrices(trace).baddbmm_(influence.flatten(2), _matrices(other))
            for name in Parameters._fields:
                _add_influence(group[name], found.to_start, traces[f"{lower}.{name}"][some])
            _add_in_segment(group, found)
            influences[lower] = found.to_start
            if found.to_x is not None:
                at_output = found.to_x


@dataclass
class SegmentRows:
    """R = s N derivatives of a later state, back-propagated through a layer's segment, for some slots b.

    to_start (b, R, s, N): by the layer's state at the segment's start, Φ. to_x (b, M, R, D): by its input, which is the
        output of the layer below; None if that was not wanted.
    linear: for each linear map y = A v, by the names of its weight and its bias, v (b, M, I) and the derivatives by y
        (b, M, R, O). u = W x + b is one of them.
    other: for each other parameter θ, by its name, the derivatives by θ, (b, R, *θ).
    """

    to_start: Tensor
    to_x: Tensor | None
    linear: dict[tuple[str, str], tuple[Tensor, Tensor]]
    other: dict[str, Tensor]


def back_propagate_rows(segment: LayerSegment, at_output: Tensor, some: slice, wants_x: bool) -> SegmentRows:
    """Back-propagate R derivatives at once through one layer's segment, in the slots `some`.

    at_output (b, M, R, ·): the derivatives by the layer's output h(t). wants_x: whether a layer below needs them.
    """
    tape, derivatives, readout = segment.tape, segment.derivatives, segment.layer.readout
    x, states, lam, alpha, omega = (
        part[:, some].transpose(0, 1)
        for part in (tape.x, segment.states, derivatives.lam, derivatives.alpha, derivatives.omega)
    )
    of_readout = readout.vjp(x, states, at_output, wants_x)
    e, later, episodes = of_readout.to_c, torch.zeros_like(of_readout.to_c[:, 0]), tape.episodes
    for t in reversed(range(e.shape[1])):
        later = transpose_times(lam[:, t, None], e[:, t].add_(later))
        if t % SWEEP_STEPS == 0:
            sweep(later)
        if episodes.may_begin(t):
            later.masked_fill_(episodes.starts[t, some, None, None, None], 0)
    to_u = transpose_times(alpha.unsqueeze(2), e)
    to_x = of_readout.to_x
    if to_x is not None:
        to_x.add_(to_u.flatten(3) @ segment.layer.parameters.weight.flatten(0, 1))
    linear = {(f"readout.{name}.weight", f"readout.{name}.bias"): pair for name, pair in of_readout.linear.items()}
    linear["weight", "bias"] = (x, to_u)
    other = {f"readout.{name}": at_parameter for name, at_parameter in of_readout.other.items()}
    other["recurrent"] = transpose_times(omega.unsqueeze(2), e).sum(dim=1)
    return SegmentRows(later, to_x, linear, other)


def _matrices(trace: Tensor) -> Tensor:
    """A trace (B, R, *θ) as a matrix for each slot, (B, R, θ), in the same memory."""
    return trace.flatten(2)


def _scale(trace: Tensor, p: Tensor) -> None:
    """S ← p(0) S in place: trace (b, s N, *θ), p (b, s, s, N), each unit of the upper layer by itself."""
    mix_(_matrices(trace).unflatten(1, p.shape[2:]), p[..., None])  # (b, s, N, θ)


def _add_influence(trace: Tensor, influence: Tensor, own: Tensor) -> None:
    """S^l_k += Φ^{l,k} S^k_k(0): trace (b, R, G, N, ...), influence (b, R, s, N), own (b, s, G, N, ...).

    Row n of a parameter moves unit n of its own layer alone, hence no product of matrices.
    """
    if own.ndim == 4:
        trace, own = trace.unsqueeze(-1), own.unsqueeze(-1)
    for i in range(own.shape[1]):
        trace.addcmul_(influence[:, :, i, None, :, None], own[:, None, i])


def _add_in_segment(group: dict[str, Tensor], rows: SegmentRows) -> None:
    """S^l_k += D^l_k."""
    for name, at_parameter in rows.other.items():
        group[name].add_(at_parameter)
    for (weight, bias), (given, to_output) in rows.linear.items():
        group[weight].flatten(1, -2).baddbmm_(to_output.flatten(2).transpose(1, 2), given)
        if bias in group:
            group[bias].add_(to_output.sum(dim=1))
