"""The benchmark runs everywhere, keeps what it measured, and says what it left out."""

from __future__ import annotations

import gc
import json
import math
import weakref
from importlib import metadata
from unittest import mock

import pytest
import torch
from oracles.cells import NAMES

from rtrl_bench import bench
from rtrl_bench.bench import cells, gradients, learning, loop, memory, sections
from rtrl_bench.bench.report import report
from rtrl_bench.bench.sections import Column, Item, Section, Setup
from rtrl_bench.cells import CELLS
from rtrl_bench.cli import main
from rtrl_bench.errors import EnvironmentUnavailable
from rtrl_bench.experiments.reinforcement.config import from_dict
from rtrl_bench.runs import timing

CPU = torch.device("cpu")


def section(*measures):
    """A section whose items are numbered from 0."""
    items = [Item(str(number), measure) for number, measure in enumerate(measures)]
    return Section("numbers", lambda setup: items, (Column("n", "n", "d"),))


def outcome(*measures, seconds=math.inf):
    return sections.run(section(*measures), Setup(CPU, seconds=seconds), lambda _: None)


def test_a_section_keeps_the_rows_of_items_around_one_that_fails():
    def fails():
        raise RuntimeError("no such kernel")

    found = outcome(lambda: {"n": 1}, fails, lambda: {"n": 3})
    assert found.rows == [{"name": "0", "n": 1}, {"name": "2", "n": 3}]
    assert found.failed == [{"name": "1", "error": "RuntimeError: no such kernel"}]


def test_an_item_whose_simulator_is_missing_is_left_out_and_not_failed():
    def missing():
        raise EnvironmentUnavailable("install it")

    found = outcome(missing)
    assert (found.left_out, found.failed) == ([{"name": "0", "why": "install it"}], [])


def test_items_that_would_not_fit_into_the_time_are_left_out(monkeypatch):
    clock = iter(range(0, 1000, 4))  # every look at the clock is four seconds after the last
    monkeypatch.setattr(sections.time, "perf_counter", lambda: next(clock))
    found = outcome(*[lambda: {"n": 1}] * 4, seconds=20)
    assert [row["name"] for row in found.rows] == ["0", "1"]
    assert [left["name"] for left in found.left_out] == ["2", "3"]


def test_nothing_more_is_measured_once_a_gpu_answers_no_more(monkeypatch):
    def breaks():
        raise RuntimeError("an illegal memory access")

    answers = iter([True, True, False, False])
    monkeypatch.setattr(sections, "_answers", lambda _: next(answers))
    found = outcome(lambda: {"n": 1}, breaks, lambda: {"n": 3})
    assert [row["name"] for row in found.rows] == ["0"]
    assert [left["name"] for left in found.left_out] == ["2"] and len(found.failed) == 1


def test_a_graph_keeps_alive_what_it_reads(monkeypatch):
    for name in ("Stream", "current_stream", "stream", "graph", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, mock.MagicMock())
    case = gradients.Case("rtrl", CPU, 2, 3, 4)
    read = [weakref.ref(tensor) for tensor in (case.x, case.v, case.starts, case.stack.layers[0].weight)]
    replay = case.graph()
    replay()
    read.append(weakref.ref(case.carry.state))  # where each replay begins
    del case
    gc.collect()
    assert all(tensor() is not None for tensor in read)
    replay()
    del replay
    gc.collect()
    assert all(tensor() is None for tensor in read)


def test_what_was_measured_is_written_after_every_item(tmp_path, monkeypatch):
    path, seen = tmp_path / "bench.json", []

    def look():
        written = json.loads(path.read_text()) if path.exists() else {"sections": {"rooms": {"rows": []}}}
        seen.append(written["sections"]["rooms"]["rows"])
        assert written.get("status") != "complete"
        return {"n": len(seen)}

    monkeypatch.setattr("rtrl_bench.bench.rooms.section", lambda setup: section(look, look, look))
    assert report(CPU, ["rooms"], json=path, revision="abc")
    assert [len(rows) for rows in seen] == [0, 1, 2]
    kept = json.loads(path.read_text())
    assert kept["status"] == "complete"
    assert (kept["git_revision"], kept["git_dirty"]) == ("abc", None)
    assert {"versions", "device_name", "threads", "started_utc", "machine"} <= set(kept)
    assert kept["versions"]["torch"] == metadata.version("torch")


