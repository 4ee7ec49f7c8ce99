"""Checkpoints cost no memory of their own (kills and damage: tests/faults)."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench.errors import CheckpointError, EnvironmentFailed
from rtrl_bench.runs import checkpoint
from rtrl_bench.system.machine import peak_resident_bytes, restart_peak

SIZE = 1 << 26  # bytes
SLACK = 1 << 24


def growth(work):
    """Bytes by which the process grows at most during `work`, and what that returns."""
    held = restart_peak()
    result = work()
    return peak_resident_bytes() - held, result


def test_a_checkpoint_is_written_and_read_without_a_copy(tmp_path):
    small = {"tensor": torch.ones(3)}
    checkpoint.save(tmp_path / "first", small, 1)  # what is set up once does not count
    checkpoint.load_newest(tmp_path / "first")
    state = {"tensor": torch.ones(SIZE // 4), "plain": [1, "a", None]}
    written, _ = growth(lambda: checkpoint.save(tmp_path / "large", state, 1))
    assert written < SLACK
    taken, loaded = growth(lambda: checkpoint.load_newest(tmp_path / "large"))
    assert taken < SIZE + SLACK
    assert torch.equal(loaded["tensor"], state["tensor"])
    assert loaded["plain"] == state["plain"]


@pytest.mark.parametrize(
    ("raised", "told"),
    [(KeyError, CheckpointError), (EnvironmentFailed, EnvironmentFailed), (torch.OutOfMemoryError,) * 2],
)
def test_only_what_does_not_fit_is_held_against_a_checkpoint(tmp_path, raised, told):
    with pytest.raises(told), checkpoint.fitting(tmp_path):
        raise raised("no")
