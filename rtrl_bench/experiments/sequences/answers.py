"""How outputs are held against what a task asks for: a loss at each step, and whether the answer is right."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rtrl_bench.experiments.sequences.tasks import Task


def losses(task: Task, outputs: Tensor, y: Tensor) -> Tensor:
    """Of each step, (T, B), in nat or, of values, squared, given outputs (T, B, ·) and y (T, B, Y)."""
    if task.answers == "bits":
        return functional.binary_cross_entropy_with_logits(outputs, y.float(), reduction="none").sum(-1)
    if task.answers == "values":
        return (outputs - y).square().sum(-1)
    return functional.cross_entropy(outputs.movedim(-1, 1), y[..., 0].long(), reduction="none")


def right(task: Task, outputs: Tensor, y: Tensor) -> Tensor:
    """Whether each step is answered right, (T, B) bool."""
    if task.answers == "bits":
        return ((outputs > 0) == (y > 0)).all(-1)
    if task.answers == "values":
        return ((outputs - y).abs() < task.tolerance).all(-1)
    expected = y[..., 1:] > 0
    worst = outputs.masked_fill(~expected, torch.inf).amin(-1)
    return worst > outputs.masked_fill(expected, -torch.inf).amax(-1)
