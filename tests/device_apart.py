"""A CPU in the part of a GPU: memory of its own, results that the next step overwrites, work captured and replayed."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench.experiments.reinforcement import replay, transfer


class Event:
    """Of a device that has done everything at once."""

    def record(self):
        pass

    def synchronize(self):
        pass


def capture(work, examples):
    """As replay.capture: inputs and outputs that stay where they are, and work that runs again on what is there."""
    inputs = tuple(example.clone() for example in examples)
    outputs = tuple(output.clone() for output in work(*inputs))

    def launch():
        for output, new in zip(outputs, work(*inputs), strict=True):
            output.copy_(new)

    return replay.Captured(inputs, outputs, launch)


@pytest.fixture
def device_apart(monkeypatch):
    monkeypatch.setattr(transfer, "apart", lambda device: True)
    monkeypatch.setattr(replay, "apart", lambda device: True)
    monkeypatch.setattr(transfer, "_pinned", torch.clone)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(replay, "capture", capture)
