"""Settings of the workflow: config.yaml and a scale. `schema_files.py` makes their documentation from these classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import DEFAULT, KINDS
from rtrl_bench.runs.asked import Resources, Seeds, Study, keys_of
from rtrl_bench.runs.settings import Amount, Device, Options, Settings, Threads, build
from rtrl_bench.runs.yaml_files import parse_yaml

AgentKeys = Annotated[Options, keys_of(KINDS[DEFAULT].settings.__name__)]


class ScaleSettings(Settings):
    """A scale: a file of workflow/config."""

    label: str = Field(min_length=1, description="what its numbers are worth; shown by `make plan`")
    seeds: Seeds = Field(description="a run per seed, unless a study has its own")
    resources: Resources = Field(description="of one run")
    run: AgentKeys = Field(description="shared by the runs of agents; other kinds take only `threads` from it")
    studies: dict[str, Annotated[Options, WithJsonSchema({"type": "object", "studies": "of every kind"})]] = Field(
        min_length=1, description=f"what is run, each of one `kind` (without that key: {DEFAULT})"
    )


class WorkflowSettings(Settings):
    """config.yaml, each key also as `--config key=value`."""

    scale: str = Field(description="which file of this folder: `smoke`, `laptop`, `overnight`, `paper`")
    results: str = Field(min_length=1, description="folder; results go to `<results>/<scale>/`")
    device: Device = Field(description="where runs train; `cuda` also asks the scheduler for a GPU per run")
    threads: Threads | None = Field(
        description="CPU threads of one run, 0: as many as pay off; null leaves it to the scale (`run.threads`)"
    )
    time_limit: Amount | None = Field(
        description="minutes that a queue allows one job: a longer run stops in time, with a checkpoint, and continues "
        "in further jobs; null: no limit"
    )
    methods: dict[str, AgentKeys | None] = Field(
        min_length=1,
        description="the methods that scales may list; a name is what `RunConfig.method` makes of its keys",
    )

    @property
    def machine(self) -> dict[str, Any]:
        """What config.yaml or the command line say of the machine; it stands above the scale."""
        return {"device": self.device} | ({} if self.threads is None else {"threads": self.threads})


def check_workflow(given: Mapping[str, Any]) -> tuple[WorkflowSettings, dict[str, Any]]:
    """The settings in config.yaml and on the command line, checked (ConfigError), and those there of the scale."""
    given = {key: _spoken(key, value) for key, value in given.items()}
    if isinstance(given.get("results"), int | float):
        raise ConfigError(f"results = {given['results']}: Snakemake takes this for a number; write ./ before it")
    over = {key: value for key, value in given.items() if key in ScaleSettings.model_fields}
    try:
        return build(WorkflowSettings, {key: value for key, value in given.items() if key not in over}), over
    except ConfigError as error:
        raise ConfigError(f"config.yaml or --config: {error}") from error


def check_scale(values: Mapping[str, Any]) -> tuple[ScaleSettings, dict[str, Study]]:
    """The settings of a scale and of its studies, checked (ConfigError)."""
    for key in values:
        if key in WorkflowSettings.model_fields:
            raise ConfigError(f"unknown key {key}: it belongs to config.yaml, or to the runs as run.{key}")
    scale = build(ScaleSettings, values)
    for name in scale.studies:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ConfigError(f"studies.{name}: a study's name is a folder's; use letters, digits, _, - and .")
    return scale, {name: _study(name, keys) for name, keys in scale.studies.items()}


def _study(name: str, keys: Mapping[str, Any]) -> Study:
    try:
        return build(KINDS[keys.get("kind", DEFAULT)].study, keys)
    except ValueError as error:
        raise ConfigError(f"studies.{name}: {error}") from error


def _spoken(key: str, value: Any) -> Any:
    """A value of `--config key=value`, of which Snakemake leaves null and on-the-fly YAML as text, as YAML has it."""
    return parse_yaml(value) if isinstance(value, str) and key not in ("scale", "results", "label") else value
