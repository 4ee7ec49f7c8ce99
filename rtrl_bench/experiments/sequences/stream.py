"""Sequences as a network reads them: streams that are cut into segments, or batches of whole ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rtrl_bench.experiments.sequences.tasks import Sequences

CHUNK = 1024  # sequences that are tested at once


class Segment(NamedTuple):
    """x (T, B, D), y (T, B, Y), asked (T, B), starts (T, B), and how many sequences end in it."""

    x: Tensor
    y: Tensor
    asked: Tensor
    starts: Tensor
    ended: int


class _Tensors(NamedTuple):
    """Sequences as tensors."""

    x: Tensor
    y: Tensor
    asked: Tensor
    lengths: Tensor


class Stream:
    """B endless streams of sequences drawn from `data`, one after the other in each slot.

    shortest_first: begin with the shortest sequences alone, for `add_lengths` to add longer ones.
    """

    def __init__(self, data: Sequences, batch: int, generator: torch.Generator, shortest_first: bool = False):
        self.data = _tensors(data)
        self.generator = generator
        self.draw_up_to(int(self.data.lengths.min() if shortest_first else self.data.lengths.max()))
        self.which, self.position = self._draw(batch), torch.zeros(batch, dtype=torch.int64)

    def draw_up_to(self, longest: int) -> None:
        """From the next sequences on, draw those of at most `longest` steps."""
        self.longest, self._drawn = longest, (self.data.lengths <= longest).nonzero()[:, 0]

    def add_lengths(self, lengths: Tensor, right: Tensor, share: float) -> None:
        """A curriculum: draw the next length too, if `share` of the test sequences up to the present one are right.

        lengths (n,), right (n,): of test sequences. Lengths that are right already are passed over at once.
        """
        for longer in self.data.lengths.unique().tolist():
            so_far = right[lengths <= self.longest].float()
            if longer > self.longest and not so_far.mean() < share:  # not a number where none is as short
                self.draw_up_to(longer)

    def _draw(self, count: int) -> Tensor:
        return self._drawn[torch.randint(0, len(self._drawn), (count,), generator=self.generator)]

    def segment(self, steps: int) -> Segment:
        """The next steps of all slots."""
        which, position, ended = [], [], 0
        for _ in range(steps):
            which.append(self.which)
            position.append(self.position)
            self.position = self.position + 1
            over = self.position == self.data.lengths[self.which]
            if count := int(over.sum()):
                self.which, ended = self.which.clone(), ended + count
                self.which[over], self.position[over] = self._draw(count), 0
        row, step = torch.stack(which), torch.stack(position)
        x, y, asked = (part[row, step] for part in (self.data.x, self.data.y, self.data.asked))
        return Segment(x.float(), y, asked, step == 0, ended)

    def batch(self) -> Segment:
        """A whole new sequence in every slot, as long as the longest of them."""
        which = self._draw(len(self.which))
        return _whole(self.data, which)


def chunks(data: Sequences) -> Iterator[Segment]:
    """All sequences, whole, in parts."""
    tensors = _tensors(data)
    for which in torch.arange(len(data.lengths)).split(CHUNK):
        yield _whole(tensors, which)


def _tensors(data: Sequences) -> _Tensors:
    return _Tensors(*(torch.from_numpy(np.ascontiguousarray(part)) for part in data))


def _whole(data: _Tensors, which: Tensor) -> Segment:
    longest = int(data.lengths[which].max())
    x, y, asked = (part[which, :longest].transpose(0, 1) for part in (data.x, data.y, data.asked))
    starts = torch.zeros_like(asked)
    starts[0] = True
    return Segment(x.float(), y, asked, starts, len(which))
