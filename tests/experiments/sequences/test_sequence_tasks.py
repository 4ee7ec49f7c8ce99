"""Each task's sequences against its definition, written out once more."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.sequences.answers import right
from rtrl_bench.experiments.sequences.stream import Stream, chunks
from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, make_task
from rtrl_bench.experiments.sequences.tasks.reber import SYMBOLS


def drawn(name, count=200, seed=0, **options):
    task = make_task(name, options)
    return task, task.draw([count], np.random.default_rng(seed))[0]


@pytest.mark.parametrize("name", list(TASKS))
def test_sequences_come_from_the_seed_and_have_the_sizes_that_the_task_says(name):
    (task, one), (_, again), (_, other) = (drawn(name, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, again))
    assert not np.array_equal(one.x, other.x)
    assert one.x.shape == (200, task.longest, task.inputs)
    assert sum(part.nbytes for part in one[:3]) == 200 * task.longest * task.step_bytes
    assert one.lengths.min() > 0 and one.lengths.max() <= task.longest
    assert one.asked.any(1).all() and not one.asked[np.arange(task.longest) >= one.lengths[:, None]].any()


@pytest.mark.parametrize("delay", [0, 3])
def test_copy_shows_a_pattern_and_asks_for_it_after_the_delay(delay):
    _, data = drawn("copy", length=4, delay=delay)
    for x, y, asked, steps in zip(*data):
        length = (steps - delay) // 2
        shown = x[:steps].argmax(-1)
        assert set(shown[:length]) <= {0, 1} and set(shown[length:]) == {2}
        assert asked.nonzero()[0].tolist() == list(range(length + delay, steps))
        assert y[asked, 0].tolist() == shown[:length].tolist()
    lengths = np.bincount((data.lengths - delay) // 2)
    assert lengths.nonzero()[0].tolist() == [1, 2, 3, 4]


def test_adding_asks_for_the_scaled_sum_of_the_two_marked_numbers_at_the_end():
    task, data = drawn("adding", 2000, length=40)
    for x, y, asked, steps in zip(*data):
        number, mark = x[:steps].T
        assert 40 <= steps <= 44
        assert asked.nonzero()[0].tolist() == [steps - 1]
        first, second = (mark == 1).nonzero()[0]
        assert first < 10 and second < 19
        assert mark[0] in (-1, 1) and mark[-1] == -1
        assert np.count_nonzero(mark) == 4 - (first == 0)
        total = number[first] * (first != 0) + number[second]
        assert y[asked] == pytest.approx(0.5 + total / 4, abs=1e-6)
    assert np.abs(data.x[..., 0]).max() <= 1 and data.x[..., 0].mean() == pytest.approx(0, abs=0.02)
    near, far = torch.full((1, 1, 1), 0.539), torch.full((1, 1, 1), 0.541)
    assert right(task, near, torch.full((1, 1, 1), 0.5)) and not right(task, far, torch.full((1, 1, 1), 0.5))


BEHIND_X = "(XT*VP)*(S|XT*VV)"
INNER = f"B(TS*X{BEHIND_X}|PT*V(V|P{BEHIND_X}))E"


@pytest.mark.parametrize("strings", [1, 2])
def test_reber_strings_are_those_of_the_embedded_grammar(strings):
    _, data = drawn("reber", strings=strings)
    for x, y, _, steps in zip(*data):
        text = "".join(SYMBOLS[symbol] for symbol in x[:steps].argmax(-1)) + SYMBOLS[y[steps - 1, 0]]
        assert re.fullmatch(rf"B([TP])({INNER}){{{strings}}}\1E", text), text
        assert [SYMBOLS[symbol] for symbol in y[:steps, 0]] == list(text[1:])


def test_reber_counts_every_symbol_that_may_follow_as_right():
    _, data = drawn("reber", 500)
    followed: dict[str, set[str]] = {}
    for x, y, _, steps in zip(*data):
        text = "".join(SYMBOLS[symbol] for symbol in x[:steps].argmax(-1))
        for step in range(steps):
            legal = "".join(SYMBOLS[k] for k in y[step, 1:].nonzero()[0])
            assert SYMBOLS[y[step, 0]] in legal
            followed.setdefault(text[: step + 1], set()).add(legal)
    assert all(len(legal) == 1 for legal in followed.values())  # it depends on what was shown alone
    seen = {text: {b[len(text)] for b in followed if b.startswith(text) and len(b) > len(text)} for text in ("B", "BT")}
    assert {text: set("".join(followed[text])) for text in seen} == seen


def test_a_prediction_of_reber_is_right_if_all_that_may_follow_is_above_all_that_may_not():
    task = make_task("reber", {})
    y = torch.tensor([[[0, 1, 0, 1, 0, 0, 0, 0]]])
    assert right(task, torch.tensor([[[2.0, 0, 1, 0, 0, 0, 0]]]), y)
    assert not right(task, torch.tensor([[[2.0, 0, 1, 1.5, 0, 0, 0]]]), y)


def test_digits_are_the_pictures_of_scikit_learn_each_in_one_set_alone():
    from sklearn.datasets import load_digits

    found = load_digits()
    known = {picture.tobytes(): label for picture, label in zip((found.data / 16).astype(np.float32), found.target)}
    sets = make_task("digits", {}).draw([1000, 300, 497], np.random.default_rng(0))
    rows = [row for part in sets for row in zip(part.x[..., 0], part.y, part.asked)]
    assert sorted(x.tobytes() for x, *_ in rows) == sorted(
        picture.tobytes() for picture in (found.data / 16).astype(np.float32)
    )
    for x, y, asked in rows:
        assert asked.nonzero()[0].tolist() == [63]
        assert y[63, 0] == y[63, 1:].argmax() == known[x.tobytes()]


def test_permuted_digits_have_their_pixels_in_one_other_order():
    (_, plain), (_, permuted) = (drawn("digits", 50, permuted=value) for value in (False, True))
    moved = {tuple(column) for column in plain.x[..., 0].T} == {tuple(column) for column in permuted.x[..., 0].T}
    assert moved and not np.array_equal(plain.x, permuted.x)


def test_a_flipflop_asks_on_each_channel_for_the_sign_of_its_last_pulse():
    _, data = drawn("flipflop", 100, length=30, pulse=0.2)
    for x, y, asked, _ in zip(*data):
        held = np.zeros(3)
        for step in range(30):
            held = np.where(x[step] != 0, x[step], held)
            assert (y[step] == (held > 0)).all()
        assert asked.all() and (x[0] != 0).all()
    assert (data.x[:, 1:] != 0).mean() == pytest.approx(0.2, abs=0.02)


def test_half_of_a_flipflops_pulses_are_positive():
    _, data = drawn("flipflop", 100)
    assert data.x[data.x != 0].mean() == pytest.approx(0, abs=0.05)


def test_a_task_counts_as_solved_from_the_share_that_its_page_says():
    solved = {name: make_task(name, {}).solved for name in TASKS}
    assert solved == {"adding": 0.99, "copy": 1, "digits": 0.95, "flipflop": 1, "reber": 1, "recall": 1}


def test_recall_asks_at_the_end_for_the_sign_of_the_first_step():
    _, data = drawn("recall", 2000, delay=4)
    assert data.y[:, 4, 0].tolist() == (data.x[:, 0, 0] > 0).tolist()
    assert data.asked.any(0).tolist() == [False] * 4 + [True]
    assert (data.x[..., 1:] == [[1, 0], [0, 0], [0, 0], [0, 0], [0, 1]]).all()
    signs = data.x[..., 0].astype(float)
    assert (np.abs(signs) == 1).all()
    assert np.abs(np.corrcoef(signs.T) - np.eye(5)).max() < 0.1  # nothing between tells of the first


def test_a_stream_plays_whole_sequences_one_after_the_other():
    _, data = drawn("copy", 20, length=4)
    cut, by_step = (Stream(data, 3, torch.Generator().manual_seed(0)) for _ in range(2))
    whole = [cut.segment(7) for _ in range(30)]
    single = [by_step.segment(1) for _ in range(210)]
    for name in ("x", "y", "asked", "starts"):
        joined = torch.cat([getattr(part, name) for part in whole])
        assert torch.equal(joined, torch.cat([getattr(part, name) for part in single]))
    assert sum(part.ended for part in whole) == sum(part.ended for part in single)
    (known,) = chunks(data)
    shown = {known.x[:steps, k].numpy().tobytes() for k, steps in enumerate(data.lengths)}
    for slot in range(3):
        begins = torch.cat([part.starts for part in whole])[:, slot].nonzero()[:, 0].tolist()
        x = torch.cat([part.x for part in whole])[:, slot]
        assert len(begins) > 20
        assert all(x[a:b].contiguous().numpy().tobytes() in shown for a, b in pairwise(begins))


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("copy", {"lenght": 3}, "task_options of task copy: unknown key lenght: .*did you mean length"),
        ("copy", {"length": 0}, "length = 0"),
        ("adding", {"length": 9}, "length = 9: expected an integer in \\[10"),
        ("reber", {"longest": 8}, "longest = 8: strings = 1 has at least 9 symbols"),
        ("flipflop", {"pulse": 2}, "pulse = 2"),
        ("digits", {"permuted": 1}, "permuted = 1: expected true or false"),
    ],
)
def test_bad_options_are_refused(task, options, message):
    with pytest.raises(ConfigError, match=message):
        make_task(task, options)


def test_more_pictures_than_there_are_cannot_be_drawn():
    with pytest.raises(ConfigError, match="= 1,800: task digits has 1,797 pictures"):
        make_task("digits", {}).draw([1000, 400, 400], np.random.default_rng(0))


def test_a_task_that_asks_for_nothing_is_refused():
    task, random = make_task("copy", {"length": 3}), np.random.default_rng(0)
    asked = np.eye(2, 6, dtype=bool)
    task.sequences = lambda count, random: Sequences(np.zeros((2, 6, 3)), np.zeros((2, 6, 1)), asked, [6, 6])
    assert len(task.draw([2], random)) == 1
    asked[1] = False
    with pytest.raises(ConfigError, match=r"'length': 3.*: 1 of 2 sequences ask for no answer; expected options with"):
        task.draw([2], random)
