"""The study: what it writes, what it leaves out, and how it goes on after a kill. Findings are stand-ins here."""

from __future__ import annotations

import csv
import json
import re

import pytest
import torch
import yaml

from rtrl_bench.cli import main
from rtrl_bench.costs.predict import predict
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.costs import measure, study, tables, tasks
from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.experiments.costs.counted import Counts
from rtrl_bench.runs import execution
from rtrl_bench.runs.process import own_threads
from rtrl_bench.runs.settings import build

SWEEPS = {
    "width": {
        "axis": "hidden",
        "values": [4, 8, 16],
        "methods": {"rtrl": None, "rtrl_dense_segment": {"cells": ["rnn", "gru"], "up_to": 8}},
        "batch": 2,
        "unroll": 5,
    },
    "length": {"axis": "episode", "values": [10, 20, 40, 80], "methods": {"bptt": None, "rtrl": None}, "hidden": 8},
    "segment": {"axis": "unroll", "values": [1, 2, 4], "methods": {"tbptt": None, "rtrl": None}, "want": ["time"]},
}


def config(**changes):
    values = {"sweeps": SWEEPS, "limits": {"memory_gb": [1], "layers": [1, 2]}, "device": "cpu", "threads": 1}
    return build(ComplexityConfig, values | changes)


