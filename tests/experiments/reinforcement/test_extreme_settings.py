"""Every number that the settings take, at the ends of its bounds: the run ends, or fails with a message of ours."""

from __future__ import annotations

import contextlib
import math

import pytest

from rtrl_bench.errors import Failure
from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.runs.settings import FLOAT32, build

SMALL = {"hidden": 4, "batch": 2, "threads": 1}
COPY = {"task": "copy", "task_options": {"length": 3}, "steps": 4, "validations": 1, **SMALL}
COPY |= {"train_size": 10, "valid_size": 2, "test_size": 2}
AGENT = {"environment": "tmaze", "env_steps": 30, "vision": "flat", "unroll": 5, "log_points": 1, **SMALL}
AGENT |= {"evaluation": {"sets": 1, "episodes": 1}}


def ends(field):
    """The smallest and the largest number that a field takes; nothing for other fields."""
    for option in field.get("anyOf", [field]):
        if option.get("type") == "number":
            above, below = option.get("exclusiveMinimum"), option.get("exclusiveMaximum")
            yield option["minimum"] if above is None else max(FLOAT32[0], math.nextafter(above, math.inf))
            yield option.get("maximum", FLOAT32[1]) if below is None else math.nextafter(below, -math.inf)


def numbers(kind):
    """(key, of which settings inside these or None, value) of each number at each of its ends."""
    schema = kind.model_json_schema()
    for name, field in schema["properties"].items():
        inside = schema["$defs"][field["$ref"].rpartition("/")[2]]["properties"] if "$ref" in field else {}
        yield from ((name, None, value) for value in ends(field))
        yield from ((key, name, value) for key, inner in inside.items() for value in ends(inner))


def ends_or_fails_with_a_message(settings, folder):
    with contextlib.suppress(Failure):
        execute(settings, folder)


@pytest.mark.parametrize(("kind", "base"), [(SequenceConfig, COPY), (RunConfig, AGENT)])
def test_a_run_within_all_bounds_comes_to_its_end(tmp_path, kind, base):
    assert execute(build(kind, base), tmp_path)["status"] == "complete"


@pytest.mark.parametrize(("key", "inside", "value"), list(numbers(SequenceConfig)))
def test_a_sequence_run_at_the_end_of_a_bound(tmp_path, key, inside, value):
    ends_or_fails_with_a_message(build(SequenceConfig, {**COPY, key: value}), tmp_path)


@pytest.mark.parametrize(("key", "inside", "value"), list(numbers(RunConfig)))
def test_a_training_run_at_the_end_of_a_bound(tmp_path, key, inside, value):
    changed = {inside: {**AGENT.get(inside, {}), key: value}} if inside else {key: value}
    ends_or_fails_with_a_message(build(RunConfig, {**AGENT, **changed}), tmp_path)
