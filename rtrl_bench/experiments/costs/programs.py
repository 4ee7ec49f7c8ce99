"""Every gradient method's segment as one JAX function, with the shapes of its arguments: what the compiler counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rtrl_bench.experiments.costs import generic_rtrl, structured_rtrl, structured_stepwise
from rtrl_bench.experiments.costs.generic_rtrl import Steps
from rtrl_bench.experiments.costs.jax_cells import JAX_CELLS, JaxCell, Params, stack

Carry = Any  # pytree: what the method hands from segment to segment
Segment = Callable[[Params, Carry, Steps], tuple[Params, Carry]]


class Program(NamedTuple):
    """run(params, carry, steps) -> (gradient, next carry), steps (M, B, ...); `arguments`: their shapes and types."""

    run: Segment
    arguments: tuple[Params, Carry, Any]


def program(method: str, cell: str, layers: int, hidden: int, inputs: int, batch: int, length: int) -> Program:
    """`method` over `length` steps, in float32."""
    whole = stack(JAX_CELLS[cell], layers)
    begin, segment = _METHODS[method](whole, hidden, batch)
    params = jax.eval_shape(lambda: whole.init(jax.random.key(0), inputs, hidden))
    sizes = (length, batch, inputs), (length, batch), (length, batch, hidden)  # of x, keep and target
    x, keep, target = (jax.ShapeDtypeStruct(size, jnp.float32) for size in sizes)
    steps: Any = Steps(x, keep, target)  # type: ignore[arg-type]  # shapes in place of arrays
    return Program(segment, (params, jax.eval_shape(begin, params), steps))


def inner_product(h: Array, target: Array) -> Array:
    """The loss of one step: its gradient with respect to h is `target`, so no work is counted for the loss itself."""
    return jnp.vdot(h, target)


def _back_propagation(cell: JaxCell, hidden: int, batch: int) -> tuple[Any, Segment]:
    def begin(params: Params) -> Carry:
        return jnp.stack([cell.zero_state(hidden)] * batch)

    def segment(params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
        def total(params: Params) -> tuple[Array, Array]:
            one_slot = partial(generic_rtrl.run, cell, inner_product, params)
            states, losses = jax.vmap(one_slot, in_axes=(0, 1))(carry, steps)
            return losses.sum(), states

        return jax.grad(total, has_aux=True)(params)

    return begin, segment


def _dense_segment(cell: JaxCell, hidden: int, batch: int) -> tuple[Any, Segment]:
    def begin(params: Params) -> Carry:
        carry = generic_rtrl.begin(cell, params, hidden)
        return jax.tree.map(lambda z: jnp.broadcast_to(z, (batch, *z.shape)), carry)

    def segment(params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
        one_slot = partial(generic_rtrl.segment, cell, inner_product, params)
        gradients, carry = jax.vmap(one_slot, in_axes=(0, 1))(carry, steps)
        return jax.tree.map(lambda g: g.sum(0), gradients), carry

    return begin, segment


def _dense(cell: JaxCell, hidden: int, batch: int) -> tuple[Any, Segment]:
    begin, one_step = _dense_segment(cell, hidden, batch)
    return begin, _step_by_step(one_step)


def _structured(segment: Any, cross: bool = True) -> Any:
    def method(cell: JaxCell, hidden: int, batch: int) -> tuple[Any, Segment]:
        begin = partial(structured_rtrl.begin, batch=batch, hidden=hidden, cross=cross)
        return begin, partial(segment, inner_product)

    return method


def _structured_stepwise(cell: JaxCell, hidden: int, batch: int) -> tuple[Any, Segment]:
    begin = partial(structured_rtrl.begin, batch=batch, hidden=hidden)
    return begin, _step_by_step(partial(structured_stepwise.step, inner_product))


def _step_by_step(one_step: Segment) -> Segment:
    """A segment as a loop over segments of one step, whose gradients are summed."""

    def segment(params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
        def step(so_far: tuple[Params, Carry], at: Steps) -> tuple[tuple[Params, Carry], None]:
            total, carry = so_far
            gradient, carry = one_step(params, carry, jax.tree.map(lambda a: a[None], at))
            return (jax.tree.map(jnp.add, total, gradient), carry), None

        zero = jax.tree.map(jnp.zeros_like, params)
        return jax.lax.scan(step, (zero, carry), steps)[0]

    return segment


_METHODS: dict[str, Callable[[JaxCell, int, int], tuple[Any, Segment]]] = {
    "bptt": _back_propagation,
    "tbptt": _back_propagation,
    "rtrl_dense": _dense,
    "rtrl_dense_segment": _dense_segment,
    "rtrl_stepwise": _structured_stepwise,
    "rtrl": _structured(structured_rtrl.segment),
    "rtrl_layerwise": _structured(structured_rtrl.layerwise_segment, cross=False),
}
