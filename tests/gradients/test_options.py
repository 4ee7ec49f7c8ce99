"""`gradient_options` are a method's own, checked by what its constructor says of them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError, UnknownName
from rtrl_bench.gradients import GRADIENTS, GradientMethod, make_method


class Optioned(GradientMethod):
    """A method with an option of every kind."""

    def __init__(
        self,
        cell,
        layers=1,
        *,
        order: int,
        rate: float = 0.5,
        signs: bool = True,
        reach: int | Literal["episode", "segment"] | None = None,
        name: str = "",
    ):
        super().__init__(cell, layers)
        self.given = (order, rate, signs, reach, name)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    assert set(GRADIENTS)  # all that have a file of their own are loaded by now
    monkeypatch.setitem(GRADIENTS._things, "optioned", Optioned)


def given(**options):
    return make_method("optioned", CELLS["elstm"](), options=options).given


def test_options_reach_the_method_and_the_others_have_its_defaults():
    assert given(order=2) == (2, 0.5, True, None, "")
    assert given(order=2, rate=0.1, signs=False, reach="segment", name="a") == (2, 0.1, False, "segment", "a")


def test_numbers_of_any_kind_arrive_as_pythons_own():
    order, rate, _, reach, _ = given(order=np.int64(3), rate=np.float32(0.5), reach=torch.tensor(4))
    assert (order, rate, reach) == (3, 0.5, 4)
    assert (type(order), type(rate), type(reach)) == (int, float, int)
    assert type(given(order=1, rate=1)[1]) is float


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 1, "raet": 2}, r"options\.raet = 2: unknown option .* expected one of .*did you mean rate\?"),
        ({}, "gradient: optioned needs gradient_options.order: expected an integer"),
        ({"order": "one"}, "order = 'one': expected an integer, as an option of gradient: optioned"),
        ({"order": True}, "order = True: expected an integer,"),
        ({"order": 1.0}, r"order = 1\.0: expected an integer,"),
        ({"order": None}, "order = None: expected an integer,"),
        ({"order": 1, "rate": float("nan")}, "rate = nan: expected a finite number,"),
        ({"order": 1, "rate": True}, "rate = True: expected a finite number,"),
        ({"order": 1, "signs": 1}, "signs = 1: expected true or false,"),
        ({"order": 1, "reach": "epsiode"}, "reach = 'epsiode': expected an integer, 'episode', 'segment' or null,"),
        ({"order": 1, "reach": [1]}, r"reach = \[1\]: expected an integer, 'episode', 'segment' or null,"),
        ({"order": 1, "name": 3}, "name = 3: expected text,"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_name_value_and_what_was_expected(options, message):
    with pytest.raises(ConfigError, match=message):
        given(**options)


def test_options_that_are_no_keys_and_values_are_refused():
    with pytest.raises(ConfigError, match=r"gradient_options = \['window'\]: expected keys and values"):
        RecurrentStack(3, 4, gradient="tbptt", gradient_options=["window"])


def test_a_method_without_options_says_so():
    with pytest.raises(ConfigError, match=r"options\.window = 5: unknown .* of gradient: rtrl, it has no options"):
        RecurrentStack(3, 4, gradient="rtrl", gradient_options={"window": 5})


def test_the_method_itself_is_looked_up_first():
    with pytest.raises(UnknownName, match="did you mean optioned"):
        make_method("optoined", CELLS["elstm"](), options={"nonsense": 1})


def test_options_tell_carries_apart():
    x, starts = torch.zeros(2, 1, 3), torch.zeros(2, 1, dtype=torch.bool)
    stack, other = (RecurrentStack(3, 4, gradient="tbptt", gradient_options={"window": w}) for w in (5, 6))
    with pytest.raises(ValueError, match=r"tbptt with window 6.* expected one of .*tbptt with window 5"):
        stack(x, starts, other.begin(1))
