"""A study of costs as a run: there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rtrl_bench.experiments.costs.config import StudyConfig
from rtrl_bench.runs.asked import FOLDER, Asked, Planned, Study
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import build


class AskedCosts(StudyConfig, Study):
    """What the gradient methods cost: one job with all cores."""

    kind: Literal["costs"] = Field(description="the kind of the run")

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """In `<name>`. Timings want the whole machine, whatever `threads` says of training."""
        here = {"device": asked.machine["device"], "threads": 0}
        settings = build(kind.settings, self.model_dump(exclude=set(Study.model_fields) - {"kind"}) | here)
        yield Planned(Path(FOLDER, kind.name, name), settings)
