"""Where episodes start in a segment, and how what lies before a start is left behind.

It is left behind by selection. A product with zero would not do, as 0 · NaN and 0 · ∞ are NaN: a state or a sensitivity
that has become infinite ends with its episode.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor


def as_mask(flags: Tensor) -> Tensor:
    """Flags as bool: of integers ~ is no negation. Everything that is not zero is True."""
    if not isinstance(flags, Tensor):
        raise TypeError(f"{type(flags).__name__} {flags!r}: expected a tensor of flags, True where an episode begins")
    return flags if flags.dtype == torch.bool else flags != 0


class Episodes:
    """starts (M, B) bool: True where an episode begins with the step.

    `slots`: for every step, the slots that begin an episode with it.
    """

    def __init__(self, starts: Tensor):
        self.starts = starts
        self.slots: list[list[int]] = [[] for _ in range(len(starts))]
        for step, slot in starts.nonzero().tolist():
            self.slots[step].append(slot)

    @property
    def first(self) -> list[int]:
        """The slots that begin an episode with the segment's first step."""
        return self.slots[0]

    @cached_property
    def later(self) -> list[int]:
        """The slots that begin an episode with a later step: the segment's end owes nothing to its start."""
        return sorted({slot for slots in self.slots[1:] for slot in slots})

    def forget_past(self, flow: Tensor) -> None:
        """Zero, in place, the rows of `flow` (B, ...) whose slots begin an episode in the segment."""
        clear(flow, self.first)
        clear(flow, self.later)

    def without_past(self, values: Tensor) -> Tensor:
        """A copy of `values` (B, ...) after `forget_past`."""
        values = values.clone()
        self.forget_past(values)
        return values

    @cached_property
    def left_behind(self) -> Tensor:
        """(M, B) bool: steps after which their slot begins an episode in the segment."""
        step = torch.arange(len(self.starts), device=self.starts.device)[:, None]
        last_start = torch.where(self.starts, step, 0).amax(dim=0)
        return step < last_start

    def enter(self, step: int, state: Tensor, out: Tensor) -> None:
        """Write the state (B, s, N) before a step into `out`: zero where an episode begins with it."""
        if self.slots[step]:
            torch.where(self.starts[step, :, None, None], state.new_zeros(()), state, out=out)
        else:
            out.copy_(state)

    def stop(self, step: int, flow: Tensor, rest: Tensor | None = None) -> None:
        """Where an episode begins with a step, put zero or `rest` for what flows back from it, `flow` (B, ...)."""
        slots = self.slots[step]
        if rest is None:
            clear(flow, slots)
        elif slots:
            torch._foreach_copy_([flow[slot] for slot in slots], [rest[slot] for slot in slots])

    def drop(self, values: Tensor, steps: slice = slice(None)) -> None:
        """Zero, in place, `values` (m, B, ...) of the steps that are left behind."""
        if self.later:
            values[self.left_behind[steps].nonzero(as_tuple=True)] = 0

    def dropped(self, values: Tensor) -> Tensor:
        """`values` (m, B, ...) of the first m steps, with zero for those left behind; the same tensor if none are."""
        if not self.later:
            return values
        values = values.clone()
        self.drop(values, slice(len(values)))
        return values


def is_finite(values: Tensor) -> bool:
    """Whether all values are, as told by their sum: in one pass over them, and wrong only where that overflows."""
    return math.isfinite(values.sum().item())


def clear(tensor: Tensor, slots: list[int]) -> None:
    """Zero the rows `slots` of a tensor (B, ...), in place."""
    if slots:
        torch._foreach_zero_([tensor[slot] for slot in slots])
