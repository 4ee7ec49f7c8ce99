"""A study of the copy task made into runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rtrl_bench.runs.asked import FOLDER, Asked, Planned, Seeds, Study, keys_of, merge, threads_of
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import Options, build

CopyKeys = Annotated[Options, keys_of("CopyConfig")]


class CopyStudy(Study):
    """A run per length, method and seed."""

    kind: Literal["sequences"] = Field(description="the kind of the runs")
    lengths: list[CopyKeys] = Field(
        min_length=1, description="keys with `max_length`: the longest pattern, and what is special to it"
    )
    methods: dict[str, CopyKeys | None] = Field(
        min_length=1, description="`rtrl`, `tbptt`, `bptt`: the methods, and what is special to them"
    )
    run: CopyKeys = Field(description="common to all")
    seeds: Seeds | None = Field(default=None, description="instead of the scale's")

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """In `<name>_L<length>/<method>/seed<seed>`."""
        for length, (method, own), seed in itertools.product(
            self.lengths, self.methods.items(), self.seeds or asked.seeds
        ):
            parts = (threads_of(asked), self.run, length, own, {"method": method, "seed": seed}, asked.machine)
            config = build(kind.settings, merge(*parts))
            place = Path(FOLDER, kind.name, f"{name}_L{config.max_length}", method, f"seed{seed}")
            yield Planned(place, config)
