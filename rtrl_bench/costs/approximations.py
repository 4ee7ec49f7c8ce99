"""What methods cost that move a layer's sensitivities at every step, or a part of them, by formula, for any cell.

Notation as in `predict.py`; R: recurrent parameters of a layer, n = s N its numbers of state, and P = K N D + K N + R
here without those of its readout. Each layer learns by itself from sensitivities to its own parameters, which move at
every step; what it passes down is back-propagated inside the segment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rtrl_bench.costs.backpropagation import Parts, Stack, held, state
from rtrl_bench.costs.shapes import LayerShape, Sizes

PATHS = 4  # of `random_paths`, where its options say nothing
Of = Callable[[LayerShape], int]


def _by_layer(stack: Stack, steps: int, carried: Of, working: Of, flops: Of, passed_on: Of | None = None) -> Parts:
    """Of a stack, given what a layer carries and works on beside the tape, and the operations of its learning a step.

    The forward pass takes 2 (P + G), the readout's backward pass 4 G; the pre-activations are made anew, by 2 K N D.
    A layer above the lowest one passes on its input's gradient, by 4 K N D + 4 R if `passed_on` does not say otherwise.
    """
    total = -2 * stack[0].readout_of_x
    for number, layer in enumerate(stack):
        total += 2 * layer.recurrence + 6 * layer.readout + 2 * layer.weight + flops(layer)
        if number:
            total += passed_on(layer) if passed_on else 4 * layer.weight + 4 * layer.cell.recurrent
    largest = max(map(working, stack))
    return Parts(state(stack) + sum(map(carried, stack)), steps * held(stack) + largest, steps * total, steps)


def immediate(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """Back-propagation through each step by itself: a step once more, 2 R, and back to u, c and θ, 4 R + 2 K N D."""
    return _by_layer(
        stack,
        sizes.unroll,
        carried=lambda layer: 0,
        working=lambda layer: sizes.unroll * 2 * layer.preactivations,
        flops=lambda layer: 6 * layer.cell.recurrent + 2 * layer.weight,
        passed_on=lambda layer: 2 * layer.weight,
    )


def own_rows(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """Each unit's state by its own parameters (`eprop`, `rflo`): s P numbers, s x s for each unit moves them.

    A step once more and s rows back through it take 2 R + 4 s R; λ S 2 s² P, adding I 2 s K N D + s R, g S 2 s P.
    """
    return _by_layer(
        stack, sizes.unroll, carried=lambda layer: layer.own_sensitivities, working=_own_working, flops=_own_flops
    )


def rtrl_dense(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """All n P sensitivities of a layer: J S takes 2 n² P, and has a place of its own for one parameter, as I has.

    J and I, n rows back through a step, take 2 R + 4 n R; adding I 2 n K N D + n R, and g S 2 n P.
    """

    def flops(layer: LayerShape) -> int:
        n, recurrent = layer.state, layer.cell.recurrent
        return 2 * recurrent + n * (5 * recurrent + 2 * layer.weight + (2 + 2 * n) * layer.recurrence)

    return _by_layer(
        stack,
        sizes.unroll,
        carried=lambda layer: layer.state * layer.recurrence,
        working=lambda layer: layer.state * (max(layer.weight, layer.cell.recurrent) + layer.cell.recurrent),
        flops=flops,
    )


def snap(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """As `own_rows`, where that is the pattern, and for dense cells the whole state's Jacobian; else as dense RTRL.

    The Jacobian is n rows back through a step: 2 R + 2 n R operations, n² + n K N numbers.
    """
    from rtrl_bench.cells import CELLS
    from rtrl_bench.gradients.snap import SnAp

    if not SnAp(CELLS[sizes.cell](), **options).own:
        return rtrl_dense(stack, sizes, {})
    if stack[0].cell.elementwise:
        return own_rows(stack, sizes, options)
    return _by_layer(
        stack,
        sizes.unroll,
        carried=lambda layer: layer.own_sensitivities,
        working=lambda layer: _own_working(layer) + _jacobian_working(layer),
        flops=lambda layer: _own_flops(layer) + _jacobian_flops(layer),
    )


def random_paths(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """As dense RTRL, with zeros for the paths that are dropped; and k indices of 8 bytes for each unit."""
    paths = min(options.get("paths", PATHS), sizes.hidden)
    parts = rtrl_dense(stack, sizes, {})
    indices = len(stack) * sizes.hidden * paths * 8 // sizes.bytes_per_number
    return replace(parts, carried=parts.carried + indices)


def uoro(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """c̃ and θ̃: n + P numbers. J c̃ takes 4 R, νᵀ I 4 R + K N D, the norms 4 P, moving θ̃ 3 P, and g c̃ θ̃ 2 P."""
    return _by_layer(
        stack,
        sizes.unroll,
        carried=lambda layer: layer.state + layer.recurrence,
        working=lambda layer: 2 * layer.recurrence,
        flops=lambda layer: 8 * layer.cell.recurrent + layer.weight + 9 * layer.recurrence,
    )


def kf_rtrl(stack: Stack, sizes: Sizes, options: Mapping[str, Any]) -> Parts:
    """v and A: D + N + 1 and n K N numbers. J and D take 2 R + 2 n R, J A 2 n² K N, the rest of A 12 n K N, g S 2 P."""
    return _by_layer(
        stack,
        sizes.unroll,
        carried=lambda layer: layer.inputs + layer.units + 1 + layer.state * layer.preactivations,
        working=lambda layer: 2 * layer.state * layer.preactivations + _jacobian_working(layer),
        flops=lambda layer: (
            _jacobian_flops(layer) + 2 * (layer.state + 6) * layer.state * layer.preactivations + 2 * layer.recurrence
        ),
    )


def _own_flops(layer: LayerShape) -> int:
    s, recurrent = layer.cell.rows, layer.cell.recurrent
    return (2 + 5 * s) * recurrent + 2 * s * (s + 1) * layer.recurrence + 2 * s * layer.weight


def _own_working(layer: LayerShape) -> int:
    """The product with the largest of the parameters' sensitivities, beside I."""
    return layer.cell.rows * (max(layer.weight, layer.cell.recurrent) + layer.cell.recurrent)


def _jacobian_flops(layer: LayerShape) -> int:
    return 2 * (1 + layer.state) * layer.cell.recurrent


def _jacobian_working(layer: LayerShape) -> int:
    return layer.state * (layer.state + 3 * layer.preactivations)
