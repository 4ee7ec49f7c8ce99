"""YAML is read as version 1.2 has it, in UTF-8, and a key that stands twice is refused."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
import yaml

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.yaml_files import dump_yaml, load_yaml, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o17", 15),
        ("0x1f", 31),
        ("+5", 5),
        ("2_000", 2000),
        ("1:30", "1:30"),
        ("0b11", "0b11"),
        ("2024-01-01", "2024-01-01"),
        ("6e-4", 6e-4),
        (".5", 0.5),
        ("1_0.5e3", 10_500.0),
        ("-.inf", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("off", "off"),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_words_and_numbers_are_those_of_yaml_1_2(text, value):
    found = parse_yaml(f"key: {text}")["key"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text():
    assert parse_yaml("2024: a\nno: b\nnull: c") == {"2024": "a", "no": "b", "null": "c"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden: 3\nbatch: 4\nhidden: 5", "line 3: key hidden stands in line 1 already; remove one"),
        ("studies:\n  a: {x: 1}\n  'a': {x: 2}", "line 3: key a stands in line 2 already"),
        ("run: {hidden: 1, hidden: 2}", "line 1: key hidden stands in line 1 already"),
        ("? [1, 2]\n: 3", "line 1: expected a word as a key"),
        ("a: [", "not valid YAML"),
        ("a: !!int x", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML .*single document"),
        ("a: !!python/object/apply:os.system [x]", "not valid YAML"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"run\.yaml: {message}"):
        load_yaml(path)


def test_what_a_merge_brings_may_be_given_again():
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, y: 3}"
    assert parse_yaml(text) == {"a": {"x": 1, "y": 1}, "b": {"x": 2, "y": 1}, "c": {"x": 2, "y": 3}}


@pytest.mark.parametrize(
    "text",
    ["1234567e8901", "010", "0o17", "1e3", "2_0", "no", "null", "", "1:30", "<<", "=", "2024-01-01", "a: b", "ü"],
)
def test_text_that_looks_like_something_else_is_read_back_as_text_by_every_yaml(text):
    written = dump_yaml({"key": text})
    assert parse_yaml(written) == yaml.safe_load(written) == {"key": text}


def test_files_are_utf_8_whatever_the_locale(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_bytes("label: ü\n".encode())
    code = f"from rtrl_bench.runs.yaml_files import load_yaml; print(ascii(load_yaml({str(path)!r})))"
    there = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=there) == "{'label': '\\xfc'}\n"


def test_a_file_of_another_encoding_is_refused(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_bytes("label: größe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"run\.yaml: not valid YAML"):
        load_yaml(path)
