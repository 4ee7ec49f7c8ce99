"""The cost study: its files and tables."""

from __future__ import annotations

import json

import cost_study
import pandas as pd
import pytest

from analysis import cost_tables, table
from analysis.costs import FILES, LoadError, read_costs
from analysis.load import load

# Files


def test_every_column_is_loaded_and_missing_numbers_are_nan(study):
    points = cost_study.points().assign(measured_step_s=None, note="why, and why")
    costs = study(costs=points)
    for name, file in FILES.items():
        frame = getattr(costs, {"costs": "points"}.get(name, name))
        assert list(frame.columns) == [*file.text, *file.numbers]
    assert costs.points["predicted_peak_bytes"].tolist() == points["predicted_peak_bytes"].tolist()
    assert costs.points["measured_step_s"].isna().all()
    assert set(costs.points["note"]) == {"why, and why"}
    assert costs.record["device_name"] == "Test processor"


def test_columns_are_those_that_the_harness_writes():
    from rtrl_bench.experiments.costs import tables

    for name, file in FILES.items():
        assert set(getattr(tables, name.upper())) == {*file.text, *file.numbers}


def test_a_scale_without_a_study_has_empty_tables_that_say_so(tree):
    (tree.root / "complexity").mkdir()
    costs = load(tree.root).costs
    assert costs.points.empty and not costs.record
    for build in (cost_tables.costs, cost_tables.fitted, cost_tables.crossovers, cost_tables.limits):
        assert build(costs).frame["note"].tolist() == [
            "no cost study in this scale: nothing was predicted, counted or measured"
        ]


@pytest.mark.parametrize("name", ["complexity.json", "costs.csv", "theory.csv", "limits.csv", "crossovers.csv"])
def test_a_study_without_one_of_its_files_is_refused(tmp_path, name):
    (cost_study.write(tmp_path) / name).unlink()
    with pytest.raises(LoadError, match=rf"{name}: is missing.*python -m rtrl_bench complexity"):
        read_costs(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_column_is_named(tmp_path, name):
    path = cost_study.write(tmp_path) / f"{name}.csv"
    pd.read_csv(path).drop(columns="cell").to_csv(path, index=False)
    with pytest.raises(LoadError, match=rf"{name}\.csv: no column cell; make the folder again"):
        read_costs(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("hidden", "many", "line 3, column hidden: 'many', expected a number;"),
        ("hidden", "", "line 3, column hidden: '', expected a value"),
        ("hidden", "0", "line 3, column hidden: '0', expected a number above 0"),
        ("measured_step_s", "-1", "line 3, column measured_step_s: '-1', expected a number of at least 0"),
        ("axis", "width", "line 3, column axis: 'width', expected layers or hidden"),
    ],
)
def test_a_malformed_value_is_named_with_its_line(tmp_path, column, value, said):
    path = cost_study.write(tmp_path) / "costs.csv"
    frame = pd.read_csv(path, dtype=str)
    frame.loc[1, column] = value
    frame.to_csv(path, index=False)
    with pytest.raises(LoadError) as error:
        read_costs(tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 2, "status": "complete"}', '{"schema": 1, "status": "part"}']
)
def test_a_damaged_record_is_refused(tmp_path, content):
    (cost_study.write(tmp_path) / "complexity.json").write_text(content)
    with pytest.raises(LoadError, match=r"complexity\.json: "):
        read_costs(tmp_path)


def test_a_sweep_with_two_rows_for_one_point_is_refused(study):
    points = cost_study.points()
    with pytest.raises(LoadError, match="sweep 'hidden', method 'rtrl', cell 'elstm': two rows with hidden = 64"):
        study(costs=pd.concat([points, points[(points["sweep"] == "hidden") & (points["hidden"] == 64)].tail(1)]))


# Tables


def test_costs_table_has_every_point_with_all_three_numbers(study):
    shown = cost_tables.costs(study())
    assert len(shown.frame) == len(shown.display) == len(cost_study.points())
    first = shown.display.iloc[0]
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
    first = cost_tables.costs(study(costs=points)).display.iloc[0]
    assert first[["Peak memory measured", "Time per step [quartiles]", "Measured with", "Note"]].tolist() == [
        "–",
        "–",
        "–",
        "takes 70 GB",
    ]


def test_limits_table_has_a_column_for_each_memory(study):
    shown = cost_tables.limits(study()).display
    assert shown.columns.tolist() == ["Method", "Cell", "L", "D", "B", "8 GB", "24 GB", "80 GB", "141 GB"]
    # 80 GB / 32 slots / (8 · 2²) numbers of N³
    chosen = shown[(shown["Method"] == "RTRL") & (shown["L"] == "2")].iloc[0]
    assert chosen[["D", "80 GB"]].tolist() == ["N", str(int((80e9 / 32 / 32) ** (1 / 3)))]


def test_limits_table_says_where_nothing_fits(study):
    limits = cost_study.limits().assign(inputs=257)
    limits.loc[limits["memory_gb"] == 8, "largest_hidden"] = None
    shown = cost_tables.limits(study(limits=limits)).display
    assert set(shown["8 GB"]) == {"–"}
    assert set(shown["D"]) == {"257"}


def test_crossovers_table_says_from_where_or_that_there_is_none(study):
    shown = cost_tables.crossovers(study()).display
    assert shown["From"].tolist() == ["T = 51", "M = 25", "none"]
    assert shown["Basis"].tolist() == ["predicted", "predicted", "measured"]


def test_peak_ratio_of_the_study_is_in_its_notes(tmp_path):
    path = cost_study.write(tmp_path) / "complexity.json"
    record = json.loads(path.read_text()) | {"peak_ratio": {"low": 0.9, "median": 1.05, "high": 1.3}}
    path.write_text(json.dumps(record))
    notes = cost_tables.costs(read_costs(tmp_path)).notes
    assert "Measured peak memory is 0.90 to 1.30 times the predicted one, median 1.05." in notes[0]


def test_a_table_longer_than_a_page_is_a_longtable(study):
    shown = cost_tables.costs(study())
    assert len(shown.display) > table.PAGE_ROWS
    assert r"\begin{longtable}" in table.latex(shown, "")
    assert r"\begin{longtable}" not in table.latex(cost_tables.limits(study()), "")
