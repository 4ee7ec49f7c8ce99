"""The cost study: its files and tables."""

from __future__ import annotations

import json
import shutil

import cost_study
import pandas as pd
import pytest

from analysis import kinds, tables
from analysis.costs.figures import largest_hidden, memory_against_T
from analysis.costs.load import RENAMED, STUDY_FILES
from analysis.costs.tables import costs, crossovers, exponents, limits
from analysis.kinds import NothingToShow
from analysis.load import load

# Files


def test_every_column_is_loaded_and_missing_numbers_are_nan(study):
    points = cost_study.points().assign(measured_step_s=None, note="why, and why")
    results = study(costs=points)
    for name, (_, columns) in STUDY_FILES.items():
        assert list(results[name].columns) == ["study", *(RENAMED.get(column, column) for column in columns)]
    assert results["points"]["predicted_peak_bytes"].tolist() == points["predicted_peak_bytes"].tolist()
    assert results["points"]["measured_step_s"].isna().all()
    assert set(results["points"]["note"]) == {"why, and why"}
    assert results["studies"]["device_name"].tolist() == ["Test processor"]


def test_the_same_study_on_another_device_is_no_copy(tmp_path):
    cost_study.write(tmp_path)
    (first,) = (path.parent for path in tmp_path.rglob("run.json"))
    other = shutil.copytree(first, first.with_name("on_another"))
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**record, "device_name": "Another processor"}))
    results = load(tmp_path)
    assert results["problems"].empty
    assert set(results["studies"]["device_name"]) == {"Test processor", "Another processor"}


def test_a_scale_without_a_study_has_empty_tables_that_say_so(tree):
    (tree.root / "runs/costs/complexity").mkdir(parents=True)
    results = load(tree.root)
    for table in (costs, exponents, crossovers, limits):
        with pytest.raises(NothingToShow, match="no finished cost study in this scale"):
            table.build(results)


def problem(root):
    """Why the study is left out."""
    results = load(root)
    assert results["points"].empty
    assert results["problems"]["folder"].tolist() == ["runs/costs/complexity"]
    return results["problems"]["reason"].item()


@pytest.mark.parametrize("name", ["run.json", "costs.csv", "theory.csv", "limits.csv", "crossovers.csv"])
def test_a_study_without_one_of_its_files_is_left_out(tmp_path, name):
    (cost_study.write(tmp_path) / "config.yaml").write_text("{}")
    (tmp_path / "runs/costs/complexity" / name).unlink()
    assert name in problem(tmp_path)


@pytest.mark.parametrize("name", ["costs", "theory", "limits", "crossovers"])
def test_a_missing_column_is_named(tmp_path, name):
    path = cost_study.write(tmp_path) / f"{name}.csv"
    pd.read_csv(path).drop(columns="cell").to_csv(path, index=False)
    assert problem(tmp_path) == f"{name}.csv: no column cell"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("hidden", "many", 'costs.csv, column hidden: Unable to parse string "many" at position 1'),
        ("axis", "width", "costs.csv, sweep 'hidden_dense', method 'rtrl_dense', cell 'rnn': expected one axis"),
    ],
)
def test_a_malformed_value_is_named_with_its_place(tmp_path, column, value, said):
    path = cost_study.write(tmp_path) / "costs.csv"
    frame = pd.read_csv(path, dtype=str)
    frame.loc[1, column] = value
    frame.to_csv(path, index=False)
    assert problem(tmp_path).startswith(said)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 2, "status": "complete"}', '{"schema": 1, "status": "part"}']
)
def test_a_study_with_a_damaged_record_is_left_out(tmp_path, content):
    (cost_study.write(tmp_path) / "run.json").write_text(content)
    assert problem(tmp_path).startswith("run.json")


def test_a_sweep_with_two_rows_for_one_point_is_left_out(tmp_path):
    points = cost_study.points()
    twice = points[(points["sweep"] == "hidden") & (points["hidden"] == 64)].tail(1)
    cost_study.write(tmp_path, costs=pd.concat([points, twice]))
    assert problem(tmp_path).startswith("costs.csv, sweep 'hidden', method 'rtrl', cell 'elstm': expected one axis")


