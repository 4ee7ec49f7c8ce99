"""Derivatives of one step of any cell, by torch.func: what methods need that cannot work unit by unit."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import vjp, vmap

from rtrl_bench.cells import Cell
from rtrl_bench.gradients import Parameters
from rtrl_bench.gradients.machinery.subnormal import SWEEP_STEPS, sweep
from rtrl_bench.gradients.machinery.tape import Tape


def pulled_back(cell: Cell, u: Tensor, c: Tensor, w: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """R derivatives by the next state, rows (R, s, N), back through one step from u (B, K, N) and c (B, s, N).

    Returns those by u (B, R, K, N), by c (B, R, s, N) and by w (B, R, *w), of each slot.
    """

    def of_slot(u: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        back = vjp(cell.step, u, c, w)[1]
        return vmap(back)(rows)

    return vmap(of_slot)(u, c)


def state_jacobians(cell: Cell, u: Tensor, c: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """∂c'/∂u (B, s, N, K, N) and ∂c'/∂c (B, s, N, s, N) of one step."""

    def of_slot(u: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        back = vjp(lambda u, c: cell.step(u, c, w), u, c)[1]
        by_u, by_c = vmap(back)(unit_rows(c))
        return by_u, by_c

    by_u, by_c = vmap(of_slot)(u, c)
    return by_u.unflatten(1, c.shape[1:]), by_c.unflatten(1, c.shape[1:])


def unit_rows(c: Tensor) -> Tensor:
    """The n rows (n, s, N) of the identity, for a state of n = s N numbers (..., s, N)."""
    n = c.shape[-2] * c.shape[-1]
    return torch.eye(n, dtype=c.dtype, device=c.device).unflatten(1, c.shape[-2:])


def input_gradient(tape: Tape, g: Tensor) -> Tensor:
    """∂L/∂x (M, B, D) by back-propagation inside the segment, given g = ∂L/∂c (M, B, s, N)."""
    u, w, later = tape.parameters.preactivations(tape.x), tape.parameters.recurrent, torch.zeros_like(g[0])
    d_u = torch.empty_like(u)
    for t in reversed(range(len(u))):
        back = vjp(lambda u, c: tape.cell.step(u, c, w), u[t], tape.previous[t])[1]
        d_u[t], later = back(g[t] + later)
        tape.episodes.stop(t, later)
        if t % SWEEP_STEPS == 0:
            sweep(later)
    return to_input(tape, d_u)


def to_input(tape: Tape, d_u: Tensor) -> Tensor:
    """∂L/∂x (M, B, D), given ∂L/∂u (M, B, K, N)."""
    return d_u.flatten(2) @ tape.parameters.weight.flatten(0, 1)


def parameter_gradient(tape: Tape, d_u: Tensor, d_w: Tensor) -> Parameters:
    """∂L/∂θ, given ∂L/∂u (M, B, K, N) and ∂L/∂w."""
    return Parameters(torch.einsum("tbkn,tbd->knd", d_u, tape.x), d_u.sum(dim=(0, 1)), d_w)
