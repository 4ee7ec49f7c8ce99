"""A study of sequence tasks made into runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.sequences.tasks import make_task
from rtrl_bench.registry import files
from rtrl_bench.runs.asked import FOLDER, Asked, Planned, Seeds, Study, keys_of, merge, nested, tagged, threads_of
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import Distinct, LearningRate, Options, Settings, build, replace

SequenceKeys = Annotated[Options, keys_of("SequenceConfig")]
TASK_OPTIONS = "task_options."


class Tune(Settings):
    """Equal tuning: every method of a study is trained with the same learning rates and seeds, to choose its own by."""

    learning_rates: Annotated[Distinct[LearningRate], Field(min_length=2)] = Field(description="tried for every method")
    seeds: Seeds = Field(description="other ones than the result's")

    def plan(self, results: Mapping[Path, SequenceConfig]) -> Iterator[Planned]:
        """These runs, in `learning_rate<value>/seed<seed>` beside the results; ConfigError if they cannot tune them."""
        shared = set(self.seeds) & {config.seed for config in results.values()}
        if shared:
            raise ConfigError(f"tune.seeds: the result has {sorted(shared)} too; tune with other seeds")
        for place, config in {place.parent: config for place, config in results.items()}.items():
            if config.learning_rate not in self.learning_rates:
                expected = ", ".join(f"{rate:g}" for rate in self.learning_rates)
                raise ConfigError(
                    f"learning_rate = {config.learning_rate:g} of {place.name}: expected one of {expected} (tune)"
                )
            for rate, seed in itertools.product(self.learning_rates, self.seeds):
                tried = replace(config, learning_rate=rate, seed=seed, gradient_quality=0, test_options=[])
                yield Planned(place / f"learning_rate{rate:g}" / f"seed{seed}", tried, lent=True)


class SequenceStudy(Study):
    """Every combination of task, method, varied value and seed is one run."""

    kind: Literal["sequences"] = Field(description="the kind of the runs")
    tasks: dict[str, SequenceKeys | None] = Field(min_length=1, description="tasks, and what is special to each")
    methods: dict[str, SequenceKeys | None] = Field(
        min_length=1,
        description="any names, each with the keys that make the method: cell, gradient, update, ...; "
        "a gradient's name and bptt are for that gradient alone",
    )
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default={}, description="further keys with several values; dots reach nested ones: `task_options.length`"
    )
    run: SequenceKeys = Field(description="common to all")
    seeds: Seeds | None = Field(default=None, description="instead of the scale's")
    tune: Tune | None = Field(default=None, description="further runs, by which the methods' learning rates are chosen")

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """First those of `tune`, then one for every combination."""
        results = dict(self._results(name, asked, kind))
        if self.tune is not None:
            yield from self.tune.plan(results)
        yield from itertools.starmap(Planned, results.items())

    def _results(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[tuple[Path, SequenceConfig]]:
        """In `<name>/<task>_<option><value>/<method>_<key><value>/seed<seed>`."""
        axes = itertools.product(
            self.tasks.items(), self.methods.items(), itertools.product(*self.vary.values()), self.seeds or asked.seeds
        )
        for (task, special), (method, own), point, seed in axes:
            varied = dict(zip(self.vary, point, strict=True))
            single = {"task": task, "seed": seed}
            parts = (threads_of(asked), self.run, special, own, nested(varied), single, asked.machine)
            config = build(kind.settings, merge(*parts))
            _check_name(method, config)
            for options in ({}, *config.test_options):
                make_task(task, config.task_options | options)
            options = {key: value for key, value in varied.items() if key.startswith(TASK_OPTIONS)}
            others = {key: value for key, value in varied.items() if key not in options}
            place = Path(FOLDER, kind.name, name, tagged(task, options), tagged(method, others), f"seed{seed}")
            yield place, config


def _check_name(method: str, config: SequenceConfig) -> None:
    """ConfigError for a method that is called like a gradient, and is trained by another one."""
    meant = {"gradient": method} if method in files("rtrl_bench.gradients") else {}
    meant = {"gradient": "tbptt", "window": "episode"} if method == "bptt" else meant
    for key, value in meant.items():
        found = getattr(config, key)
        if found != value:
            raise ConfigError(f"methods.{method}: {key} is {found}; add {key}: {value}, or choose another name")
