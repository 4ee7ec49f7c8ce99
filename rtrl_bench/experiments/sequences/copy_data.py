"""Data of the copy task (Irie et al. 2024, section 4.1): a binary pattern, then as many blanks to repeat it in.

docs/deviations.md has how the paper's code pads and batches sequences, and what its released data ask for.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SYMBOLS = 3  # 0, 1, blank
BLANK = 2


class Patterns(NamedTuple):
    """lengths (n,) in 1..max_length; bits (n, max_length), beyond a pattern's length they mean nothing."""

    lengths: Tensor
    bits: Tensor


def make_patterns(count: int, max_length: int, generator: torch.Generator) -> Patterns:
    """`count` patterns with lengths uniform in 1..max_length."""
    lengths = torch.randint(1, max_length + 1, (count,), generator=generator)
    return Patterns(lengths, torch.randint(0, 2, (count, max_length), generator=generator))


def inputs_and_targets(patterns: Patterns, which: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What sequences `which` (B,) show and ask for at step `position` (B,), 0..2ℓ-1.

    Returns one-hot inputs (B, 3), target bits (B,) and whether a bit is asked for (B,) bool.
    """
    length = patterns.lengths[which]
    showing = position < length
    bit_index = torch.where(showing, position, position - length).clamp(0, patterns.bits.shape[1] - 1)
    bits = patterns.bits[which, bit_index]
    symbol = torch.where(showing, bits, torch.full_like(bits, BLANK))
    asked = (position >= length) & (position < 2 * length)
    return torch.nn.functional.one_hot(symbol, SYMBOLS).float(), bits.float(), asked


class PatternStream:
    """B endless streams of training sequences drawn from `patterns`, one after the other in each slot."""

    def __init__(self, patterns: Patterns, batch: int, generator: torch.Generator):
        self.patterns, self.generator = patterns, generator
        self.which, self.position = self._draw(batch), torch.zeros(batch, dtype=torch.int64)

    def _draw(self, count: int) -> Tensor:
        return torch.randint(0, len(self.patterns.lengths), (count,), generator=self.generator)

    def step(self) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
        """The next step of all slots: inputs (B, 3), targets (B,), asked (B,), starts (B,), sequences that ended."""
        starts = self.position == 0
        inputs, targets, asked = inputs_and_targets(self.patterns, self.which, self.position)
        self.position = self.position + 1
        ended = self.position == 2 * self.patterns.lengths[self.which]
        count = int(ended.sum())
        if count:
            self.which = self.which.clone()
            self.which[ended], self.position[ended] = self._draw(count), 0
        return inputs, targets, asked, starts, count

    def sequences(self) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
        """A whole new sequence in every slot, padded to the longest: the same five, with a leading time axis."""
        which = self._draw(len(self.which))
        x, y, asked = unrolled(self.patterns, which)
        starts = torch.zeros_like(asked)
        starts[0] = True
        return x, y, asked, starts, len(which)


def unrolled(patterns: Patterns, which: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Whole sequences from their first step: inputs (T, B, 3), targets (T, B), asked (T, B), T = 2 max ℓ."""
    steps = 2 * int(patterns.lengths[which].max())
    parts = [inputs_and_targets(patterns, which, torch.full_like(which, t)) for t in range(steps)]
    inputs, targets, asked = (torch.stack(p) for p in zip(*parts))
    return inputs, targets, asked
