"""Recurrent cells as pure JAX functions of one stream: what generic RTRL differentiates.

Same equations, gate order and parameter shapes as `rtrl_bench.cells`: weight (K, N, D), bias (K, N), recurrent as the
cell shapes it, and for the eLSTM its output gate. A batch of slots is `jax.vmap` outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

Params = Any  # pytree of arrays: a dict for one layer, a tuple of such dicts for a stack


@dataclass(frozen=True)
class JaxCell:
    """init(key, D, N) -> params; zero_state(N) -> state, one array; step(params, state, x (D,)) -> (state, h (N,))."""

    init: Callable[[Array, int, int], Params]
    zero_state: Callable[[int], Array]
    step: Callable[[Params, Array, Array], tuple[Array, Array]]


def rnn_step(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
    """h = tanh(W x + U h + b) (Elman 1990); state (1, N)."""
    h = jnp.tanh(preactivations(params, x) + params["recurrent"] @ state[0])
    return h, h[0]


def gru_step(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
    """Gates r, z, n (Cho et al. 2014): h = z ⊙ h + (1 - z) ⊙ tanh(W_n x + U_n (r ⊙ h) + b_n); state (1, N)."""
    (h,), (u_r, u_z, u_n), (w_r, w_z, w_n) = state, preactivations(params, x), params["recurrent"]
    r, z = jax.nn.sigmoid(u_r + w_r @ h), jax.nn.sigmoid(u_z + w_z @ h)
    h = z * h + (1 - z) * jnp.tanh(u_n + w_n @ (r * h))
    return h[None], h


def lstm_step(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
    """Gates i, f, g, o over x and h (Gers et al. 2000); state (2, N): h and c."""
    h, c = state
    i, f, g, o = preactivations(params, x) + params["recurrent"] @ h
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return jnp.stack([h, c]), h


def elstm_step(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
    """The element-wise LSTM of Irie et al. 2024 (section 3.1), gates f, z; state (1, N). h = σ(O [x, c] + b_o) ⊙ c."""
    c, u, w = state[0], preactivations(params, x), params["recurrent"]
    f, z = jax.nn.sigmoid(u[0] + w[0] * c), jnp.tanh(u[1] + w[1] * c)
    c = z + f * (c - z)
    gate = params["readout"]
    return c[None], jax.nn.sigmoid(gate["weight"] @ jnp.concatenate([x, c]) + gate["bias"]) * c


def preactivations(params: Params, x: Array) -> Array:
    """W x + b, one row per gate (K, N)."""
    return params["weight"] @ x + params["bias"]


def stack(cell: JaxCell, layers: int) -> JaxCell:
    """L layers as one cell: layer l + 1 reads h of layer l. Params are a tuple, the state is (L, s, N)."""

    def init(key: Array, inputs: int, hidden: int) -> Params:
        keys, sizes = jax.random.split(key, layers), [inputs] + [hidden] * (layers - 1)
        return tuple(cell.init(k, size, hidden) for k, size in zip(keys, sizes))

    def zero_state(hidden: int) -> Array:
        return jnp.stack([cell.zero_state(hidden)] * layers)

    def step(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
        states = []
        for layer, before in zip(params, state):
            after, x = cell.step(layer, before, x)
            states.append(after)
        return jnp.stack(states), x

    return JaxCell(init, zero_state, step)


def _cell(
    step: Callable[[Params, Array, Array], tuple[Array, Array]],
    gates: int,
    rows: int = 1,
    elementwise: bool = False,
    output_gate: bool = False,
) -> JaxCell:
    """`step` with its parameters: `gates` K and `rows` s as in `rtrl_bench.cells`."""

    def init(key: Array, inputs: int, hidden: int) -> Params:
        recurrent = (gates, hidden) if elementwise else (gates, hidden, hidden)
        shapes = {"weight": (gates, hidden, inputs), "bias": (gates, hidden), "recurrent": recurrent}
        params: Params = normal(key, shapes)
        if output_gate:
            gate = {"weight": (hidden, inputs + hidden), "bias": (hidden,)}
            params["readout"] = normal(jax.random.fold_in(key, len(shapes)), gate)
        return params

    def normal(key: Array, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
        keys = jax.random.split(key, len(shapes))
        return {name: jax.random.normal(k, shape) * shape[-1] ** -0.5 for k, (name, shape) in zip(keys, shapes.items())}

    return JaxCell(init, lambda hidden: jnp.zeros((rows, hidden)), step)


JAX_CELLS: dict[str, JaxCell] = {
    "rnn": _cell(rnn_step, gates=1),
    "gru": _cell(gru_step, gates=3),
    "lstm": _cell(lstm_step, gates=4, rows=2),
    "elstm": _cell(elstm_step, gates=2, elementwise=True, output_gate=True),
}
