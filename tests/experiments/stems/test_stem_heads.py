"""The loss that teaches a stem, and the scores of what it has learned, on numbers made by hand."""

from __future__ import annotations

import math

import pytest
import torch

from rtrl_bench.experiments.stems.heads import Heads, scores

CLASSES = {"colour": 3, "room": 2}
WIDTHS = {"colour": 2, "room": 1, "distance": 2, "place": 2, "heading": 2}
NONE = math.nan


def labels():
    """Of two frames: what is in two directions, one thing that a frame has once, and measures."""
    return {
        "colour": torch.tensor([[0, 2], [1, 0]]),
        "room": torch.tensor([[0], [1]]),
        "distance": torch.tensor([[NONE, 100.0], [300.0, NONE]]),
        "place": torch.tensor([[256.0, -256.0], [0.0, 512.0]]),
        "heading": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
    }


def outputs():
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(*label.shape, *([CLASSES[name]] if name in CLASSES else []), generator=generator)
        * (1 if name in CLASSES or name == "heading" else 256)
        for name, label in labels().items()
    }


def loss_term_by_term(out, label, none_weight):
    total = 0.0
    for name, classes in CLASSES.items():
        weighted = weights = 0.0
        for frame in range(2):
            for k in range(label[name].shape[1]):
                right = int(label[name][frame, k])
                logits = out[name][frame, k].double()
                weight = none_weight if name == "colour" and right == 0 else 1.0
                weighted += weight * float(logits.exp().sum().log() - logits[right])
                weights += weight
        assert classes == out[name].shape[-1]
        total += weighted / weights
    for name, unit in (("distance", 256), ("place", 256), ("heading", 1)):
        pairs = zip(out[name].flatten().tolist(), label[name].flatten().tolist())
        errors = [((mine - theirs) / unit) ** 2 for mine, theirs in pairs if theirs == theirs]
        total += sum(errors) / len(errors)
    return total


def test_the_loss_is_the_weighted_cross_entropy_of_classes_and_the_mean_square_of_measures():
    heads = Heads(7, CLASSES, WIDTHS)
    for none_weight in (0.15, 1.0):
        mine = heads.loss(outputs(), labels(), none_weight)
        assert mine.item() == pytest.approx(loss_term_by_term(outputs(), labels(), none_weight), rel=1e-6)


def test_heads_give_every_label_its_shape_and_what_is_not_there_no_gradient():
    heads = Heads(7, CLASSES, WIDTHS)
    features = torch.randn(2, 7)
    out = heads(features)
    assert {name: tuple(value.shape) for name, value in out.items()} == {
        "colour": (2, 2, 3),
        "room": (2, 1, 2),
        "distance": (2, 2),
        "place": (2, 2),
        "heading": (2, 2),
    }
    for value in out.values():
        value.retain_grad()
    heads.loss(out, labels(), 0.15).backward()
    assert (out["distance"].grad != 0).tolist() == [[False, True], [True, False]]
    assert torch.isfinite(heads.linear.weight.grad).all()


def test_scores_are_shares_of_right_answers_and_median_errors():
    out = {
        "colour": torch.eye(3)[torch.tensor([[0, 2], [2, 1]])],  # one of two things, one of two nones
        "room": torch.eye(2)[torch.tensor([[0], [0]])],
        "distance": torch.tensor([[7.0, 110.0], [330.0, 7.0]]),
        "place": torch.tensor([[253.0, -252.0], [0.0, 500.0]]),
        "heading": torch.tensor([[2.0, 2.0], [0.0, 5.0]]),  # of any length
    }
    rows = {row["label"]: row for row in scores(out, labels())}
    assert {name: (rows[name]["count"], rows[name]["accuracy"], rows[name]["accuracy_none"]) for name in CLASSES} == {
        "colour": (2, 0.5, 0.5),
        "room": (2, 0.5, None),
    }
    assert rows["colour"]["accuracy_constant"] == 0.5
    measures = {
        name: (rows[name]["count"], rows[name]["median_error"], rows[name]["unit"])
        for name in rows
        if name not in CLASSES
    }
    assert measures["distance"] == (2, pytest.approx(10), "units")  # torch's median is the lower one
    assert measures["place"] == (2, pytest.approx(5), "units")
    assert measures["heading"] == (2, pytest.approx(0, abs=1e-5), "degrees")


def test_a_heading_is_measured_around_the_circle():
    out, label = torch.tensor([[-1.0, -0.1]]), torch.tensor([[-1.0, 0.1]])
    (row,) = scores({"heading": out}, {"heading": label})
    expected = math.degrees(math.atan2(0.1, 1)) + math.degrees(math.acos(1))
    assert row["median_error"] == pytest.approx(math.degrees(math.atan2(0.2, 0.99)), abs=1e-3) != expected
