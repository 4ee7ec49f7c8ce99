"""What a gradient method costs, by formula: memory and operations. Derived, term by term, in docs/complexity.md.

Notation: N units, D inputs (D_l of layer l), L layers, B slots, M steps of a segment, T of an episode; a cell has K
gates (rows of u) and s rows of state; P_l parameters in layer l. Counted are numbers and operations (a multiply-add
is 2) of one slot, for the forward pass and the gradient of all parameters; the gradient that the stack's input would
get is left out, and so are terms that grow with N alone. Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rtrl_bench.costs import approximations
from rtrl_bench.costs.backpropagation import Parts, Stack, backpropagation_flops, backward, held, state, tapes
from rtrl_bench.costs.shapes import LayerShape, Sizes, layer_shapes
from rtrl_bench.errors import ConfigError, one_of


@dataclass(frozen=True)
class Cost:
    """Of all B slots together, in bytes and operations.

    `state_bytes`: carried from segment to segment (bptt: what is kept until the episode ends); `peak_bytes`: that and
    the working memory of a segment; `parameter_bytes`: the parameters and their gradient, which come on top of that.
    """

    state_bytes: int
    peak_bytes: int
    flops_per_step: float
    flops_per_segment: int
    parameter_bytes: int


def predict(method: str, sizes: Sizes, options: Mapping[str, Any] | None = None) -> Cost:
    """The cost of `method` with options of its own.

    ConfigError if there is no such method, or if it does not take this cell or these options. A window of `tbptt` is
    refused too: what is counted is back-propagation through one segment.
    """
    if method not in METHODS:
        raise ConfigError(f"unknown method {method!r}: {one_of(method, METHODS)}")
    stack = layer_shapes(sizes, reads_all_below=method == "columnar")
    if method in _OF_ANY_CELL:
        _check_method(method, sizes, options or {})
        parts = _OF_ANY_CELL[method](stack, sizes, options or {})
    else:
        formula = _METHODS[method]
        if options:
            _check_options(method, options)
        if formula in _ELEMENTWISE and not stack[0].cell.elementwise:
            raise ConfigError(
                f"method {method!r}: exact RTRL at this cost needs an element-wise cell, not {sizes.cell}; "
                "use rtrl_dense or rtrl_dense_segment"
            )
        parts = formula(stack, sizes)
    bytes_of_all = sizes.batch * sizes.bytes_per_number
    return Cost(
        state_bytes=bytes_of_all * parts.carried,
        peak_bytes=bytes_of_all * (parts.carried + parts.working),
        flops_per_step=sizes.batch * parts.flops / parts.steps,
        flops_per_segment=sizes.batch * parts.flops,
        parameter_bytes=2 * sizes.bytes_per_number * sum(layer.parameters for layer in stack),
    )


def _check_method(method: str, sizes: Sizes, options: Mapping[str, Any]) -> None:
    """ConfigError if the method takes no such cell, or not these options."""
    from rtrl_bench.cells import CELLS  # here: they import torch
    from rtrl_bench.gradients import make_method

    make_method(method, CELLS[sizes.cell](), sizes.layers, options)


def _check_options(method: str, options: Mapping[str, Any]) -> None:
    """ConfigError for options that the method does not have, or that its formula does not count."""
    from rtrl_bench.gradients import GRADIENTS, GradientMethod  # here: they import torch
    from rtrl_bench.gradients.machinery.options import checked_options

    has_program = method in GRADIENTS
    checked = checked_options(method, GRADIENTS[method] if has_program else GradientMethod, options)
    if checked.get("window") is not None:
        raise ConfigError(
            f"gradient_options.window = {checked['window']!r}: there is no formula for a window; give its steps as "
            "unroll, or method bptt for whole episodes"
        )


# Back-propagation


def _bptt(stack: Stack, sizes: Sizes) -> Parts:
    """Back to the episode's start, with one update at its end: all is kept until then."""
    steps = sizes.episode
    kept, working = steps * tapes(stack), steps * max(map(backward, stack))
    return Parts(state(stack) + kept, working, steps * backpropagation_flops(stack), steps)


def _tbptt(stack: Stack, sizes: Sizes) -> Parts:
    steps = sizes.unroll
    return Parts(state(stack), steps * held(stack), steps * backpropagation_flops(stack), steps)


# RTRL of element-wise cells


def _rtrl_stepwise(stack: Stack, sizes: Sizes) -> Parts:
    """S ← λ S + α ⊗ x and ∂L/∂θ += g S at every step, and for stacked layers what `_influence_flops` says."""
    steps = sizes.unroll
    own, cross = _own_numbers(stack), _cross_numbers(stack)
    flops = sum(2 * layer.parameters + 4 * layer.readout for layer in stack)
    flops += _scale_flops(stack, own) + 2 * own + 2 * own
    largest = max(layer.own_sensitivities for layer in stack)
    for number, upper in enumerate(stack):
        below = stack[:number]
        flops += _influence_flops(stack[: number + 1]) + upper.state * 4 * sum(layer.readout for layer in below)
        largest = max([largest, *(upper.state * layer.parameters for layer in below)])
    working = steps * (held(stack) + stack[-1].state) + largest  # α ⊗ x, or a cross group's move, at one step
    return Parts(state(stack) + own + cross, working, steps * flops, steps)


def _own_numbers(stack: Stack) -> int:
    """Sensitivities of each layer to its own parameters."""
    return sum(layer.own_sensitivities for layer in stack)


def _cross_numbers(stack: Stack) -> int:
    """Sensitivities to the parameters of the layers below: dense, s N x P_k for each pair of layers k < l."""
    return sum(upper.state * below.parameters for number, upper in enumerate(stack) for below in stack[:number])


