"""Digits: what a handwritten 8 x 8 picture shows, pixel by pixel (data of scikit-learn; task of Le et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, Task, one_hot
from rtrl_bench.runs.settings import Settings

PIXELS, CLASSES = 64, 10
BRIGHTEST = 16
ORDER_SEED = 0  # of the permutation, the same in every run


@TASKS.register("digits")
class Digits(Task):
    """The 1 797 pictures that scikit-learn brings along; no picture is in two of the three sets."""

    answers = "symbols"
    solved = 0.95
    inputs, outputs, longest = 1, CLASSES, PIXELS
    step_bytes = 4 + 1 + CLASSES + 1
    package = "sklearn"

    class Options(Settings):
        """Of the digits task."""

        permuted: bool = Field(default=False, description="true: the pixels come in a random order, always the same")

    def parts(self, counts: Sequence[int], random: np.random.Generator) -> list[Sequences]:
        """Pictures dealt out at random."""
        pictures, classes = _data()
        if sum(counts) > len(pictures):
            there = f"train_size + valid_size + test_size = {sum(counts):,}"
            raise ConfigError(f"{there}: task digits has {len(pictures):,} pictures; lower one of them")
        if self.options.permuted:
            pictures = pictures[:, np.random.default_rng(ORDER_SEED).permutation(PIXELS)]
        chosen = np.split(random.permutation(len(pictures)), np.cumsum(counts))[: len(counts)]
        return [_as_sequences(pictures[which], classes[which]) for which in chosen]


def _as_sequences(pictures: np.ndarray, classes: np.ndarray) -> Sequences:
    """Asked for is the class, at the last pixel."""
    asked = np.zeros(pictures.shape, bool)
    asked[:, -1] = True
    y = np.zeros((*pictures.shape, 1 + CLASSES), np.uint8)
    y[:, -1, 0], y[:, -1, 1:] = classes, one_hot(classes, CLASSES)
    return Sequences(pictures[..., None], y, asked, np.full(len(pictures), PIXELS))


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1797, 64) from 0 to 1, classes (1797,)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / BRIGHTEST).astype(np.float32), found.target
