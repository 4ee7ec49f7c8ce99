"""The linear probe on the images of nonmatching: what it can tell, and that it is asked about what it has not seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rtrl_bench.cli import main
from rtrl_bench.rooms import probe


@pytest.fixture(scope="module")
def views():
    return dict(zip(probe.OBJECTS, probe._collected(episodes=600, seed=0)))


@pytest.mark.parametrize("name", probe.OBJECTS)
def test_it_reads_the_colour_and_nothing_from_labels_that_are_not_the_images(views, name):
    seen = views[name]
    colour, shape = probe.accuracies(name, seen)
    assert (colour.property, shape.property) == ("colour", "shape")
    assert colour.trained_frames + colour.tested_frames == len(seen.images)
    assert colour.accuracy > 0.65
    assert shape.accuracy > 0.2  # chance: 0.08; more with more episodes
    random = np.random.default_rng(0)
    other = dataclasses.replace(seen, colour=random.permutation(seen.colour), shape=random.permutation(seen.shape))
    shuffled = probe.accuracies(name, other)
    assert shuffled[0].accuracy < 0.6  # 1.0 where it has been trained on what it is tested on
    assert shuffled[1].accuracy < 0.25


def test_every_colour_and_shape_is_met_in_both_parts_of_the_frames(views):
    for seen in views.values():
        for part in (seen.tested, ~seen.tested):
            assert set(seen.colour[part]) == {0, 1, 2}
            assert set(seen.shape[part]) == set(range(12))
        assert 0.15 < seen.tested.mean() < 0.35


def test_frames_follow_from_the_seed():
    first, again, other = (probe._collected(60, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.shape, again.shape)
    assert not np.array_equal(first.shape, other.shape)


def test_the_command_writes_a_row_per_object_and_property(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(probe, "EPISODES", 60)
    assert main(["probe", "--out", str(tmp_path / "probe.csv")]) == 0
    lines = (tmp_path / "probe.csv").read_text().splitlines()
    assert lines[0] == "object,property,classes,accuracy,chance,trained_frames,tested_frames"
    assert [line.split(",")[:3] for line in lines[1:]] == [
        [name, what, classes] for name in probe.OBJECTS for what, classes in (("colour", "3"), ("shape", "12"))
    ]
    assert main(["probe", "--out", str(tmp_path / "missing/probe.csv")]) == 2
    assert "expected a file in a folder that exists" in capsys.readouterr().err
