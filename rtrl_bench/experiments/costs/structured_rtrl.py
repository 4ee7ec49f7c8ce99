"""Exact RTRL of a stack of eLSTM layers, once per segment, with what the element-wise recurrence saves.

All B slots at once. Notation as in `rtrl_bench.gradients`: layer l has the state c^l, reads x^l = h^(l-1), and h^l is
behind its output gate; λ = ∂c(t)/∂c(t-1) (zero where an episode starts), α = ∂c(t)/∂u(t), ω = ∂c(t)/∂w. The state of
layer l depends on the parameters θ_k of every layer k <= l, so L (L + 1) / 2 groups of sensitivities are carried:
    own group (l, l): each unit's state depends on its own rows only, so S_W is (B, K, N, D), not (B, N, K, N, D)
    cross group (l, k), k < l: dense, (B, N, *θ_k), the output gate of layer k included
A segment moves them by Φ^(l,j) = ∂c^l(M)/∂c^j(0), which is diagonal for j = l (p below, a product of λ's):
    S^l_l(M) = p(0) S^l_l(0) + Σ_t p(t) ∂c^l(t)/∂θ_l
    S^l_k(M) = Σ_(k <= j <= l) Φ^(l,j) S^j_k(0) + Σ_t E(t) ∂c^k(t)/∂θ_k + ...
where E (N rows) is what back-propagation of the N numbers of c^l(M) brings to layer k. So both the gradient and the
sensitivities of a segment are sums over its steps of a cotangent times an input: matrix products (`products`).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rtrl_bench.experiments.costs.generic_rtrl import Loss, Steps
from rtrl_bench.experiments.costs.jax_cells import Params, elstm_recurrence

OWN = ("weight", "bias", "recurrent")  # what a layer's own state depends on; its output gate lies behind it


class Carry(NamedTuple):
    """state (L, B, N); own[l] {name: (B, *shape)}; cross[l][k], k < l: pytree like θ_k of (B, N, *shape)."""

    state: Array
    own: tuple[dict[str, Array], ...]
    cross: tuple[tuple[Params, ...], ...]


class Tape(NamedTuple):
    """One layer's segment: everything that its derivatives need, each (M, B, ...).

    x (D), c (N), λ (N), α (K, N), ω (K', N); the gate o (N) and γ = ∂h/∂(pre-activation of the gate) (N).
    """

    x: Array
    c: Array
    lam: Array
    alpha: Array
    omega: Array
    o: Array
    gamma: Array


class Cotangent(NamedTuple):
    """Back-propagated to one layer, (M, B, N): `direct` to c(t) within step t, `e` also from later steps, `gate` to the
    gate's pre-activation; `start` (B, N) to the state before the segment."""

    direct: Array
    e: Array
    gate: Array
    start: Array


def begin(params: Params, batch: int, hidden: int, cross: bool = True) -> Carry:
    """The carry before the first step, zeros; without `cross` groups it is that of `layerwise_segment`."""
    own = tuple({name: jnp.zeros((batch, *layer[name].shape)) for name in OWN} for layer in params)
    below = [params[:upper] if cross else () for upper in range(len(params))]
    zeros = jax.tree.map(lambda p: jnp.zeros((batch, hidden, *p.shape)), tuple(below))
    return Carry(jnp.zeros((len(params), batch, hidden)), own, zeros)


def segment(loss: Loss, params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
    """Gradient of the loss summed over steps (M, B, ...), back to the beginning of the stream, and the next carry."""
    tapes, d_h = forward(loss, params, carry.state, steps)
    gradient: list[Params] = []
    starts: list[Array] = []
    for k in reversed(range(len(params))):
        cotangent = reverse(params[k], tapes[k], d_h)
        starts.insert(0, cotangent.start)
        groups = [carry.cross[upper][k] for upper in range(k + 1, len(params))]
        gradient.insert(0, _gradient(tapes[k], cotangent, carry.own[k], groups, starts))
        d_h = to_input(params[k], tapes[k], cotangent.gate, cotangent.e)
    own, cross = [], []
    for upper, tape in enumerate(tapes):
        moved, p, total = _advance_own(tape, carry.own[upper])
        own.append(moved)
        cross.append(_advance_cross(upper, params, tapes, carry, p, total))
    return tuple(gradient), Carry(last_states(tapes), tuple(own), tuple(cross))


def layerwise_segment(loss: Loss, params: Params, carry: Carry, steps: Steps) -> tuple[Params, Carry]:
    """As `segment`, but each layer's own groups are all: a gradient goes down through the layers within its step only.

    Exact for the top layer; for the layers below, the paths through an upper layer's previous state are missing.
    """
    tapes, d_h = forward(loss, params, carry.state, steps)
    gradient: list[Params] = []
    for layer, tape, own in zip(reversed(params), reversed(tapes), reversed(carry.own)):
        cotangent = reverse(layer, tape, d_h)
        gradient.insert(0, _gradient(tape, cotangent, own, [], [cotangent.start]))
        d_h = to_input(layer, tape, cotangent.gate, cotangent.direct)
    moved = [_advance_own(tape, own)[0] for tape, own in zip(tapes, carry.own)]
    return tuple(gradient), Carry(last_states(tapes), tuple(moved), carry.cross)


def forward(loss: Loss, params: Params, state: Array, steps: Steps) -> tuple[list[Tape], Array]:
    """Every layer's tape, and ∂L/∂h (M, B, N) of the top layer."""
    tapes, h = [], steps.x
    for layer, before in zip(params, state):
        tape = _forward_layer(layer, h, steps.keep, before)
        tapes.append(tape)
        h = tape.o * tape.c
    return tapes, jax.vmap(jax.vmap(jax.grad(loss)))(h, steps.target)


def _forward_layer(layer: Params, x: Array, keep: Array, state: Array) -> Tape:
    u = jnp.einsum("tbd,knd->tbkn", x, layer["weight"]) + layer["bias"]
    keep = keep[..., None]
    recurrence = jax.vmap(elstm_recurrence, in_axes=(None, 0, 0))

    def step(c: Array, at: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        u_t, keep_t = at
        before = keep_t * c
        after = recurrence(layer["recurrent"], before, u_t)
        return after, (before, after)

    _, (before, c) = jax.lax.scan(step, state, (u, keep))
    partials = jax.vmap(jax.vmap(_partials, in_axes=(None, 0, 0)), in_axes=(None, 0, 0))
    omega, lam, alpha = partials(layer["recurrent"], before, u)
    gate = layer["readout"]
    o = jax.nn.sigmoid(jnp.concatenate([x, c], axis=-1) @ gate["weight"].T + gate["bias"])
    return Tape(x, c, keep * lam, alpha, omega, o, c * o * (1 - o))


def _partials(w: Array, c: Array, u: Array) -> tuple[Array, Array, Array]:
    """ω, λ and α: a unit depends on itself alone, so one pull-back of ones gives every unit's derivatives."""
    after, pull = jax.vjp(elstm_recurrence, w, c, u)
    omega, lam, alpha = pull(jnp.ones_like(after))
    return omega, lam, alpha


def last_states(tapes: list[Tape]) -> Array:
    """State (L, B, N) at the segment's end."""
    return jnp.stack([tape.c[-1] for tape in tapes])


def reverse(layer: Params, tape: Tape, d_h: Array) -> Cotangent:
    """Back-propagate d_h (M, B, N) through one layer's segment: e(t) = direct(t) + λ(t+1) e(t+1)."""
    gate = tape.gamma * d_h
    direct = tape.o * d_h + gate @ layer["readout"]["weight"][:, tape.x.shape[-1] :]
    e, start = _backpropagate(direct, tape.lam, jnp.zeros_like(direct[0]))
    return Cotangent(direct, e, gate, start)


def _backpropagate(direct: Array, lam: Array, later: Array) -> tuple[Array, Array]:
    """e(t) = direct(t) + λ(t+1) e(t+1), and λ(1) e(1); `later` stands for λ(M+1) e(M+1)."""

    def step(later: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        direct_t, lam_t = at
        e = direct_t + later
        return lam_t * e, e

    start, e = jax.lax.scan(step, later, (direct, lam), reverse=True)
    return e, start


def to_input(layer: Params, tape: Tape, gate: Array, e: Array) -> Array:
    """∂L/∂x (M, B, D), given ∂L/∂(gate's pre-activation) and ∂L/∂c."""
    through_gate = gate @ layer["readout"]["weight"][:, : tape.x.shape[-1]]
    return through_gate + jnp.einsum("tbkn,knd->tbd", tape.alpha * e[:, :, None], layer["weight"])


def products(tape: Tape, e: Array, gate: Array) -> Params:
    """Σ_t of e(t) ∂c(t)/∂θ and of gate(t) ∂(gate's pre-activation)/∂θ over a leading axis t; no slots."""
    readout = {"weight": gate.T @ jnp.concatenate([tape.x, tape.c], axis=-1), "bias": gate.sum(0)}
    return {**_own_products(tape, e), "readout": readout}


def _own_products(tape: Tape, e: Array) -> dict[str, Array]:
    a = tape.alpha * e[:, None]
    weight = jnp.einsum("tkn,td->knd", a, tape.x)
    return {"weight": weight, "bias": a.sum(0), "recurrent": (tape.omega * e[:, None]).sum(0)}


def _gradient(
    tape: Tape, cotangent: Cotangent, own: dict[str, Array], cross: list[Params], starts: list[Array]
) -> Params:
    """∂L/∂θ_k: in-segment back-propagation and Σ_l r^l S^l_k(0), r^l (B, N) = `starts`, those of layer k first."""
    long = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), (tape, cotangent.e, cotangent.gate))  # t, b: one axis
    gradient = products(*long)
    for name in OWN:
        gradient[name] += jnp.einsum("bn,bkn...->kn...", starts[0], own[name])
    for r, s in zip(starts[1:], cross):
        gradient = add(gradient, jax.tree.map(partial(jnp.tensordot, r, axes=2), s))
    return gradient


def _advance_own(tape: Tape, own: dict[str, Array]) -> tuple[dict[str, Array], Array, Array]:
    """The group (l, l) at the segment's end, the suffix products p(t) (M, B, N), and p(0) (B, N)."""
    p, total = _backpropagate(jnp.zeros_like(tape.lam), tape.lam, jnp.ones_like(tape.lam[0]))
    new = jax.vmap(_own_products, in_axes=1)(tape, p)
    return {name: new[name] + trailing(total[:, None], own[name]) * own[name] for name in OWN}, p, total


def _advance_cross(
    upper: int, params: Params, tapes: list[Tape], carry: Carry, p: Array, total: Array
) -> tuple[Params, ...]:
    """The groups (l, k), k < l, at the segment's end; p and p(0) are those of layer l = `upper`."""
    d_h = jnp.einsum("tbkn,knd->ntbd", tapes[upper].alpha * p[:, :, None], params[upper]["weight"])  # ∂c^l(M)/∂x^l(t)
    per_slot_and_row = jax.vmap(jax.vmap(products, in_axes=(None, 0, 0)), in_axes=(1, 2, 2))
    cross: list[Params] = []
    influence: dict[int, Array] = {}  # Φ^(l,k) (B, N, N)
    for k in reversed(range(upper)):
        rows = jax.vmap(partial(reverse, params[k], tapes[k]))(d_h)
        influence[k] = rows.start.transpose(1, 0, 2)
        group = per_slot_and_row(tapes[k], rows.e, rows.gate)
        group = add(group, jax.tree.map(lambda s: trailing(total, s) * s, carry.cross[upper][k]))
        for name in OWN:
            group[name] += spread(influence[k], carry.own[k][name])
        for j in range(k + 1, upper):
            group = add(group, jax.tree.map(partial(slot_products, influence[j]), carry.cross[j][k]))
        cross.insert(0, group)
        d_h = jax.vmap(partial(to_input, params[k], tapes[k]))(rows.gate, rows.e)
    return tuple(cross)


def spread(influence: Array, own: Array) -> Array:
    """Φ S for an own group: row n of a parameter moves unit n alone. (B, N, n), (B, K, n, ...) -> (B, N, K, n, ...)."""
    return trailing(influence[:, :, None], own[:, None]) * own[:, None]


def slot_products(influence: Array, cross: Array) -> Array:
    """Φ S for a cross group, a product of matrices in each slot: (B, N, j), (B, j, ...) -> (B, N, ...)."""
    return jnp.einsum("bij,bj...->bi...", influence, cross)


def trailing(a: Array, like: Array) -> Array:
    """`a` with axes of length 1 at its end, as many as `like` has more."""
    return a.reshape(a.shape + (1,) * (like.ndim - a.ndim))


def add(a: Params, b: Params) -> Params:
    """a + b, leaf by leaf."""
    return jax.tree.map(jnp.add, a, b)