def _scale_flops(stack: Stack, numbers: int) -> int:
    """λ S for element-wise λ, s x s for each unit."""
    return (2 * stack[0].cell.rows - 1) * numbers


def _own_groups(stack: Stack, sizes: Sizes) -> Parts:
    """Each layer's own sensitivities, once per segment: a product of matrices (2 a step), then p(0) S, + and r S.

    p α lies in the place of u where a unit's state is one number.
    """
    steps, own = sizes.unroll, _own_numbers(stack)
    once = _scale_flops(stack, own) + own + 2 * own
    flops = steps * (backpropagation_flops(stack) + 2 * own) + once
    p_alpha = max(layer.cell.rows * layer.preactivations for layer in stack) if stack[0].cell.rows > 1 else 0
    return Parts(state(stack) + own, steps * (held(stack) + p_alpha), flops, steps)


def _columnar(stack: Stack, sizes: Sizes) -> Parts:
    """At its largest, when the last layer grows: the layers below run forward only, and carry no sensitivities."""
    below, newest = stack[:-1], stack[-1:]
    parts = _own_groups(newest, sizes)
    forward = sizes.unroll * 2 * sum(layer.parameters for layer in below)
    return Parts(parts.carried + state(below), parts.working, parts.flops + forward, parts.steps)


def _rtrl(stack: Stack, sizes: Sizes) -> Parts:
    """The own groups and the cross groups, once per segment."""
    parts = _own_groups(stack, sizes)
    flops, working = parts.flops, parts.working
    for number in range(1, len(stack)):
        part = stack[: number + 1]
        flops += sizes.unroll * _rows_flops(part) + _influence_flops(part)
    if len(stack) > 1:
        derivatives = sum(3 * layer.cell.rows * layer.preactivations + 2 * layer.state for layer in stack)
        working += sizes.unroll * derivatives + _rows_working(stack[-1], sizes)
    return Parts(parts.carried + _cross_numbers(stack), working, flops, parts.steps)


def _rows_flops(stack: Stack) -> int:
    """A step of the s N rows ∂c^l/∂· of the uppermost layer on their way down through the layers below it.

    Through a readout to its state and parameters, through u to the parameters and, but in the lowest layer, to x.
    """
    rows, lowest = stack[-1].state, stack[0]
    flops = 2 * rows * stack[-1].cell.gates * stack[-1].inputs
    for below in stack[:-1]:
        flops += 2 * rows * (below.parameters + below.readout + below.weight)
    return flops - 2 * rows * lowest.reads_input


def _influence_flops(stack: Stack) -> int:
    """S^l_k ← Σ_j Φ^{l,j} S^j_k + ...: Φ is diagonal for j = l, S for j = k; else both are dense."""
    upper, flops = stack[-1], 0
    for number, lower in enumerate(stack[:-1]):
        dense_between = sum(2 * between.state * lower.parameters for between in stack[number + 1 : -1])
        diagonal = _scale_flops(stack, lower.parameters) + 2 * lower.own_sensitivities
        flops += upper.state * (diagonal + dense_between + 3 * lower.parameters)  # and +, r S
    return flops


# As in gradients/machinery/cross_sensitivities.py: rows on their way down, of as many slots as fit.
ROWS_BLOCK_BYTES = 1 << 26


def _rows_working(layer: LayerShape, sizes: Sizes) -> int:
    """The rows of a block of slots, shared out among all: at each step at h, c, u and x, on the way in and out."""
    rows = sizes.unroll * layer.state
    slots = ROWS_BLOCK_BYTES // (rows * layer.preactivations * sizes.bytes_per_number)
    slots = min(max(slots, 1), sizes.batch)
    numbers = rows * (layer.preactivations + 3 * layer.state + 4 * layer.inputs)
    return -(-slots * numbers // sizes.batch)


# RTRL of any cell once per segment: n = L s N numbers of state, P parameters, all of them dense


def _rtrl_dense_segment(stack: Stack, sizes: Sizes) -> Parts:
    """S ← Φ S + D: 2 n² P operations; Φ and D by back-propagating n rows through the segment, r S for the gradient."""
    n = state(stack)
    parameters = sum(layer.parameters for layer in stack)
    s = n * parameters
    passed_on = sum(layer.cell.recurrent + layer.readout for layer in stack) + sum(x.weight for x in stack[1:])
    rows = n * 2 * (parameters + passed_on)
    flops = sizes.unroll * (backpropagation_flops(stack) + rows) + 2 * n * s + s + 2 * s
    return Parts(n + s, 2 * s, flops, sizes.unroll)  # S and D of the next step beside S


_METHODS: dict[str, Callable[[Stack, Sizes], Parts]] = {
    "bptt": _bptt,
    "tbptt": _tbptt,
    "rtrl_dense_segment": _rtrl_dense_segment,
    "rtrl_stepwise": _rtrl_stepwise,
    "rtrl": _rtrl,
    "rtrl_layerwise": _own_groups,
    "rtrl_segment": _own_groups,
    "columnar": _columnar,
}
_OF_ANY_CELL: dict[str, Callable[[Stack, Sizes, Mapping[str, Any]], Parts]] = {
    "rtrl_dense": approximations.rtrl_dense,
    "immediate": approximations.immediate,
    "eprop": approximations.own_rows,
    "rflo": approximations.own_rows,
    "snap": approximations.snap,
    "random_paths": approximations.random_paths,
    "uoro": approximations.uoro,
    "kf_rtrl": approximations.kf_rtrl,
}
METHODS = (*_METHODS, *_OF_ANY_CELL)
_ELEMENTWISE = (_rtrl_stepwise, _rtrl, _own_groups, _columnar)
