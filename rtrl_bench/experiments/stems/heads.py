"""Linear heads that read labels off a stem's features: the loss that teaches the stem, and how well they read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

UNIT = 256.0  # world units that count as one in the squared error of places and distances
PLAIN = ("heading",)  # measures that are no lengths


class Heads(nn.Module):
    """One linear layer from features (n, F) to all labels.

    classes: the number of classes, by the name of a label; the others are measures. widths: how many of each label a
    frame has.
    """

    def __init__(self, features: int, classes: Mapping[str, int], widths: Mapping[str, int]):
        super().__init__()
        self.classes = dict(classes)
        self._widths = {name: width * self.classes.get(name, 1) for name, width in widths.items()}
        self.linear = nn.Linear(features, sum(self._widths.values()))

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Logits (n, k, classes) of classes, k of them in a frame; measures (n, k) in their own units."""
        parts = self.linear(features).split(list(self._widths.values()), dim=-1)
        outputs = dict(zip(self._widths, parts))
        return {
            name: part.unflatten(-1, (-1, self.classes[name])) if name in self.classes else part * _unit(name)
            for name, part in outputs.items()
        }

    def loss(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], none_weight: float) -> Tensor:
        """The sum of the labels' losses: cross-entropy, and the mean square of the error of what can be measured."""
        losses = []
        for name, label in labels.items():
            output = outputs[name]
            if name not in self.classes:
                known = ~label.isnan()
                error = torch.where(known, output - label, 0.0) / _unit(name)
                losses.append(error.square().sum() / known.sum().clamp(min=1))
                continue
            weight = torch.ones(self.classes[name], device=output.device)
            if label.shape[1] > 1:  # directions, most of which are empty
                weight[0] = none_weight
            losses.append(cross_entropy(output.flatten(0, 1), label.flatten(), weight))
        return torch.stack(losses).sum()


def _unit(name: str) -> float:
    return 1.0 if name in PLAIN else UNIT


def scores(outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """A row per label: how well outputs, as of `Heads`, tell it, and how well the best constant answer does.

    Of classes the share of right answers: in `accuracy` where there is something (a class other than 0, or a label
    that a frame has once), in `accuracy_none` in the directions where there is nothing. Of measures the median error,
    of places its length, in units; that of headings in degrees.
    """
    return [
        _of_classes(name, outputs[name], label)
        if label.dtype == torch.int64
        else _of_measures(name, outputs[name], label)
        for name, label in labels.items()
    ]


def _of_classes(name: str, logits: Tensor, label: Tensor) -> dict[str, Any]:
    right = logits.argmax(dim=-1) == label
    there = label > 0 if label.shape[1] > 1 else torch.ones_like(label, dtype=torch.bool)
    commonest = label[there].bincount().max().item() if there.any() else 0
    return {
        "label": name,
        "classes": logits.shape[-1],
        "count": int(there.sum()),
        "accuracy": _mean(right[there]),
        "accuracy_constant": commonest / there.sum().item() if there.any() else None,
        "accuracy_none": _mean(right[~there]),
    }


def _of_measures(name: str, output: Tensor, label: Tensor) -> dict[str, Any]:
    constant = label.nanmedian(dim=0).values.expand_as(label)
    errors = [_errors(name, guess, label) for guess in (output, constant)]
    known = ~errors[0].isnan()
    median, of_constant = (float(e[known].median()) if known.any() else None for e in errors)
    unit = "degrees" if name == "heading" else "units"
    return {
        "label": name,
        "unit": unit,
        "count": int(known.sum()),
        "median_error": median,
        "median_error_constant": of_constant,
    }


def _errors(name: str, output: Tensor, label: Tensor) -> Tensor:
    if name == "heading":
        cos, sin = (output * label).sum(-1), output[:, 0] * label[:, 1] - output[:, 1] * label[:, 0]
        return torch.atan2(sin, cos).abs() * (180 / math.pi)
    if name == "place":
        return (output - label).norm(dim=-1)
    return (output - label).abs()


def _mean(right: Tensor) -> float | None:
    return float(right.float().mean()) if len(right) else None
