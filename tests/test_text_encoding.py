"""Text is UTF-8 whatever the locale: every place of the project that reads or writes text says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [path for folder in ("rtrl_bench", "analysis", "workflow") for path in sorted((ROOT / folder).rglob("*.py"))]
FUNCTIONS = {"open", "fdopen", "TextIOWrapper"}
METHODS = {"open", "fdopen", "TextIOWrapper", "read_text", "write_text"}
OTHERS = {"os.open", "Image.open", "np.open"}  # no text
PROCESSES = {"run", "Popen", "check_output"}


def unsaid(text: str) -> Iterator[int]:
    """Lines of the calls that open a file or a pipe as text and leave the encoding to the locale."""
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and not _says(call) and (_opens_text(call) or _runs_for_text(call)):
            yield call.lineno


def _says(call: ast.Call) -> bool:
    return any(keyword.arg == "encoding" for keyword in call.keywords) or "utf-8" in _constants(call)


def _opens_text(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    modes = [value for value in _constants(call) if isinstance(value, str) and set(value) <= set("rwxabt+")]
    known = METHODS if isinstance(call.func, ast.Attribute) else FUNCTIONS
    return name.rpartition(".")[2] in known and name not in OTHERS and not any("b" in mode for mode in modes)


def _runs_for_text(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    return name in PROCESSES and any(keyword.arg in ("text", "universal_newlines") for keyword in call.keywords)


def _constants(call: ast.Call) -> list[object]:
    values = (*call.args, *(keyword.value for keyword in call.keywords))
    return [value.value for value in values if isinstance(value, ast.Constant)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("open(p)", True),
        ("p.open('w')", True),
        ("p.open('rb')", False),
        ("p.open(mode='wb')", False),
        ("open(p, encoding='utf-8')", False),
        ("os.open(p, os.O_RDWR)", False),
        ("p.read_text()", True),
        ("p.read_text('utf-8')", False),
        ("p.write_text(t)", True),
        ("subprocess.run(c, text=True)", True),
        ("subprocess.run(c, text=True, encoding='utf-8')", False),
        ("subprocess.run(c)", False),
        ("write_text(p, t)", False),
    ],
)
def test_the_check_finds_text_without_an_encoding(text, found):
    assert bool(list(unsaid(text))) == found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_is_read_and_written_as_utf_8(path):
    assert list(unsaid(path.read_text(encoding="utf-8"))) == []
