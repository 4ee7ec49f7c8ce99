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
    """B endless streams of sequences drawn from `data`, one after the other in each slot."""

    def __init__(self, data: Sequences, batch: int, generator: torch.Generator):
        self.data = _tensors(data)
        self.generator = generator
        self.which, self.position = self._draw(batch), torch.zeros(batch, dtype=torch.int64)

    def _draw(self, count: int) -> Tensor:
        return torch.randint(0, len(self.data.lengths), (count,), generator=self.generator)

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
