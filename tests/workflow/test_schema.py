"""What is made from the settings: JSON schemas that accept the scales, and the tables of the documentation."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from small_scales import SETTINGS, small_scale

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.runs.asked import Grid
from rtrl_bench.runs.yaml_files import load_yaml
from workflow.scripts import scales, schema_files
from workflow.scripts.schema import ScaleSettings, WorkflowSettings, check_scale

COPY = {"kind": "sequences", "tasks": {"copy": {"batch": 5}}, "methods": {"rtrl": None}, "run": {}}
SWEEP = {"axis": "hidden", "values": [1], "methods": {"rtrl": None}}
SCALE = Draft202012Validator(schema_files.json_schema(ScaleSettings))


@pytest.mark.parametrize("path", schema_files.made(), ids=lambda path: path.name)
def test_what_is_made_from_the_settings_is_up_to_date(path):
    made = schema_files.made()[path]
    assert path.read_text(encoding="utf-8") == made, "run `python -m workflow.scripts.schema_files`"


KEYS = (
    ScaleSettings,
    WorkflowSettings,
    *(part for name in KINDS for part in (KINDS[name].settings, KINDS[name].study)),
)


@pytest.mark.parametrize(
    "kind", [kind for kind in KEYS if kind not in (Grid, ComplexityConfig)], ids=lambda kind: kind.__name__
)
def test_every_key_is_described_in_the_documentation(kind):
    assert schema_files.table(kind) in schema_files.README.read_text(encoding="utf-8")
    assert all(field.description for field in kind.model_fields.values())


@pytest.mark.parametrize("name", scales.names())
def test_the_json_schema_accepts_every_scale(name):
    SCALE.validate(load_yaml(scales.CONFIG_FOLDER / f"{name}.yaml"))
    Draft202012Validator(schema_files.json_schema(WorkflowSettings)).validate(SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"seedz": [1]},
        {"seeds": [1, 1]},
        {"run": {"hiden": 3}},
        {"run": {"loss": {"discount": 2}}},
        {"study": {"environments": {"tmaze": {"batch": 0}}}},
        {"study": {"pretrain": {"method": "rtrl", "unroll": 5, "run": {"unrol": 5}}}},
        {"study": {"pretrain": {"method": "state", "run": {"slot": 5}}}},
        {"studies": {"copy": {**COPY, "tasks": {"copy": {"bach": 5}}}}},
        {"studies": {"costs": {"kind": "costs", "sweeps": {"width": {**SWEEP, "axis": "time"}}}}},
    ],
    ids=str,
)
def test_the_json_schema_knows_every_key_and_bound(change):
    assert SCALE.is_valid(small_scale(studies={"copy": COPY, "costs": {"kind": "costs", "sweeps": {"width": SWEEP}}}))
    assert SCALE.is_valid(small_scale(study={"pretrain": {"method": "state", "run": {"slots": 5}}}))
    assert not SCALE.is_valid(small_scale(**change))


def test_a_scale_without_a_study_is_refused():
    values = {**small_scale(), "studies": {}}
    assert not SCALE.is_valid(values)
    with pytest.raises(ConfigError, match="studies"):
        check_scale(values)
