"""docs/library.md is one program that works as written, and its numbers are those of the code and the README."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch

from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import GRADIENTS, make_method
from rtrl_bench.gradients.machinery.options import option_names

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/library.md").read_text(encoding="utf-8")


def block(name):
    """The fenced block behind the comment `<!-- tested: name -->`."""
    return re.search(rf"<!-- tested: {re.escape(name)} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL).group(1)


@pytest.fixture(scope="module")
def program():
    """What the page's loop has made, by name."""
    torch.manual_seed(0)
    names: dict = {}
    exec(block("loop"), names)
    return names


@pytest.fixture
def learnt(program):
    """A copy of it, to go on from."""
    parts = {name: program[name] for name in ("model", "optimiser", "carry", "loss")}
    return {**program, **copy.deepcopy({name: part for name, part in parts.items() if name != "loss"})}


def loss_over(names, segments=50):
    """The mean loss of what has been learnt, on fresh data."""
    torch.manual_seed(1)
    model, carry, found = names["model"], names["model"].core.begin(16), []
    with torch.no_grad():
        for x, starts, target in names["segments"](segments):
            y, carry = model(x, starts, carry)
            found.append((y - target).square().mean())
    return float(torch.stack(found[10:]).mean())


def test_the_loop_learns_to_remember(program):
    assert loss_over(program) < 0.05  # 1 without memory


def test_acting_gives_an_output_for_each_slot(learnt):
    exec(block("acting"), learnt)
    assert learnt["y"].shape == (16,)
    assert learnt["state"].shape == (16, 1, 32)


def test_mixed_precision_goes_on_learning_with_a_carry_in_full_precision(learnt):
    exec(block("amp"), learnt)
    assert loss_over(learnt) < 0.05
    assert all(trace.dtype == torch.float32 for trace in learnt["carry"].traces.values())


def test_what_is_shown_for_a_gpu_goes_on_learning(learnt):
    exec(block("gpu"), learnt)
    assert learnt["carry"].state.device.type == learnt["device"].type
    assert torch.isfinite(learnt["loss"])


def test_a_resumed_program_is_bit_for_bit_the_uninterrupted_one(learnt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    go_on = block("loop").split("carry = model.core.begin(batch=16)\n")[1].replace("segments(400)", "segments(20)")
    fresh = {**learnt, "model": learnt["Model"]()}
    fresh["optimiser"] = torch.optim.Adam(fresh["model"].parameters(), lr=1e-2)
    save, load = block("resume").split("\n\n")
    exec(save, learnt)
    exec(load, fresh)
    for names in (learnt, fresh):
        torch.manual_seed(2)
        exec(go_on, names)
    found = [[*names["model"].parameters(), *names["carry"].traces.values()] for names in (learnt, fresh)]
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_the_costs_are_those_that_the_code_prints(capsys):
    exec(block("cost"), {})
    assert capsys.readouterr().out == block("cost, printed")


def test_the_ratios_are_those_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| 512 \| (\d+) \| ([\d.]+) \|", readme, re.MULTILINE))
    assert f"{rows['10']}, {rows['50']} and {rows['100']} times as long" in PAGE


def test_the_table_has_every_method_with_its_options():
    rows = re.findall(r'^\| `"(\w+)"` \|[^|]*\|([^|]*)\|', PAGE, re.MULTILINE)
    assert sorted(name for name, _ in rows) == list(GRADIENTS)
    for name, options in rows:
        assert re.findall(r"`(\w+)`:", options) == option_names(GRADIENTS[name])


def test_the_table_says_all_cells_of_methods_that_take_the_one_without_recurrence():
    for name, cells in re.findall(r'^\| `"(\w+)"` \|.*\| ([^|]*) \|$', PAGE, re.MULTILINE):
        assert name in GRADIENTS
        try:
            make_method(name, CELLS["none"]())
        except ConfigError:
            assert cells != "all", name
        else:
            assert cells == "all", name


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
