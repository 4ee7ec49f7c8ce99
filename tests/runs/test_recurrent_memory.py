"""What memory the recurrent layers of a run are told to take."""

from __future__ import annotations

from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.runs.recurrent_memory import recurrent_bytes


def config(**settings):
    return SequenceConfig(task="copy", task_options={"length": 3}, steps=100, hidden=8, unroll=5, **settings)


def test_a_window_counts_by_the_steps_that_are_asked_for():
    windowed, plain = config(gradient="tbptt", window=20), config(gradient="tbptt")
    assert recurrent_bytes(windowed, 4, 20) == recurrent_bytes(plain, 4, 20) > recurrent_bytes(windowed, 4, 5)


def test_the_exact_gradient_beside_a_method_with_options_is_counted_without_them():
    exact = config(gradient="snap", gradient_options={"order": 2}).model_copy(update={"gradient": "tbptt"})
    assert recurrent_bytes(exact, 4, 20) == recurrent_bytes(config(gradient="tbptt"), 4, 20)


def test_options_of_the_method_itself_count():
    first, second = (config(gradient="snap", cell="lstm", gradient_options={"order": n}) for n in (1, 2))
    assert recurrent_bytes(first, 4, 5) < recurrent_bytes(second, 4, 5)
