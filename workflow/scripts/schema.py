"""Settings of the workflow: config.yaml and a scale. `schema_files.py` makes their documentation from these classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, WithJsonSchema, model_validator

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.costs.config import StudyConfig
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.settings import Amount, Device, Distinct, Options, Seed, Settings, Size, Threads, build
from rtrl_bench.runs.yaml_files import parse_yaml

# Some keys of a run. They are checked when all keys of the run are together; the JSON schema knows each of them.
RunKeys = Annotated[Options, WithJsonSchema({"type": "object", "keysOf": "RunConfig"})]
StemKeys = Annotated[
    Options, WithJsonSchema({"type": "object", "anyOf": [{"keysOf": "RunConfig"}, {"keysOf": "StemConfig"}]})
]
CopyKeys = Annotated[Options, WithJsonSchema({"type": "object", "keysOf": "CopyConfig"})]
Seeds = Annotated[Distinct[Seed], Field(min_length=1)]


class Resources(Settings):
    """What a run asks a scheduler for."""

    mem_mb: Amount = Field(description="memory of one run, in MB")
    runtime: Amount = Field(description="minutes that one run may take, all its jobs together")


class Pretrain(Settings):
    """The runs that the vision stems of a study come from."""

    method: str = Field(
        description="name from `methods` of config.yaml, or `state`: taught what is in view from the simulator's state"
    )
    unroll: Size | None = Field(default=None, description="its M; `state` has none")
    run: StemKeys = Field(
        default={}, description="special to these runs, e.g. their budget; of `state` keys of StemConfig"
    )
    environments: dict[str, StemKeys | None] = Field(
        default={}, min_length=1, description="special to one environment of the study"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.unroll is None) != (self.method == StemConfig.method):
            raise ConfigError(
                f"unroll = {self.unroll}: method: {StemConfig.method} has none, the others need it (>= 1)"
            )
        return self


class Study(Settings):
    """Every combination of environment, method, varied value, M and seed is one run."""

    environments: dict[str, RunKeys | None] = Field(
        min_length=1, description="what is played, and what is special to it, e.g. its budget"
    )
    methods: Distinct[str] = Field(min_length=1, description="names from `methods` of config.yaml")
    unroll: Distinct[Size] = Field(min_length=1, description="values of M")
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default={},
        description="further RunConfig keys with several values; dots reach nested ones: `environment_options.delay`",
    )
    seeds: Seeds | None = Field(default=None, description="instead of the scale's")
    resources: Resources | None = Field(default=None, description="instead of the scale's")
    run: RunKeys = Field(default={}, description="common to the study")
    pretrain: Pretrain | None = Field(default=None, description="the runs that the vision stems come from")


class CopyTask(Settings):
    """A run per length, method and seed."""

    lengths: list[CopyKeys] = Field(
        min_length=1, description="keys with `max_length`: the longest pattern, and what is special to it"
    )
    methods: dict[str, CopyKeys | None] = Field(
        min_length=1, description="`rtrl`, `tbptt`, `bptt`: the methods, and what is special to them"
    )
    run: CopyKeys = Field(description="common to all")
    seeds: Seeds | None = Field(default=None, description="instead of the scale's")


class Costs(StudyConfig):
    """What the gradient methods cost: one job with all cores."""

    resources: Resources | None = Field(default=None, description="instead of the scale's")


class ScaleSettings(Settings):
    """A scale: a file of workflow/config."""

    label: str = Field(min_length=1, description="what its numbers are worth; shown by `snakemake plan`")
    seeds: Seeds = Field(description="a run per seed, unless a study has its own")
    resources: Resources = Field(description="of one run")
    run: RunKeys = Field(description="common to all runs")
    studies: dict[str, Study] = Field(description="what is trained")
    copy_task: CopyTask | None = Field(default=None, description="the copy task; may be left out")
    complexity: Costs | None = Field(default=None, description="the study of costs; may be left out")


class WorkflowSettings(Settings):
    """config.yaml, each key also as `--config key=value`."""

    scale: str = Field(description="which file of this folder: `smoke`, `laptop`, `overnight`, `paper`")
    results: str = Field(min_length=1, description="folder; results go to `<results>/<scale>/`")
    device: Device = Field(description="where runs train; `cuda` also asks the scheduler for a GPU per run")
    threads: Threads | None = Field(
        description="CPU threads of one run, 0 for all; null leaves it to the scale (`run.threads`)"
    )
    time_limit: Amount | None = Field(
        description="minutes that a queue allows one job: a longer run stops in time, with a checkpoint, and goes on "
        "in further jobs; null: no limit"
    )
    methods: dict[str, RunKeys | None] = Field(
        min_length=1,
        description="the methods that scales may list; a name is what `RunConfig.method` makes of its keys",
    )


class Asked(NamedTuple):
    """What a call of the workflow asks for."""

    workflow: WorkflowSettings
    scale: ScaleSettings

    @property
    def machine(self) -> dict[str, Any]:
        """What config.yaml or the command line say of the machine; it stands above the scale."""
        device, threads = self.workflow.device, self.workflow.threads
        return {"device": device} | ({} if threads is None else {"threads": threads})


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


def check_scale(values: Mapping[str, Any]) -> ScaleSettings:
    """The settings of a scale, checked (ConfigError)."""
    for key in values:
        if key in WorkflowSettings.model_fields:
            raise ConfigError(f"unknown key {key}: it belongs to config.yaml, or to the runs as run.{key}")
    return build(ScaleSettings, values)


def _spoken(key: str, value: Any) -> Any:
    """A value of `--config key=value`, of which Snakemake leaves null and on-the-fly YAML as text, as YAML has it."""
    return parse_yaml(value) if isinstance(value, str) and key not in ("scale", "results", "label") else value
