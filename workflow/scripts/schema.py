"""The configuration against workflow/schemas/config.schema.json, with one message that names the key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from rtrl_bench.errors import ConfigError

SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "config.schema.json"


def check_schema(values: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first key that is unknown, absent or of the wrong kind."""
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for error in validator.iter_errors(values):
        raise ConfigError(_explain(error))


def _explain(error: Any) -> str:
    if error.validator == "additionalProperties":
        return _unknown_key(error)
    if error.validator == "required":
        absent = next(key for key in error.validator_value if key not in error.instance)
        return f"missing key {_join([*error.absolute_path, absent])}"
    return f"{_join(error.absolute_path)} = {error.instance!r}: {_EXPECTED[error.validator](error)}"


def _unknown_key(error: Any) -> str:
    known = list(error.schema["properties"])
    key = next(key for key in error.instance if key not in known)
    close = difflib.get_close_matches(str(key), known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"unknown key {_join([*error.absolute_path, key])}: expected one of {', '.join(known)}{hint}"


def _join(path: Iterable[Any]) -> str:
    """studies.atari.seeds[1] from its parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the configuration"


_TYPES = {
    "object": "keys and values",
    "array": "a list",
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "null": "null",
}


def _type(error: Any) -> str:
    wanted = error.validator_value
    return "expected " + " or ".join(_TYPES[t] for t in ([wanted] if isinstance(wanted, str) else wanted))


_EXPECTED = {
    "type": _type,
    "enum": lambda e: "expected one of " + ", ".join(map(str, e.validator_value)),
    "minimum": lambda e: f"expected at least {e.validator_value}",
    "minItems": lambda e: f"expected a list of at least {e.validator_value}",
    "minProperties": lambda e: f"expected at least {e.validator_value} key",
    "minLength": lambda e: "expected text that is not empty",
    "uniqueItems": lambda e: "expected values that differ from each other",
}
