"""The one place that reads and writes YAML: UTF-8, plain data, numbers and words as YAML 1.2 (core schema) has them.

PyYAML alone reads YAML 1.1, where 010 is 8, 1:30 is 90, `no` is false, 6e-4 is text, and of two equal keys the last
wins. Here 010 is 10, 1:30 and `no` are text, 6e-4 is a number, keys are always text, and equal keys are refused. Two
things of YAML 1.1 are kept: underscores in numbers (2_000) and `<<`, which merges another mapping.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from rtrl_bench.errors import ConfigError

_TAG = "tag:yaml.org,2002:"
_DIGITS = r"[0-9](?:_?[0-9])*"
_WORDS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (rf"[-+]?{_DIGITS}|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": ("<<", ["<"]),
}


class _Loader(yaml.SafeLoader):
    """Plain data by the rules above."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 (PyYAML's own table, without its 1.1 rules)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse a key that stands twice in one mapping; what `<<` brings may be given again."""
        node = super().compose_mapping_node(anchor)
        first: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Mistake("expected a word as a key", key.start_mark)
            known = first.setdefault(key.value, key.start_mark)
            if known is not key.start_mark:
                raise _Mistake(f"key {key.value} stands in line {known.line + 1} already; remove one", key.start_mark)
            if key.tag != f"{_TAG}merge":
                key.tag = f"{_TAG}str"
        return node

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node)).replace("_", "")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        text = str(self.construct_scalar(node)).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as something else, such as 1234567e8901."""


class _Mistake(Exception):
    def __init__(self, message: str, mark: yaml.Mark):
        super().__init__(f"line {mark.line + 1}: {message}")


for _name, (_pattern, _first) in _WORDS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_integer)
_Loader.add_constructor(f"{_TAG}float", _Loader.construct_number)


def load_yaml(path: str | Path) -> Any:
    """The content of a YAML file; ConfigError names the file, and the line where it is not valid."""
    try:
        return parse_yaml(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_yaml(text: bytes | str) -> Any:
    """The content of a YAML text (bytes: UTF-8); ConfigError names the line where it is not valid."""
    try:
        return yaml.load(text, Loader=_Loader)
    except _Mistake as error:
        raise ConfigError(str(error)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"not valid YAML ({' '.join(str(error).split())})") from error


def dump_yaml(values: Any) -> str:
    """YAML text (ASCII) from which `parse_yaml` makes the same plain values, keys in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False)
