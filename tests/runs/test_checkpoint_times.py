"""How often a run saves its state, by a clock that the test moves."""

from __future__ import annotations

from types import SimpleNamespace

from rtrl_bench.runs import execution
from rtrl_bench.runs.work import Work


class Counting(Work):
    """Seven updates, each half a minute by the clock."""

    def __init__(self, clock):
        self.clock, self.made = clock, 0

    def run(self, should_stop, after_update):
        for _ in range(7):
            self.clock[0] += 30.0
            self.made += 1
            after_update()

    def state(self):
        return {}

    def updates_made(self):
        return self.made


def test_a_checkpoint_is_saved_when_its_minutes_are_over_and_at_the_end(tmp_path, monkeypatch):
    clock, saved = [0.0], []
    monkeypatch.setattr(execution, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(execution.checkpoint, "save", lambda folder, state, updates: saved.append(updates))
    settings = SimpleNamespace(checkpoint_minutes=1.0, fingerprint=lambda: "any")
    execution._work_to_the_end(Counting(clock), settings, tmp_path)
    assert saved == [2, 4, 6, 7]
