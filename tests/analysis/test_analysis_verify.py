"""What `make verify-reference` accepts and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pandas as pd
import pytest

from analysis import verify
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts import scales, targets

ERRORS = "errors.csv"
GROUPS = (
    verify.Group("runs/reinforcement/chaser/rtrl/M50", 2, 0.15),
    verify.Group("runs/reinforcement/breakout/rtrl/M50", 1),
)


@pytest.fixture
def places(written, tmp_path, monkeypatch):
    """A reference with its tables, and the same runs elsewhere."""
    monkeypatch.setattr(verify, "subset", lambda: GROUPS)
    monkeypatch.setattr(verify, "exact_files", lambda: [ERRORS])  # the rooms table is another test's business
    for name in ("reference", "here"):
        shutil.copytree(written, tmp_path / name / "laptop", ignore=shutil.ignore_patterns("figures"))
        pd.DataFrame({"level": ["a"], "median": [0.4]}).to_csv(tmp_path / name / "laptop" / ERRORS)
    return tmp_path / "reference" / "laptop", tmp_path / "here" / "laptop"


@pytest.fixture
def tables_hold(monkeypatch):
    """The tables are other tests' business, and take seconds."""
    monkeypatch.setattr(verify, "same_tables", lambda reference: iter(()))


def compared(places):
    reference, here = places
    return verify.main(["compare", "--reference", str(reference), "--runs", str(here)])


def change(folder, key, value):
    """Give the run records of a group another value."""
    for path in folder.glob("seed*/run.json"):
        record = json.loads(path.read_text())
        part = record
        *outer, last = key.split(".")
        for name in outer:
            part = part[name]
        part[last] = value
        path.write_text(json.dumps(record))


def test_the_same_again_holds(places, capsys):
    assert compared(places) == 0
    assert "NO" not in capsys.readouterr().out.split()


@pytest.mark.usefixtures("tables_hold")
@pytest.mark.parametrize(("key", "value"), [("fingerprint", "0" * 12), ("updates", 1), ("evaluation.mean", -5.0)])
def test_another_run_does_not(places, capsys, key, value):
    change(places[1] / GROUPS[0].folder, key, value)
    assert compared(places) == 1
    assert capsys.readouterr().out.split().count("NO") == 1


@pytest.mark.usefixtures("tables_hold")
def test_the_score_of_a_game_is_not_compared(places):
    change(places[1] / GROUPS[1].folder, "evaluation.mean", -5.0)
    assert compared(places) == 0


@pytest.mark.usefixtures("tables_hold")
def test_runs_that_end_when_the_task_is_solved_may_take_longer(places, monkeypatch):
    solved = [dataclasses.replace(group, until_solved=True) for group in GROUPS]
    monkeypatch.setattr(verify, "subset", lambda: solved)
    change(places[1] / GROUPS[0].folder, "updates", 1)
    assert compared(places) == 0


def test_a_table_that_its_records_do_not_give_is_found(places, capsys):
    path = places[0] / "tables" / "scores.csv"
    table = pd.read_csv(path)
    column = next(name for name in table if pd.api.types.is_float_dtype(table[name]) and table[name].notna().all())
    table.loc[0, column] += 1
    table.to_csv(path, index=False)
    assert compared(places) == 1
    assert "1 differ" in capsys.readouterr().out


def test_a_table_that_came_after_the_reference_is_named_and_breaks_nothing(places, capsys):
    (places[0] / "tables" / "scores.csv").unlink()
    assert compared(places) == 0
    assert "table scores, from its records not in the reference not compared" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_table_that_is_not_made_any_more_is_found(places, capsys):
    (places[0] / "tables" / "former.csv").write_text("a\n1\n")
    assert compared(places) == 1
    assert "table former, from its records there no such table" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("tables_hold")
def test_another_simulator_is_found(places):
    path = places[1] / ERRORS
    path.write_text(path.read_text().replace("0.4", "0.41"))
    assert compared(places) == 1


def test_tables_alone_need_no_run_again_and_say_that_nothing_was_trained(places, capsys):
    words = ["tables", "--reference", str(places[0]), "--runs", "nowhere"]
    assert verify.main(words) == 0
    assert "Not repeated: any training." in capsys.readouterr().out
    scores = places[0] / "tables" / "scores.csv"
    scores.write_text(scores.read_text().replace("chaser", "chased"))
    assert verify.main(words) == 1


@pytest.mark.usefixtures("tables_hold")
def test_a_missing_run_is_named(places, capsys):
    (places[1] / GROUPS[1].folder / "seed0" / "run.json").unlink()
    assert compared(places) == 2
    assert "breakout/rtrl/M50/seed0/run.json" in capsys.readouterr().err


def test_the_subset_is_part_of_the_laptop_scale():
    scale = scales.load_scale({**load_yaml("workflow/config/config.yaml"), "scale": "laptop", "results": "results"})
    made = {str(path).removeprefix(f"{scale.folder}/") for path in targets.records(scale)}
    assert set(verify.records()) <= made