def rows(folder, name):
    with (folder / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def calls(monkeypatch):
    """What was asked for; stands in for the programs and the clock."""
    asked = []

    def counts(method, sizes):
        asked.append(("counted", method, sizes.cell, sizes.hidden, sizes.episode))
        return Counts(100.0 * sizes.hidden, 10.0 * sizes.hidden, 1000 * sizes.hidden)

    def peak_bytes(method, sizes, device):
        asked.append(("memory", method, sizes.cell, sizes.hidden, sizes.episode))
        return 1000 * sizes.episode if method == "bptt" else 27_000

    def step_times(points, device, repeats, budget_s):
        asked.append(("time", tuple(method for method, _ in points.values()), repeats))
        once = {"rtrl": 0.3}
        return {
            name: measure.Timing(1.0 + once.get(method, 0.0) / sizes.unroll, 0.5, 2.0, repeats)
            for name, (method, sizes) in points.items()
        }

    monkeypatch.setattr(tasks, "counts", counts)
    monkeypatch.setattr(measure, "peak_bytes", peak_bytes)
    monkeypatch.setattr(measure, "step_times", step_times)
    monkeypatch.setattr(execution, "prepare_process", lambda threads: None)  # it would change the tests' own process
    return asked


def test_a_row_per_point_with_what_was_predicted_counted_and_measured(tmp_path, calls):
    execute(config(), tmp_path)
    found = rows(tmp_path, "costs")
    assert list(found[0]) == tables.COSTS
    assert len(found) == 3 * 3 + 4 * 2 + 3 * 2
    (row,) = (r for r in found if (r["sweep"], r["method"], r["hidden"]) == ("width", "rtrl", "16"))
    cost = predict("rtrl", config().sweeps["width"].sizes("elstm", 16))
    assert int(row["predicted_peak_bytes"]) == cost.peak_bytes + cost.parameter_bytes
    assert int(row["predicted_state_bytes"]) == cost.state_bytes
    assert (float(row["counted_flops_per_step"]), float(row["measured_peak_bytes"])) == (1600, 27_000)
    assert (row["inputs"], row["repeats"], row["measured_step_s_low"]) == ("16", "7", "0.5")
    assert (row["implementation"], row["device"], row["note"]) == ("torch", "cpu", "")


def test_dense_rtrl_per_segment_is_said_to_be_measured_in_jax(tmp_path, calls):
    execute(config(), tmp_path)
    dense = [r for r in rows(tmp_path, "costs") if r["method"] == "rtrl_dense_segment" and r["hidden"] == "8"]
    assert [(r["cell"], r["implementation"]) for r in dense] == [("rnn", "jax"), ("gru", "jax")]


def test_beyond_up_to_there_is_the_prediction_and_a_note(tmp_path, calls):
    execute(config(), tmp_path)
    (row,) = (r for r in rows(tmp_path, "costs") if (r["cell"], r["hidden"]) == ("gru", "16"))
    assert row["note"] == "counted and measured up to hidden 8"
    assert row["predicted_flops_per_step"]
    assert row["counted_flops_per_step"] == row["measured_step_s"] == row["measured_peak_bytes"] == ""
    assert not any(call[1:4] == ("rtrl_dense_segment", "gru", 16) for call in calls)


def test_what_would_not_fit_is_left_out_with_a_note(tmp_path, calls):
    peak = predict("rtrl", config().sweeps["width"].sizes("elstm", 16)).peak_bytes
    execute(config(memory_gb=(peak - 1) / 1e9), tmp_path)
    (row,) = (r for r in rows(tmp_path, "costs") if (r["sweep"], r["method"], r["hidden"]) == ("width", "rtrl", "16"))
    assert row["note"].startswith("neither counted nor measured: predicted to take")
    assert row["counted_flops_per_step"] == row["measured_peak_bytes"] == row["measured_step_s"] == ""


def test_points_that_do_not_fit_together_are_timed_in_parts(tmp_path, calls):
    sizes = config().sweeps["segment"].sizes("elstm", 4)
    peak = max(predict(method, sizes).peak_bytes for method in ("tbptt", "rtrl"))
    execute(config(sweeps={"segment": SWEEPS["segment"]}, memory_gb=(peak + 1) / 1e9), tmp_path)
    assert ("time", ("tbptt",), 7) in calls
    assert ("time", ("rtrl",), 7) in calls


def test_a_method_without_an_implementation_is_predicted_and_no_more(tmp_path, calls):
    sweep = {"axis": "layers", "values": [1, 2], "methods": {"rtrl_stepwise": None}, "hidden": 4}
    execute(config(sweeps={"depth": sweep}), tmp_path)
    one, two = rows(tmp_path, "costs")
    assert one["note"] == ""
    assert two["note"].startswith("neither counted nor measured: layers = 2: gradient: rtrl_stepwise is for one layer")
    assert two["predicted_flops_per_step"]


def test_a_failed_finding_is_a_note(tmp_path, calls, monkeypatch):
    def killed(*sizes):
        raise measure.NotMeasured("the process was killed")

    monkeypatch.setattr(measure, "peak_bytes", killed)
    execute(config(), tmp_path)
    note = rows(tmp_path, "costs")[0]["note"]
    assert note == "no measured memory: the process was killed"


def test_what_two_points_share_is_found_out_once(tmp_path, calls):
    execute(config(), tmp_path)
    length = [call for call in calls if call[0] == "memory" and call[3] == 8 and call[1] in ("bptt", "rtrl")]
    assert [call[1] for call in length].count("bptt") == 4
    assert len([call for call in length if call[1] == "rtrl"]) == 2  # of width and of length, where it does not read T


EACH = 1e-9  # minutes between checkpoints: one after every finding


def die_after(monkeypatch, findings):
    """Let a study end without its checkpoint when it would find one more thing out."""
    update = study.CostStudy.update

    def dying(self):
        if len(self.done) == findings:
            raise KeyboardInterrupt
        update(self)

    monkeypatch.setattr(study.CostStudy, "update", dying)


@pytest.mark.parametrize("finding", [1, 4, 17])
def test_a_killed_study_goes_on_where_it_was(tmp_path, calls, finding):
    execute(config(), tmp_path / "whole")
    total = len(calls)
    with pytest.MonkeyPatch.context() as patch:
        die_after(patch, finding)
        with pytest.raises(KeyboardInterrupt):
            execute(config(checkpoint_minutes=EACH), tmp_path / "cut")
    assert not (tmp_path / "cut/run.json").exists()
    calls.clear()
    execute(config(), tmp_path / "cut")
    assert len(calls) == total - finding
    for name in ("costs", "theory", "limits", "crossovers"):
        assert (tmp_path / f"cut/{name}.csv").read_text() == (tmp_path / f"whole/{name}.csv").read_text()


def test_findings_of_another_setting_are_not_taken_over(tmp_path, calls):
    with pytest.MonkeyPatch.context() as patch:
        die_after(patch, 4)
        with pytest.raises(KeyboardInterrupt):
            execute(config(checkpoint_minutes=EACH), tmp_path)
    calls.clear()
    with own_threads():
        torch.set_num_threads(3)
        execute(config(threads=3), tmp_path)
        again = len(calls)
        calls.clear()
        execute(config(threads=3), tmp_path / "whole")
    assert again == len(calls)


def test_tables_of_another_program_are_not_overwritten(tmp_path, calls):
    (tmp_path / "costs.csv").write_text("theirs")
    with pytest.raises(ConfigError, match=r"holds costs\.csv and no run that made it"):
        execute(config(), tmp_path)
    assert (tmp_path / "costs.csv").read_text() == "theirs"
    assert calls == []


def test_a_finished_study_is_left_alone_and_another_configuration_refused(tmp_path, calls):
    execute(config(), tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    calls.clear()
    assert execute(config(threads=2), tmp_path) == record
    assert calls == []
    with pytest.raises(ConfigError, match="holds a run of another configuration"):
        execute(config(repeats=5), tmp_path)
    execute(config(repeats=5), tmp_path, restart_if_changed=True)
    assert json.loads((tmp_path / f"replaced.{record['fingerprint']}/run.json").read_text()) == record
    assert json.loads((tmp_path / "run.json").read_text())["config"]["repeats"] == 5


def test_the_record_says_what_was_done_where(tmp_path, calls):
    execute(config(), tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["schema"], record["status"], record["device"]) == (1, "complete", "cpu")
    assert {"torch", "jax", "numpy", "python"} <= record["versions"].keys()
    assert record["wall_s"] == pytest.approx(sum(record["seconds"].values()))
    assert record["seconds"].keys() == {"counted", "memory", "time"}


def test_the_exponents_are_the_predictions_slopes(tmp_path, calls):
    execute(config(), tmp_path)
    found = {(r["sweep"], r["method"], r["quantity"]): r for r in rows(tmp_path, "theory")}
    assert list(next(iter(found.values()))) == tables.THEORY
    assert float(found["length", "bptt", "memory"]["exponent"]) == pytest.approx(1, abs=0.02)
    assert float(found["length", "rtrl", "memory"]["exponent"]) == 0
    assert found["width", "rtrl_dense_segment", "flops"]["leading_term"] == "2 B n² P / M + 4 B n P"


def test_crossovers_are_where_the_curves_meet(tmp_path, calls):
    execute(config(), tmp_path)
    found = {(r["kind"], r["basis"]): r for r in rows(tmp_path, "crossovers")}
    assert float(found["episode", "measured"]["value"]) == pytest.approx(27)  # 1 000 T against 27 000
    assert found["episode", "measured"]["text"].endswith("RTRL needs less memory than full BPTT from T = 27 on")
    # a step of RTRL takes 1 + 0.3 / M, and so 0.05 more than 1.1 at M = 2, 0.025 less at M = 4
    assert float(found["unroll", "measured"]["value"]) == pytest.approx(2 + 2 * 0.05 / 0.075)
    assert found["unroll", "predicted"]["value"] == ""
    assert found["unroll", "predicted"]["text"].startswith("never: with long segments RTRL takes 1.2")


def test_limits_are_for_every_method_depth_and_memory(tmp_path, calls):
    execute(config(), tmp_path)
    found = rows(tmp_path, "limits")
    assert [(r["method"], r["layers"], r["memory_gb"]) for r in found] == [
        (method, layers, "1") for method in ("bptt", "rtrl") for layers in ("1", "2")
    ]
    assert int(found[3]["largest_hidden"]) < int(found[2]["largest_hidden"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sweep": {}}, "unknown key sweep: expected one of .*; did you mean sweeps"),
        ({"sweeps": {"a": {"axis": "time"}}}, r"missing key sweeps\.a\.values"),
        ({"axis": "time"}, r"sweeps\.a\.axis = 'time': expected one of hidden, inputs"),
        ({"values": [2, "3"]}, r"sweeps\.a\.values\[1\] = '3': expected an integer"),
        ({"values": [3, 2]}, r"values = \[3, 2\]: expected ascending integers"),
        ({"values": []}, r"values = \[\]: expected a list of at least 1"),
        ({"methods": {"rtlr": None}}, "unknown method 'rtlr': expected one of bptt"),
        ({"methods": {"rtrl": {"cell": ["gru"]}}}, r"unknown key sweeps\.a\.methods\.rtrl\.cell: .*did you mean"),
        ({"methods": {"rtrl": {"cells": ["gru"]}}}, "sweeps.a: method 'rtrl': .* not gru"),
        ({"methods": {}}, "methods = {}: expected names, at least 1"),
        ({"hidden": 0}, r"hidden = 0: expected an integer in \[1, 1048576\]"),
        ({"want": ["counts"]}, r"want\[0\] = 'counts': expected one of counted, time, memory"),
        ({"repeats": 0, "sweeps": {}}, "repeats = 0: expected an integer >= 1"),
        ({"memory_gb": -1.0, "sweeps": {}}, "memory_gb = -1.0: expected a number > 0"),
        ({"limits": {"layers": [0]}, "sweeps": {}}, r"layers\[0\] = 0: expected an integer >= 1"),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_code_2(tmp_path, capsys, change, message):
    values = {"kind": "costs", "sweeps": {"a": {"axis": "hidden", "values": [2, 3], "methods": {"rtrl": None}}}}
    keys = ("sweeps", "sweep", "repeats", "memory_gb", "limits")
    values |= {key: change[key] for key in keys if key in change}
    if "a" in values["sweeps"]:
        values["sweeps"]["a"] |= {key: value for key, value in change.items() if key not in keys}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(values))
    assert main(["run", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rtrl-bench: ")
    assert re.search(message, error)
    assert not (tmp_path / "out").exists()
