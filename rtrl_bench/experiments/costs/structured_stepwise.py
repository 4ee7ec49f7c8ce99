"""Textbook RTRL of a stack of eLSTM layers: the groups of sensitivities of `structured_rtrl.py`, moved at every step.

S^l_l ← λ^l S^l_l + α^l ⊗ x^l and so on for one layer (Irie et al. 2024, section 3.1). A layer above adds what reaches
it within the step, through x^l(t) = h^(l-1)(t):
    S^l_k ← λ^l S^l_k + Σ_(k <= j < l) J^(l,j) S^j_k + direct part of the output gate of layer k
with J^(l,j) = ∂c^l(t)/∂c^j(t), the states of all other layers held fixed. S^k_k has one row per unit, so for two layers
each step costs N³; from three layers on the products J^(l,j) S^j_k of k < j < l are dense, and cost N⁴.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from rtrl_bench.experiments.costs.generic_rtrl import Loss, Steps
from rtrl_bench.experiments.costs.jax_cells import Params
from rtrl_bench.experiments.costs.structured_rtrl import (
    OWN,
    Carry,
    Tape,
    add,
    forward,
    last_states,
    slot_products,
    spread,
    trailing,
)


def step(loss: Loss, params: Params, carry: Carry, one: Steps) -> tuple[Params, Carry]:
    """Gradient of one step's loss, back to the beginning of the stream, and the next carry; `one` is (1, B, ...)."""
    tapes, d_h = forward(loss, params, carry.state, one)
    now = [jax.tree.map(lambda a: a[0], tape) for tape in tapes]
    own = tuple(_move_own(tape, s) for tape, s in zip(now, carry.own))
    cross: tuple[tuple[Params, ...], ...] = ()
    for upper in range(len(params)):
        cross = (*cross, _move_cross(upper, params, now, own, cross, carry.cross[upper]))
    return _gradient(params, now, own, cross, d_h[0]), Carry(last_states(tapes), own, cross)


def _move_own(tape: Tape, own: dict[str, Array]) -> dict[str, Array]:
    """S^l_l ← λ S^l_l + ∂c(t)/∂θ_l."""
    direct = {"weight": tape.alpha[..., None] * tape.x[:, None, None], "bias": tape.alpha, "recurrent": tape.omega}
    return {name: trailing(tape.lam[:, None], own[name]) * own[name] + direct[name] for name in OWN}


def _move_cross(
    upper: int,
    params: Params,
    tapes: list[Tape],
    own: tuple[dict[str, Array], ...],
    cross: tuple[tuple[Params, ...], ...],
    before: tuple[Params, ...],
) -> tuple[Params, ...]:
    """The groups (l, k), k < l, at step t; `own` and `cross` hold those of the layers below, moved to t already."""
    to_h = jnp.einsum("bkn,knd->bnd", tapes[upper].alpha, params[upper]["weight"])  # ∂c^l/∂h^(l-1), (B, N, N)
    moved: tuple[Params, ...] = ()
    jacobians: dict[int, Array] = {}
    for k in reversed(range(upper)):
        tape, gate = tapes[k], params[k]["readout"]["weight"]
        inputs = tape.x.shape[-1]
        to_gate = to_h * tape.gamma[:, None]
        jacobians[k] = to_h * tape.o[:, None] + to_gate @ gate[:, inputs:]
        group: Params = {name: spread(jacobians[k], own[k][name]) for name in OWN}
        reads = jnp.concatenate([tape.x, tape.c], axis=-1)
        group["readout"] = {"weight": to_gate[..., None] * reads[:, None, None], "bias": to_gate}
        for j in range(k + 1, upper):
            group = add(group, jax.tree.map(partial(slot_products, jacobians[j]), cross[j][k]))
        moved = (add(group, jax.tree.map(lambda s: trailing(tapes[upper].lam, s) * s, before[k])), *moved)
        to_h = to_gate @ gate[:, :inputs]
    return moved


def _gradient(
    params: Params,
    tapes: list[Tape],
    own: tuple[dict[str, Array], ...],
    cross: tuple[tuple[Params, ...], ...],
    d_h: Array,
) -> Params:
    """∂L(t)/∂θ_k = Σ_(l >= k) g^l S^l_k + the direct part of the gate, g^l = ∂L(t)/∂c^l(t) with the others fixed."""
    gradient: tuple[Params, ...] = ()
    direct: list[Array] = []  # g^l (B, N), those of layer k first
    for k in reversed(range(len(params))):
        tape, gate = tapes[k], params[k]["readout"]["weight"]
        inputs = tape.x.shape[-1]
        d_gate = tape.gamma * d_h
        direct.insert(0, tape.o * d_h + d_gate @ gate[:, inputs:])
        of_layer: Params = {name: jnp.einsum("bn,bkn...->kn...", direct[0], own[k][name]) for name in OWN}
        reads = jnp.concatenate([tape.x, tape.c], axis=-1)
        of_layer["readout"] = {"weight": d_gate.T @ reads, "bias": d_gate.sum(0)}
        for g, upper in zip(direct[1:], cross[k + 1 :]):
            of_layer = add(of_layer, jax.tree.map(partial(jnp.tensordot, g, axes=2), upper[k]))
        gradient = (of_layer, *gradient)
        d_h = d_gate @ gate[:, :inputs]
    return gradient