def test_two_studies_of_one_scale_stay_apart(tree):
    first = cost_study.write(tree.root)
    shutil.copytree(first, first.with_name("other"))
    record = json.loads((first / "run.json").read_text()) | {"config": {"sweeps": {}}}
    (first.with_name("other") / "run.json").write_text(json.dumps(record))
    results = load(tree.root)
    alone = exponents.build(load(cost_study.write(tree.root.parent / "alone").parents[2])).numbers
    both = exponents.build(results).numbers
    assert len(both) == 2 * len(alone)
    assert {sweep.partition(": ")[0] for sweep in both["sweep"]} == {"complexity", "other"}
    assert both["verdict"].tolist() == [*alone["verdict"]] * 2
    for table in (limits, crossovers):
        assert set(table.build(results).text["Study"]) == {"complexity", "other"}
    assert [axes.get_title() for axes in largest_hidden.draw(results).figure.axes][:2] == [
        "complexity: 1 layer", "complexity: 2 layers"
    ]  # fmt: skip
    figure = memory_against_T.draw(results).figure
    assert [axes.texts[0].get_text().split("\n")[0] for axes in figure.axes] == ["complexity", "other"]


# Tables


def test_costs_table_has_every_point_with_all_three_numbers(study):
    shown = costs.build(study())
    assert len(shown.numbers) == len(shown.text) == len(cost_study.points())
    first = shown.text.iloc[0]
    assert first[["Sweep", "Method", "Cell", "L", "N", "D", "B", "M", "T"]].tolist() == [
        *("hidden_dense", "dense RTRL", "tanh RNN", "1", "16", "16", "32", "50", "1000"),
    ]
    # 6 · 32 · 16³ numbers of 4 bytes: 3 MiB; 4 · 32 · 16⁴ operations
    assert first[["Peak memory predicted", "Peak memory counted", "Peak memory measured"]].tolist() == [
        "3 MiB",
        "3.6 MiB",
        "4.9 MiB",
    ]
    assert first[["FLOPs per step predicted", "FLOPs per step counted"]].tolist() == ["8.39 M", "9.23 M"]
    assert first["Time per step [quartiles]"] == "439 µs [395–505 µs]"
    assert first["Measured with"] == "jax on cpu, 7 repeats"


def test_costs_table_says_why_a_number_is_missing(study):
    measured = [column for column in cost_study.points() if column.startswith("measured")]
    points = cost_study.points().assign(**dict.fromkeys(measured), repeats=None, implementation="", note="takes 70 GB")
    first = costs.build(study(costs=points)).text.iloc[0]
    assert first[["Peak memory measured", "Time per step [quartiles]", "Measured with", "Note"]].tolist() == [
        "–",
        "–",
        "–",
        "takes 70 GB",
    ]


def test_limits_table_has_a_column_for_each_memory(study):
    shown = limits.build(study()).text
    assert shown.columns.tolist() == ["Method", "Cell", "L", "D", "B", "8 GB", "24 GB", "80 GB", "141 GB"]
    # 80 GB / 32 slots / (8 · 2²) numbers of N³
    chosen = shown[(shown["Method"] == "RTRL") & (shown["L"] == "2")].iloc[0]
    assert chosen[["D", "80 GB"]].tolist() == ["N", str(int((80e9 / 32 / 32) ** (1 / 3)))]


def test_limits_table_says_where_nothing_fits(study):
    rows = cost_study.limits().assign(inputs=257)
    rows.loc[rows["memory_gb"] == 8, "largest_hidden"] = None
    shown = limits.build(study(limits=rows)).text
    assert set(shown["8 GB"]) == {"–"}
    assert set(shown["D"]) == {"257"}


def test_crossovers_table_says_from_where_or_that_there_is_none(study):
    shown = crossovers.build(study()).text
    assert shown["From"].tolist() == ["T = 51", "M = 25", "none"]
    assert shown["Basis"].tolist() == ["predicted", "predicted", "measured"]


def test_peak_ratio_of_the_study_is_in_its_notes(tmp_path):
    path = cost_study.write(tmp_path) / "run.json"
    record = json.loads(path.read_text()) | {"peak_ratio": {"low": 0.9, "median": 1.05, "high": 1.3}}
    path.write_text(json.dumps(record))
    notes = costs.build(load(tmp_path)).notes
    assert "Measured peak memory is 0.90 to 1.30 times the predicted one, median 1.05." in notes[0]


def test_a_table_longer_than_a_page_is_a_longtable(study):
    items = {item.name: item for item in kinds.items("tables")}
    made = {name: items[name].module.build(study()) for name in ("costs", "limits")}
    assert len(made["costs"].text) > tables.PAGE_ROWS
    longtables = [r"\begin{longtable}" in tables.latex(items[name], made[name], "") for name in ("costs", "limits")]
    assert longtables == [True, False]
