"""The finished run that a vision stem comes from: which one it is, and whether it fits. Imports no torch."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import PretrainedConfig, RunConfig, load
from rtrl_bench.runs.records import finished_record
from rtrl_bench.runs.settings import replace

STEM_KEYS = ("vision", "features")  # what a run and the one that its stem comes from must have in common


def with_fingerprint(config: RunConfig, folder: Path, here: Path | None = None) -> RunConfig:
    """`config`, for a run in `folder`, with the fingerprint of the run that `pretrained.run` names, seen from `here`.

    So two runs with stems of different runs have different fingerprints. If the source is gone, the fingerprint is the
    one that the run in `folder` began with, so that a run can go on without its source; if there is none, None.
    """
    wanted = config.pretrained
    if wanted is None or wanted.fingerprint is not None:
        return config
    record = finished_record((here or Path.cwd()) / wanted.run)
    fingerprint = record["fingerprint"] if record is not None else _recorded_fingerprint(folder, wanted)
    return replace(config, pretrained=replace(wanted, fingerprint=fingerprint))


def _recorded_fingerprint(folder: Path, wanted: PretrainedConfig) -> str | None:
    """What config.yaml says, or, where a person wrote that and left it out, the record of the finished run."""
    begun: list[PretrainedConfig | None] = []
    with contextlib.suppress(ConfigError):
        begun.append(load(folder / "config.yaml").pretrained)
    record = finished_record(folder)
    if record is not None and record["config"].get("pretrained"):
        begun.append(PretrainedConfig(**record["config"]["pretrained"]))
    return next((b.fingerprint for b in begun if b and b.run == wanted.run and b.fingerprint), None)


def check_same_stem(config: RunConfig, source: Mapping[str, Any]) -> None:
    """Refuse (ConfigError) to take over the vision stem of a run with the settings `source` if it is another stem."""
    for key in STEM_KEYS:
        mine = getattr(config, key)
        if source.get(key) != mine:
            raise ConfigError(
                f"{key} = {mine!r}: the run that the vision stem comes from has {source.get(key)!r}; make them equal"
            )
