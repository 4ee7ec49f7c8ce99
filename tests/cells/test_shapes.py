"""A cell whose functions return wrong shapes is refused: broadcasting may hide it, with a wrong gradient."""

from __future__ import annotations

import pytest

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS, check_shapes
from rtrl_bench.errors import ConfigError


def peephole(number):
    """The eLSTM with partial derivative `number` without its axis of c'."""

    class Peephole(CELLS["elstm"]):
        def partials(self, u, c, w):
            parts = list(super().partials(u, c, w))
            parts[number] = parts[number].squeeze(-3)
            return tuple(parts)

    return Peephole


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (0, r"cell Peephole: partials returned ∂c'/∂c \(2, 3, 1, 4\), expected \(2, 3, 1, 1, 4\)"),
        (1, r"cell Peephole: partials returned ∂c'/∂u .* for u \(2, 3, \d, 4\) and c \(2, 3, 1, 4\)"),
        (2, r"cell Peephole: partials returned ∂c'/∂w"),
    ],
)
def test_partials_without_an_axis_are_refused_before_anything_is_trained(number, message, monkeypatch):
    monkeypatch.setitem(CELLS._things, "peephole", peephole(number))
    with pytest.raises(ConfigError, match=message):
        RecurrentStack(3, 4, cell="peephole")


def test_a_step_that_returns_more_than_the_state_is_refused():
    class Doubled(CELLS["rnn"]):
        def step(self, u, c, w):
            return super().step(u, c, w).repeat_interleave(2, dim=-2)

    with pytest.raises(ConfigError, match=r"cell Doubled: step returned c' \(2, 3, 2, 4\), expected \(2, 3, 1, 4\)"):
        check_shapes(Doubled())
