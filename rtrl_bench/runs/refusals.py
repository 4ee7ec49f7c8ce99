"""What was wrong with settings, in one sentence: the key, its value, what was expected and, for a misspelling, the fix.

pydantic finds the mistakes; what was expected is read from the JSON schema of the settings, so that bounds and choices
stand in the fields alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from rtrl_bench.errors import one_of

_FIRST = ("extra_forbidden", "invalid_key", "missing")  # a misspelt key is also a missing one: name the misspelling
_LENGTH = 100  # characters of a value that a message shows


def explain(kind: type[BaseModel], error: ValidationError) -> str:
    """The first mistake in settings of a kind, as a sentence."""
    found = error.errors(include_url=False)
    first = min(found, key=lambda e: _FIRST.index(e["type"]) if e["type"] in _FIRST else len(_FIRST))
    schema = kind.model_json_schema()
    if first["type"] in _FIRST:
        *above, key = first["loc"]
        path, at = _follow(schema, above)
        name = join([*path, key])
        if first["type"] == "missing":
            meaning = (_inner(schema, at, key) or {}).get("description")
            return f"missing key {name}: it has no default" + (f". Meaning: {meaning}" if meaning else "")
        known = _keys(schema, at)
        deeper = next((outer for outer in known if key in _keys(schema, _inner(schema, at, outer) or {})), None)
        there = f"; {key} is a key of {join([*path, deeper])}" if deeper else ""
        return f"unknown key {name}: {one_of(key, known, join([*path, '']))}{there}"
    path, at = _follow(schema, first["loc"])
    value = f"{join(path) or 'the configuration'} = {_shown(first['input'])}"
    if first["type"] != "value_error":
        return f"{value}: expected {describe(schema, at)}"
    message = str(first["ctx"]["error"])
    if not _keys(schema, at):
        return f"{value}: {message}"
    return f"{join(path)}.{message}" if path else message  # of several keys together, which the message names


def describe(root: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a JSON schema accepts, in words: "an integer >= 1 or episode or null"."""
    schema = _resolve(root, schema)
    if "anyOf" in schema:
        return " or ".join(describe(root, option) for option in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return str(schema["const"])
    if "keysOf" in schema:
        return f"keys of {schema['keysOf']}"
    if isinstance(schema.get("additionalProperties"), dict):
        least = f"at least {schema['minProperties']}, " if "minProperties" in schema else ""
        return f"names, {least}each with {describe(root, schema['additionalProperties'])}"
    words = _TYPES.get(schema.get("type", ""), "another value")
    if schema.get("type") == "array":
        return words + _items(root, schema)
    if schema.get("minLength"):
        return f"{words} that is not empty"
    return f"{words} {_bounds(schema)}".rstrip()


_TYPES = {
    "object": "keys and values",
    "array": "a list",
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}


def _items(root: dict[str, Any], schema: dict[str, Any]) -> str:
    """How many items a list has, and which: " of at least 1, all different, each an integer >= 1"."""
    least = f" of at least {schema['minItems']}" if "minItems" in schema else ""
    different = ", all different" if schema.get("uniqueItems") else ""
    return least + different + (f", each {describe(root, schema['items'])}" if schema.get("items") else "")


def _bounds(schema: dict[str, Any]) -> str:
    """The bounds in a schema: ">= 1", "in [0, 1)"."""
    low, above, high, below = (
        f"{schema[key]:.15g}" if key in schema else ""
        for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    )
    if (low or above) and (high or below):
        return f"in {f'[{low}' if low else f'({above}'}, {f'{high}]' if high else f'{below})'}"
    signs = {">=": low, ">": above, "<=": high, "<": below}
    return " ".join(f"{sign} {bound}" for sign, bound in signs.items() if bound)


def _follow(root: dict[str, Any], location: Iterable[int | str]) -> tuple[list[int | str], dict[str, Any]]:
    """The keys that lead to a place, without pydantic's names for the options of a union, and the schema there."""
    path: list[int | str] = []
    at = root
    for part in location:
        inner = _inner(root, at, part)
        if inner is not None:
            path.append(part)
            at = inner
    return path, at


def _inner(root: dict[str, Any], schema: dict[str, Any], part: int | str) -> dict[str, Any] | None:
    """The schema of what `schema` has under a key or number; None if that is no part of it."""
    schema = _resolve(root, schema)
    options = [_inner(root, option, part) for option in schema.get("anyOf", ())]
    more = schema.get("additionalProperties") or None
    options.append(schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part, more))
    return next((option for option in options if isinstance(option, dict)), None)


def _resolve(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return schema if reference is None else root["$defs"][reference.rpartition("/")[2]]


def _keys(root: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The keys that there may be at a place; none where any may be."""
    schema = _resolve(root, schema)
    options = [schema, *(_resolve(root, option) for option in schema.get("anyOf", ()))]
    return [key for option in options for key in option.get("properties", ())]


def join(path: Iterable[int | str]) -> str:
    """studies.atari.seeds[1] from its parts."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."
