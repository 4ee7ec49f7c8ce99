"""The house: what each part of the project may import, held against the imports that there are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up. A part imports from the floors below its own, and nothing beside or above it.
FLOORS = (
    {"errors"},
    {"system", "registry", "checks", "shapes_alone"},
    {"cells"},  # the library: from here to costs
    {"gradients", "optimisers"},
    {"layer"},
    {"costs", "rooms"},
    {"envs", "agent", "runs"},
    {"experiments"},  # the registry of the kinds of run
    {"experiments.*"},  # a kind of run
    {"bench"},  # which measures the kinds of run, the levels and the library
    {"arguments", "choices"},
    {"cli"},
    {"__main__"},
)
LIBRARY = {"errors", "registry", "checks", "shapes_alone", "cells", "gradients", "optimisers", "layer", "costs"}
BARE = {"torch", "numpy", "triton"}  # the last comes with torch, where there is a GPU for it
EVERY_METHOD = """
import sys
from importlib.abc import MetaPathFinder
allowed = {allowed}
class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        caller = sys._getframe(1)
        while "importlib" in caller.f_code.co_filename:
            caller = caller.f_back
        if name.partition(".")[0] not in allowed and "rtrl_bench" in caller.f_globals.get("__name__", ""):
            raise ModuleNotFoundError(f"no part of a bare installation: {{name}}", name=name)
sys.meta_path.insert(0, Refuse())
import torch, rtrl_bench
from rtrl_bench.cells import CELLS
from rtrl_bench.costs.predict import METHODS, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS
tried = 0
for cell in CELLS:
    for gradient in GRADIENTS:
        try:
            stack = rtrl_bench.RecurrentStack(3, 4, cell=cell, gradient=gradient)
        except ConfigError:
            continue
        h, carry = stack(torch.ones(2, 1, 3), torch.zeros(2, 1, dtype=bool), stack.begin(1))
        if cell != "none":  # which has no parameters to learn
            h.sum().backward()
            tried += 1
cells = {{"eprop": "lstm", "rflo": "leaky_rnn", "kf_rtrl": "rnn"}}
for method in METHODS:
    predict(method, Sizes(cells.get(method, "elstm"), 1, 4, 3, 2, 5, 10))
print(tried, *sorted({{"yaml", "pydantic", "gymnasium"}} & set(sys.modules)))
"""


def part_of(module: str) -> str | None:
    """The part of rtrl_bench that a module lies in, as FLOORS names it; None for the package itself."""
    _, *names = module.split(".")
    if not names:
        return None
    if names[0] == "experiments" and len(names) > 1:
        return f"experiments.{names[1]}"
    return names[0]


def floor(part: str) -> int:
    """The number of its floor; StopIteration for a part that stands nowhere in FLOORS."""
    known = "experiments.*" if part.startswith("experiments.") else part
    return next(number for number, parts in enumerate(FLOORS) if known in parts)


def imports(path: Path, at_once: bool = False) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, or `at_once` when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = (
                    ROOT.joinpath(*name.split(".")).with_suffix(".py").exists()
                    or ROOT.joinpath(*name.split("."), "__init__.py").exists()
                )
                yield name if is_module else str(node.module)


def modules(package: str) -> dict[str, Path]:
    """The files of a package by the names of their modules."""
    files = sorted((ROOT / package).rglob("*.py"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def test_every_import_goes_down():
    wrong = []
    for module, path in modules("rtrl_bench").items():
        for imported in imports(path):
            mine, other = part_of(module), part_of(imported) if imported.startswith("rtrl_bench") else None
            if mine and other and mine != other and floor(other) >= floor(mine):
                wrong.append(f"{module} imports {imported}")
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("rtrl_bench.agent.r2ac", "rtrl_bench.experiments.reinforcement.config"),  # up
        ("rtrl_bench.envs.batch", "rtrl_bench.runs.progress"),  # beside it
        ("rtrl_bench.experiments.sequences.run", "rtrl_bench.experiments.reinforcement.memory_needed"),
        ("rtrl_bench.costs.predict", "rtrl_bench.rooms.levels"),
    ],
)
def test_what_counts_as_wrong(module, imported):
    assert floor(part_of(imported)) >= floor(part_of(module))


def test_a_part_that_no_floor_knows_is_refused():
    with pytest.raises(StopIteration):
        floor("utilities")


def test_no_modules_wait_for_each_other_in_a_circle():
    graph = {
        module: {name for name in imports(path, at_once=True) if name.startswith("rtrl_bench.") and name != module}
        for module, path in modules("rtrl_bench").items()
    }
    assert sorted(circles(graph)) == []


def circles(graph: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    """The modules of every circle, left when what imports nothing more, or nobody imports, is taken away."""
    left = {module: set(names) & graph.keys() for module, names in graph.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        free = {module for module, names in left.items() if not names or module not in imported}
        if not free:
            break
        left = {module: names - free for module, names in left.items() if module not in free}
    if left:
        yield tuple(sorted(left))


def test_a_circle_is_found():
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()})) == [("b", "c")]
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": set()})) == []


def test_the_library_imports_torch_and_numpy_alone():
    for module, path in modules("rtrl_bench").items():
        if part_of(module) in LIBRARY:
            others = {name.partition(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {"rtrl_bench"}
            assert others <= BARE, module


def test_a_bare_installation_has_every_cell_and_method():
    allowed = BARE | {"rtrl_bench"} | set(sys.stdlib_module_names)
    code = EVERY_METHOD.format(allowed=allowed)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tried, *others = done.stdout.split()
    assert int(tried) >= 7
    assert others == []


WITHOUT_TORCH = """
import sys
from importlib.abc import MetaPathFinder
class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("the analysis does without torch", name=name)
sys.meta_path.insert(0, Refuse())
for name in sys.argv[1:]:
    __import__(name)
"""


def test_the_analysis_does_without_torch():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *modules("analysis")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
