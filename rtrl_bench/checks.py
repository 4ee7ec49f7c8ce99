"""Checks of single numbers, with one message each: the name, the value, what was expected."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

import numpy as np

from rtrl_bench.errors import ConfigError


def whole(name: str, value: Any) -> int:
    """`value` as an int from 1 on, of any integral type, NumPy's included; ConfigError for all else, a bool too."""
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < 1:
        raise ConfigError(f"{name} = {value!r}: expected an integer >= 1")
    return number


def real(name: str, value: Any, above: float) -> float:
    """`value` as a float above `above` and finite; ConfigError if it is not, or no number, or a bool."""
    if isinstance(value, bool) or not isinstance(value, Real) or not above < float(value) < math.inf:
        raise ConfigError(f"{name} = {value!r}: expected a finite number > {above:g}")
    return float(value)
