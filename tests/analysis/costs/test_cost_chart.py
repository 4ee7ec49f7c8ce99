"""The page's chart of costs, from studies whose numbers are formulas."""

from __future__ import annotations

from analysis.costs.charts import costs


def test_along_a_sweep_of_layers_a_method_is_one_line(study):
    made = costs.build(study()).to_dict()
    (rows,) = made["datasets"].values()
    lines = {
        sweep: {row["method"] for row in rows if row["sweep"] == sweep} for sweep in ("layers", "hidden_two_layers")
    }
    assert lines == {"layers": {"full BPTT", "RTRL"}, "hidden_two_layers": {"RTRL, 2 layers"}}
    assert {row["layers"] for row in rows if row["sweep"] == "layers"} == {1, 2, 3, 4}
    assert set().union(*lines.values()) <= set(made["encoding"]["color"]["scale"]["domain"])
