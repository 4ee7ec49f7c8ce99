"""Real-time recurrent learning of any recurrent cell in JAX, once per segment, of one stream or of several.

The state moves as s(t) = f(θ, s(t-1), x(t)) and every step has a loss L(t). RTRL (Williams & Zipser 1989) carries the
sensitivities S(t) = ∂s(t)/∂θ forward in time, so that a gradient needs no past:
    S(t) = J(t) S(t-1) + F(t),    J(t) = ∂s(t)/∂s(t-1),  F(t) = ∂s(t)/∂θ with s(t-1) held fixed
    ∂L(t)/∂θ = ∂L(t)/∂θ with s(t-1) held fixed + ∂L(t)/∂s(t-1) S(t-1)
With n numbers in the state and P parameters, S is an n x P matrix and J S costs 2 n² P operations at every step: N⁴ for
N fully connected units. Nothing in these equations is about a single step, though: with f as the map over a whole
segment of M steps they hold as they stand (Schmidhuber 1992, the fixed-size-storage hybrid of BPTT and RTRL),
    S(M) = Φ S(0) + D,            Φ = ∂s(M)/∂s(0),  D = ∂s(M)/∂θ with s(0) held fixed
    ∂L/∂θ = in-segment back-propagation + ∂L/∂s(0) S(0)
and the product is paid once per M steps. Φ and D are n passes of back-propagation through the segment, N³ per step.
`segment` is that; with M = 1 it is the textbook RTRL above.

An episode start multiplies s(t-1) by zero within f: J, Φ and everything that comes from before the start vanish.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rtrl_bench.experiments.costs.jax_cells import JaxCell, Params

Loss = Callable[[Array, Array], Array]  # (h (N,), target) -> the loss of one step


class Steps(NamedTuple):
    """A run of steps: x (M, D), keep (M,), 0 where an episode starts and 1 elsewhere, and targets (M, ...)."""

    x: Array
    keep: Array
    target: Array


class Carry(NamedTuple):
    """From segment to segment: the state, and its sensitivity to each parameter (*state.shape, *parameter.shape)."""

    state: Array
    sensitivities: Params


def begin(cell: JaxCell, params: Params, hidden: int) -> Carry:
    """The carry before the first step: zeros."""
    state = cell.zero_state(hidden)
    return Carry(state, jax.tree.map(lambda p: jnp.zeros(state.shape + p.shape, p.dtype), params))


def run(cell: JaxCell, loss: Loss, params: Params, state: Array, steps: Steps) -> tuple[Array, Array]:
    """The state after `steps` and the sum of their losses: what back-propagation through time differentiates."""

    def step(state: Array, at: Steps) -> tuple[Array, Array]:
        state, h = cell.step(params, at.keep * state, at.x)
        return state, loss(h, at.target)

    state, losses = jax.lax.scan(step, state, steps)
    return state, losses.sum()


def segment(cell: JaxCell, loss: Loss, params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
    """Gradient of the steps' summed loss, back to the beginning of the stream, and the carry behind them."""

    def final_state(params: Params, state: Array) -> Array:
        return run(cell, loss, params, state, steps)[0]

    def total_loss(params: Params, state: Array) -> tuple[Array, Array]:
        state, total = run(cell, loss, params, state, steps)
        return total, state

    before, past = carry
    (inside, r), after = jax.grad(total_loss, argnums=(0, 1), has_aux=True)(params, before)
    gradient = jax.tree.map(lambda direct, s: direct + jnp.tensordot(r, s, r.ndim), inside, past)
    new, phi = jax.jacrev(final_state, argnums=(0, 1))(params, before)
    return gradient, Carry(after, jax.tree.map(lambda s, d: jnp.tensordot(phi, s, r.ndim) + d, past, new))


def begin_slots(cell: JaxCell, params: Params, hidden: int, batch: int) -> Carry:
    """The carry of B = `batch` streams, each leaf (B, ...)."""
    return jax.tree.map(lambda z: jnp.broadcast_to(z, (batch, *z.shape)), begin(cell, params, hidden))


def segment_of_slots(cell: JaxCell, loss: Loss, params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
    """`segment` for B streams: the sum of their gradients, and their carries; `steps` are (M, B, ...)."""
    one_slot = partial(segment, cell, loss, params)
    gradients, carry = jax.vmap(one_slot, in_axes=(0, 1))(carry, steps)
    return jax.tree.map(lambda g: g.sum(0), gradients), carry
