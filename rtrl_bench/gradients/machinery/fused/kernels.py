"""A cell's Triton kernels, made when they are first wanted, and their launches."""

from __future__ import annotations

import hashlib
import linecache
from functools import cache
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients.machinery.fused.advance import DEPTH
from rtrl_bench.gradients.machinery.fused.source import AHEAD, source
from rtrl_bench.gradients.machinery.fused.text import Sizes
from rtrl_bench.gradients.machinery.fused.trace import traced

WARP = 32
MANY_UNITS = 1 << 17  # of all slots: up to here a warp for every 32 of them keeps the device busiest
TILE = 256  # rows of ∂L/∂W that an instance makes


class Loss(NamedTuple):
    """What a loss in the segment owes: d_u (M, B, K, N), d_bias (K, N), d_recurrent (K', N), d_state (B, s, N)."""

    d_u: Tensor
    d_bias: Tensor
    d_recurrent: Tensor
    d_state: Tensor


class Past(NamedTuple):
    """What the segment does to what lies before it: q (M, B, s, K, N) and p(0) (B, s, s, N).

    dropped (M, B) bool: whether an episode begins with a later step; begun (B,) bool: with any.
    """

    q: Tensor
    p: Tensor
    dropped: Tensor
    begun: Tensor


class Kernels:
    """The scans of one cell for numbers of one type, on one device; starts (M, B) bool."""

    def __init__(self, cell: ElementwiseCell, dtype: torch.dtype, ahead: int = AHEAD):
        self.sizes = Sizes(len(cell.gates), len(cell.state), len(cell.recurrent))
        self._module = module_of(source(traced(cell, dtype), self.sizes, ahead))

    def forward(self, u: Tensor, w: Tensor, state: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """u (M, B, K, N), w (K', N), state (B, s, N) -> previous, states (M, B, s, N).

        previous: those before the steps, zero where an episode begins.
        """
        steps, batch, _, n = u.shape
        state = state if state.stride()[1:] == (n, 1) else state.contiguous()
        previous, states = (u.new_empty(steps, batch, self.sizes.state, n) for _ in range(2))
        tensors = (u.contiguous(), w.contiguous(), state, _bytes(starts), previous, states)
        grid, block = _grid(batch, n)
        self._module.forward[grid](*tensors, steps, batch, n, state.stride(0), **block)
        return previous, states

    def backward(
        self,
        u: Tensor,
        w: Tensor,
        previous: Tensor,
        starts: Tensor,
        g: Tensor | None = None,
        traces: tuple[Tensor, Tensor] | None = None,
        d_input: Tensor | None = None,
    ) -> tuple[Loss | None, Past | None]:
        """previous as `forward` made it; g (M, B, s, N), if there is a loss, its direct gradient.

        traces: the sensitivities (B, s, K, N) to b and (B, s, K', N) to w, if there are, which go on to the segment's
        end in place; their part is then in d_bias and d_recurrent. d_input (M, B, K, N), if given, becomes αᵀ g.
        """
        steps, batch, gates, n = u.shape
        s, recurrent = self.sizes.state, self.sizes.recurrent
        d_u = d_sums = d_state = q = p = dropped = begun = None
        if g is not None:
            d_u, d_sums, d_state = (
                torch.empty_like(u),
                u.new_empty(batch, gates + recurrent, n),
                u.new_empty(batch, s, n),
            )
        if traces is not None:
            q, p = u.new_empty(steps, batch, s, gates, n), u.new_empty(batch, s, s, n)
            dropped, begun = (starts.new_empty(shape) for shape in (starts.shape, batch))
            _check_rows(traces)
        tensors = (
            *(u.contiguous(), w.contiguous(), previous, _bytes(starts), g if g is None else g.contiguous()),
            *(d_u, d_input, d_sums, d_state, q, p, _bytes(begun), _bytes(dropped), *(traces or (None, None))),
        )
        modes = {"LOSS": g is not None, "SAME_STEP": d_input is not None, "PAST": traces is not None}
        grid, block = _grid(batch, n)
        self._module.backward[grid](*tensors, steps, batch, n, **modes, **block)
        loss = past = None
        if d_u is not None and d_sums is not None and d_state is not None:
            d_bias, d_recurrent = d_sums.sum(dim=0).split([gates, recurrent])
            loss = Loss(d_u, d_bias, d_recurrent, d_state)
        if q is not None and p is not None and dropped is not None and begun is not None:
            past = Past(q, p, dropped, begun)
        return loss, past

    def advance(
        self, sensitivity: Tensor, past: Past, starts: Tensor, r: Tensor | None, d_weight: Tensor | None
    ) -> None:
        """S_W ← p(0) S_W in place, sensitivity (B, s, K, N, D) laid out as (B, D, s, K, N).

        d_weight (D, K, N), if there is a loss, first receives Σ_b r ⊙ S_W, r (B, s, N).
        """
        batch, _, gates, n, inputs = sensitivity.shape
        _check_rows((sensitivity.movedim(-1, 1),))
        tensors = (sensitivity, d_weight, r, past.p, _bytes(starts), _bytes(past.begun))
        grid = (-(-gates * n // TILE), -(-inputs // DEPTH))
        self._module.advance[grid](*tensors, batch, n, inputs, gates * n, TILE=TILE, LOSS=d_weight is not None)


def _grid(batch: int, n: int) -> tuple[tuple[int, int], dict[str, int]]:
    """The instances of a scan, and the units and warps of one."""
    block = WARP if batch * n <= MANY_UNITS else 4 * WARP
    return (-(-n // block), batch), {"BLOCK": block, "num_warps": block // WARP}


def _bytes(flags: Tensor | None) -> Tensor | None:
    return flags if flags is None else flags.contiguous().view(torch.uint8)


def _check_rows(traces: tuple[Tensor, ...]) -> None:
    """ValueError for sensitivities that lie in memory in another order than this project makes them."""
    for trace in traces:
        if not trace.is_contiguous():
            raise ValueError(
                f"sensitivities {tuple(trace.shape)} with strides {trace.stride()}: expected rows without gaps, as "
                "begin(batch) makes them; copy a carry with copy.deepcopy or Carry.to"
            )


@cache
def module_of(text: str) -> ModuleType:
    """A module made of its text, which Triton and tracebacks can look up, as they read the source of functions."""
    name = f"{__name__}.made_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = ModuleType(name)
    exec(compile(text, file, "exec"), module.__dict__)
    return module
