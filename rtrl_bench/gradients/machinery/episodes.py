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
    """starts (M, B) bool: True where an episode begins with the step. What they select, is selected on the device."""

    def __init__(self, starts: Tensor):
        self.starts = starts

    @staticmethod
    def of(starts: Tensor) -> Episodes:
        """The kind that is fastest where the flags are."""
        return ListedEpisodes(starts) if starts.device.type in LISTED else Episodes(starts)

    @cached_property
    def left_behind(self) -> Tensor:
        """(M, B) bool: steps after which their slot begins an episode in the segment."""
        step = torch.arange(len(self.starts), device=self.starts.device)[:, None]
        last_start = torch.where(self.starts, step, 0).amax(dim=0)
        return step < last_start

    @cached_property
    def begun(self) -> Tensor:
        """(B,) bool: slots that begin an episode in the segment, whose end owes nothing to what was before it."""
        return self.starts.any(dim=0)

    def may_begin(self, step: int) -> bool:
        """False if no slot is known to begin an episode with a step."""
        return True

    def enter(self, step: int, state: Tensor, out: Tensor) -> None:
        """Write the state (B, s, N) before a step into `out`: zero where an episode begins with it."""
        torch.where(self.starts[step, :, None, None], state.new_zeros(()), state, out=out)

    def stop(self, step: int, flow: Tensor, rest: Tensor | None = None) -> None:
        """Where an episode begins with a step, put zero or `rest` for what flows back from it, `flow` (B, ...)."""
        begins = over(self.starts[step], flow)
        if rest is None:
            flow.masked_fill_(begins, 0)
        else:
            torch.where(begins, rest, flow, out=flow)

    def forget_past(self, flow: Tensor, slots: slice = slice(None)) -> bool:
        """Zero, in place, `flow` (b, ...) of those `slots` that begin an episode in the segment; False if all do."""
        flow.masked_fill_(over(self.begun[slots], flow), 0)
        return True

    def without_past(self, values: Tensor) -> Tensor:
        """A copy of `values` (B, ...) after `forget_past`."""
        values = values.clone()
        self.forget_past(values)
        return values

    def dropped(self, values: Tensor) -> Tensor:
        """`values` (m, B, ...) of the first m steps, with zero for those left behind."""
        return values.masked_fill(over(self.left_behind[: len(values)], values), 0)

    def times_zero(self, values: Tensor) -> Tensor:
        """`values` (M, B, ...) for a product with what is zero at the steps left behind: zero there, unless finite."""
        return self.dropped(values)

    def total(self, products: Tensor, steps: slice) -> Tensor:
        """Σ_t of `products` (m, B, ...) with what is zero at the steps left behind.

        So they are zero there, unless the other factor was not finite: then they become zero, in place.
        """
        return products.masked_fill_(over(self.left_behind[steps], products), 0).sum(dim=0)


class ListedEpisodes(Episodes):
    """Those of a CPU, which knows at once which slots begin one, and does nothing for the others."""

    def __init__(self, starts: Tensor):
        super().__init__(starts)
        self._slots: list[list[int]] = [[] for _ in range(len(starts))]
        for step, slot in starts.nonzero().tolist():
            self._slots[step].append(slot)

    @cached_property
    def _later(self) -> bool:
        """Whether an episode begins with a step after the first."""
        return any(self._slots[1:])

    @cached_property
    def _begun(self) -> list[int]:
        return sorted({slot for slots in self._slots for slot in slots})

    def may_begin(self, step: int) -> bool:
        return bool(self._slots[step])

    def enter(self, step: int, state: Tensor, out: Tensor) -> None:
        if self._slots[step]:
            super().enter(step, state, out)
        else:
            out.copy_(state)

    def stop(self, step: int, flow: Tensor, rest: Tensor | None = None) -> None:
        slots = self._slots[step]
        if rest is None:
            _clear(flow, slots)
        elif slots:
            torch._foreach_copy_([flow[slot] for slot in slots], [rest[slot] for slot in slots])

    def forget_past(self, flow: Tensor, slots: slice = slice(None)) -> bool:
        first, stop, _ = slots.indices(self.starts.shape[1])
        begun = [slot - first for slot in self._begun if first <= slot < stop]
        _clear(flow, begun)
        return len(begun) < len(flow)

    def dropped(self, values: Tensor) -> Tensor:
        """The same tensor if no step is left behind."""
        if not self._later:
            return values
        values = values.clone()
        self._drop(values, slice(len(values)))
        return values

    def times_zero(self, values: Tensor) -> Tensor:
        return values if _is_finite(values) else self.dropped(values)

    def total(self, products: Tensor, steps: slice) -> Tensor:
        total = products.sum(dim=0)
        if self._later and not _is_finite(total):
            self._drop(products, steps)
            total = products.sum(dim=0)
        return total

    def _drop(self, values: Tensor, steps: slice) -> None:
        """Zero, in place, `values` (m, B, ...) of the steps that are left behind."""
        values[self.left_behind[steps].nonzero(as_tuple=True)] = 0


LISTED = {"cpu"}  # devices whose flags can be looked at without waiting


def over(flags: Tensor, values: Tensor) -> Tensor:
    """Flags for the leading dimensions of `values`, over all that follow."""
    return flags.view(*flags.shape, *(values.ndim - flags.ndim) * [1])


def _is_finite(values: Tensor) -> bool:
    """Whether all values are, as told by their sum: in one pass over them, and wrong only where that overflows."""
    return math.isfinite(values.sum().item())


def _clear(tensor: Tensor, slots: list[int]) -> None:
    """Zero the rows `slots` of a tensor (B, ...), in place."""
    if slots:
        torch._foreach_zero_([tensor[slot] for slot in slots])