def test_the_sections_of_the_benchmark_share_the_minutes(tmp_path, monkeypatch):
    for name in ("gradients", "memory"):
        monkeypatch.setattr(f"rtrl_bench.bench.{name}.section", lambda setup: section(lambda: {"n": 1}))
    report(CPU, ["memory", "gradients"], minutes=1, json=tmp_path / "bench.json")
    kept = json.loads((tmp_path / "bench.json").read_text())["sections"]
    assert list(kept) == ["gradients", "memory"]
    assert kept["gradients"]["budget_s"] == 40
    assert 59 < kept["gradients"]["took_s"] + kept["memory"]["budget_s"] <= 60.01


@pytest.mark.parametrize("name", ["gradients", "cells", "memory", "learning"])
def test_every_item_of_a_section_runs_at_small_sizes(name, tmp_path, capsys):
    path = tmp_path / "bench.json"
    assert main(["bench", "--small", "--only", name, "--json", str(path)]) == 0
    kept = json.loads(path.read_text())["sections"][name]
    assert kept["rows"] and not kept["failed"] and not kept["left_out"]


@pytest.mark.parametrize(
    ("name", "modes"),
    [
        ("laptop: memory", ["in_turn", "one_thread", "beside"]),
        ("laptop: stem pooled", ["in_turn", "one_thread", "beside", "bfloat16"]),
    ],
)
def test_the_loop_section_measures_shares_rates_and_the_floor(name, modes):
    row = loop.shares(Setup(CPU, small=True), name)
    assert sum(value for key, value in row.items() if key.startswith("share_")) == pytest.approx(1)
    rates = {key.removesuffix("_steps_per_s"): value for key, value in row.items() if key.endswith("_steps_per_s")}
    assert list(rates) == [*modes, "stem"] and min(rates.values()) > 0


def test_works_are_timed_in_turns_and_as_often_as_fills_one(monkeypatch):
    calls = []
    monkeypatch.setattr(timing, "seconds", lambda work, times, _: [work() for _ in range(times)])
    works = {"slow": lambda: calls.append("slow") or 0.06, "fast": lambda: calls.append("fast") or 0.02}
    assert timing.medians(works, CPU, repeats=2, turn_s=0.1) == {"slow": 0.06, "fast": 0.02}
    turn = ["slow"] * 2 + ["fast"] * 5
    assert calls[4:] == turn + turn  # two calls of each before warm up


def test_the_gradients_section_times_every_method_on_the_same_problem():
    cases = [gradients.Case(method, CPU, 3, 4, 5) for method in gradients.METHODS]
    for case in cases:
        torch.manual_seed(1)
        case.segment()
    for case in cases[1:]:
        assert torch.allclose(case.x.grad, cases[0].x.grad, atol=1e-5)
        for found, expected in zip(case.stack.parameters(), cases[0].stack.parameters()):
            assert found.grad is None or torch.allclose(found.grad, expected.grad, atol=1e-3)


def test_the_cells_section_gives_every_cell_as_many_state_rows_as_the_elstm(monkeypatch):
    sizes = {}

    def case(method, device, batch, hidden, unroll, cell):
        sizes[cell] = hidden * len(CELLS[cell].state)
        return gradients.Case(method, device, batch, 2, unroll, cell=cell)

    monkeypatch.setattr(cells, "Case", case)
    rows = [item.measure() for item in cells.items(Setup(CPU, small=True))]
    assert {row["cell"] for row in rows} == set(NAMES) == set(sizes)
    assert set(sizes.values()) == {8}


def test_the_run_that_learns_has_a_valid_configuration_on_either_device():
    for device in ("cpu", "cuda"):
        assert from_dict({**learning.SETTINGS, "device": device, "env_steps": 1}).gradient == "rtrl"


def test_a_stem_is_named_by_its_place_in_the_project_not_on_the_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = learning._Runs(Setup(CPU, small=True, stem=tmp_path / "results/stem"))
    assert runs._config(env_steps=1).pretrained.run == "results/stem"


def test_the_largest_layer_fits_and_one_unit_more_does_not():
    row = memory.largest(2)
    larger = memory._sizes(2, row["hidden"] + 1)
    assert row["predicted_bytes"] <= memory.GIVEN_BYTES < memory._predicted(larger)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "gradient"], "did you mean"),
        (["--minutes", "0"], "expected a number of minutes"),
        (["--device", "gpu"], "gpu"),
    ],
)
def test_bad_arguments_are_refused_with_code_2(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["bench", *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_every_section_has_a_share_of_the_time():
    assert {name for names in bench.BY_DEFAULT.values() for name in names} <= set(bench.SHARES)
