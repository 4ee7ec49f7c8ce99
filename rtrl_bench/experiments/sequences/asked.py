"""A study of sequence tasks made into runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rtrl_bench.experiments.sequences.tasks import make_task
from rtrl_bench.runs.asked import FOLDER, Asked, Planned, Seeds, Study, keys_of, merge, nested, tagged, threads_of
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import Options, build

SequenceKeys = Annotated[Options, keys_of("SequenceConfig")]
TASK_OPTIONS = "task_options."


class SequenceStudy(Study):
    """Every combination of task, method, varied value and seed is one run."""

    kind: Literal["sequences"] = Field(description="the kind of the runs")
    tasks: dict[str, SequenceKeys | None] = Field(min_length=1, description="tasks, and what is special to each")
    methods: dict[str, SequenceKeys | None] = Field(
        min_length=1, description="any names, each with the keys that make the method: cell, gradient, update, ..."
    )
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default={}, description="further keys with several values; dots reach nested ones: `task_options.length`"
    )
    run: SequenceKeys = Field(description="common to all")
    seeds: Seeds | None = Field(default=None, description="instead of the scale's")

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """In `<name>/<task>_<option><value>/<method>_<key><value>/seed<seed>`."""
        axes = itertools.product(
            self.tasks.items(), self.methods.items(), itertools.product(*self.vary.values()), self.seeds or asked.seeds
        )
        for (task, special), (method, own), point, seed in axes:
            varied = dict(zip(self.vary, point, strict=True))
            single = {"task": task, "seed": seed}
            parts = (threads_of(asked), self.run, special, own, nested(varied), single, asked.machine)
            config = build(kind.settings, merge(*parts))
            for options in ({}, *config.test_options):
                make_task(task, config.task_options | options)
            options = {key: value for key, value in varied.items() if key.startswith(TASK_OPTIONS)}
            others = {key: value for key, value in varied.items() if key not in options}
            place = Path(FOLDER, kind.name, name, tagged(task, options), tagged(method, others), f"seed{seed}")
            yield Planned(place, config)
