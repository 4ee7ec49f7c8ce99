"""What a scale asks of a kind of run: studies, each of which is made into runs. Importing this imports no torch."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field, WithJsonSchema

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.settings import Amount, Distinct, Options, RunSettings, Seed, Settings, build

if TYPE_CHECKING:
    from rtrl_bench.runs.kind import Kind

FOLDER = "runs"  # of a scale's results: runs/<kind>/...
Seeds = Annotated[Distinct[Seed], Field(min_length=1)]


def keys_of(*classes: str) -> WithJsonSchema:
    """Marks Options as some keys of settings of these classes: checked when all of a run are together."""
    parts = [{"keysOf": name} for name in classes]
    return WithJsonSchema({"type": "object", **(parts[0] if len(parts) == 1 else {"anyOf": parts})})


class Asked(NamedTuple):
    """What a call of the workflow sets for all studies.

    folder: of the scale's results; seeds, run: the scale's defaults; methods: settings by the name of a method;
    machine: settings that override all others, such as the device.
    """

    folder: Path
    seeds: list[int]
    run: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any] | None]
    machine: Mapping[str, Any]

    def method(self, name: str) -> Mapping[str, Any] | None:
        """Its keys; ConfigError for a name that is not there."""
        if name not in self.methods:
            expected = ", ".join(self.methods)
            raise ConfigError(f"unknown method {name!r}: expected one of {expected} (methods of config.yaml)")
        return self.methods[name]


class Planned(NamedTuple):
    """A run that a study asks for: its place within the scale's folder, and its settings.

    lent: it is made for other runs, such as a stem for agents, and is no result of the study.
    """

    place: Path
    settings: RunSettings
    lent: bool = False


class Resources(Settings):
    """What a run asks a scheduler for."""

    mem_mb: Amount = Field(description="memory of one run, in MB")
    runtime: Amount = Field(
        description="minutes that one run, or the seeds of a setting that share a job, may take, all its jobs together"
    )


class Study(Settings):
    """A part of a scale: runs of one kind. A kind's own class has `kind`, with one value, among its fields."""

    kind: str = Field(description="the kind of the runs")
    resources: Resources | None = Field(default=None, description="instead of the scale's")
    seeds_in_one_job: bool = Field(
        default=False, description="all seeds of a setting one after the other in one process: for runs of seconds"
    )

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """The runs that the study called `name` is made of."""
        raise TypeError(f"{type(self).__name__} must define plan")


class Grid(Study):
    """Every combination of varied values and seeds is one run: for a kind without a class of its own."""

    run: Options = Field(default={}, description="keys that all runs share")
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default={}, description="further keys, each with several values; dots reach nested ones"
    )
    seeds: Seeds | None = Field(default=None, description="instead of the scale's")

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """In `<name>/<key><value>_.../seed<seed>`, or `<name>/seed<seed>`."""
        for point in itertools.product(*self.vary.values()):
            varied = dict(zip(self.vary, point, strict=True))
            for seed in self.seeds or asked.seeds:
                parts = (threads_of(asked), self.run, nested(varied), {"seed": seed}, asked.machine)
                place = Path(FOLDER, kind.name, name, tagged("", varied), f"seed{seed}")
                yield Planned(place, build(kind.settings, merge(*parts)))


def threads_of(asked: Asked) -> dict[str, Any]:
    """The one key of the scale's `run` that every kind has."""
    return {"threads": asked.run.get("threads", 0)}


def tagged(name: str, varied: Mapping[str, Any]) -> str:
    """A folder name that tells what varies: tmaze + delay 20 is `tmaze_delay20`."""
    tags = (f"_{key.rpartition('.')[2]}{'null' if value is None else value}" for key, value in varied.items())
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name + "".join(tags)).removeprefix("_")


def target(name: str) -> str:
    """`gymnasium:CartPole-v1` as a name that Snakemake accepts on its command line: `gymnasium_CartPole-v1`."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """{'a.b': 1} as {'a': {'b': 1}}."""
    result: dict[str, Any] = {}
    for key, value in dotted.items():
        *parents, last = key.split(".")
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"vary.{key}: {parent} varies as a whole too; remove one of the two keys")
        inner[last] = value
    return result


def merge(*parts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Later values win, inside nested keys too."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in (part or {}).items():
            old = result.get(key)
            both = isinstance(old, Mapping) and isinstance(value, Mapping)
            result[key] = merge(old, value) if both else value
    return result
