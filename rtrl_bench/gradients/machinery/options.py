"""Options of a method: the keyword-only parameters of its constructor, checked before it is called."""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Mapping
from numbers import Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from rtrl_bench.errors import ConfigError, one_of

_KINDS = {int: "an integer", float: "a finite number", bool: "true or false", str: "text", NoneType: "null"}


def option_names(kind: type) -> list[str]:
    """The options that a method takes."""
    parameters = inspect.signature(kind).parameters.values()
    return [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]


def checked_options(method: str, kind: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `method`, an instance of `kind`, in the types that its constructor gives them.

    ConfigError names an option that there is not, one that is missing, or a value of another type; NumPy's numbers are
    taken. What a type cannot say, such as a least value, is the constructor's to check.
    """
    if not isinstance(options, Mapping):
        raise ConfigError(f"gradient_options = {options!r}: expected keys and values")
    names, hints = option_names(kind), get_type_hints(kind.__init__)  # type: ignore[misc]
    for key, value in options.items():
        if key not in names:
            expected = one_of(key, names) if names else "it has no options; remove the key"
            raise ConfigError(f"gradient_options.{key} = {value!r}: unknown option of gradient: {method}, {expected}")
    for key in names:
        if key not in options and inspect.signature(kind).parameters[key].default is inspect.Parameter.empty:
            raise ConfigError(f"gradient: {method} needs gradient_options.{key}: expected {_described(hints[key])}")
    return {key: _converted(method, key, value, hints[key]) for key, value in options.items()}


def _converted(method: str, key: str, value: Any, hint: Any) -> Any:
    for choice in _choices(hint):
        if get_origin(choice) is Literal:
            if isinstance(value, str) and value in get_args(choice):
                return value
        elif choice is int:
            if not isinstance(value, bool | np.bool_) and hasattr(value, "__index__"):
                return operator.index(value)
        elif choice is float:
            if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
                return float(value)
        elif isinstance(value, choice):
            return value
    expected = f"{_described(hint)}, as an option of gradient: {method}"
    raise ConfigError(f"gradient_options.{key} = {value!r}: expected {expected}")


def _choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _described(hint: Any) -> str:
    words: list[str] = []
    for choice in _choices(hint):
        words += map(repr, get_args(choice)) if get_origin(choice) is Literal else [_KINDS[choice]]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
