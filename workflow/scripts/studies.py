"""A study made into runs: every combination of its axes, and the runs that their vision stems come from."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import PretrainedConfig, RunConfig, from_dict
from rtrl_bench.experiments.reinforcement.source import check_same_stem, with_fingerprint
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.settings import build, replace, to_dict
from workflow.scripts.jobs import Job, job
from workflow.scripts.schema import Asked, Pretrain, Study

PRETRAINING_SEED = 0  # one run serves the runs of every seed


@dataclass(frozen=True)
class Run:
    """One training run: its folder (under the scale's `runs/`) and what it trains."""

    folder: Path
    suite: str
    config: RunConfig | StemConfig
    job: Job

    @property
    def command(self) -> str:
        """What of `python -m rtrl_bench` makes it."""
        return "pretrain" if isinstance(self.config, StemConfig) else "train"

    @property
    def backend(self) -> str:
        """The simulator that is asked for."""
        return "rooms" if isinstance(self.config, StemConfig) else self.config.backend

    @property
    def compares(self) -> bool:
        """Whether it writes gradient.csv."""
        return isinstance(self.config, RunConfig) and self.config.gradient_quality > 0

    @property
    def stem(self) -> str | None:
        """The folder of the run that its vision stem comes from."""
        return None if isinstance(self.config, StemConfig) or not self.config.pretrained else self.config.pretrained.run

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files of its result, the record last."""
        return ("curve.csv", *(("gradient.csv",) if self.compares else ()), "evaluation.json", "run.json")


def study_runs(asked: Asked, study: Study, folder: Path, stems: Mapping[str, Run]) -> Iterator[Run]:
    """Every combination of the study's axes; `stems` has the runs that vision stems come from, by environment."""
    axes = itertools.product(
        study.environments.items(),
        study.methods,
        itertools.product(*study.vary.values()),
        study.unroll,
        study.seeds or asked.scale.seeds,
    )
    for (environment, own), method, point, unroll, seed in axes:
        varied = dict(zip(study.vary, point, strict=True))
        single = {"environment": environment, "unroll": unroll, "seed": seed}
        config = _config(asked, study, method, own, _method(asked, method), _nested(varied), single)
        stem = stems.get(environment)
        if stem is not None:
            _check_from_scratch(config)
            check_same_stem(config, to_dict(stem.config))
            source = PretrainedConfig(run=stem.folder.as_posix(), fingerprint=stem.config.fingerprint())
            config = replace(config, pretrained=source)
        options = {k: v for k, v in varied.items() if k.startswith("environment_options.")}
        others = {k: v for k, v in varied.items() if k not in options}
        place = Path(_tagged(environment, options), _tagged(method, others))
        yield _run(asked, study, folder, place, config)


def pretraining_runs(asked: Asked, study: Study, folder: Path) -> Iterator[Run]:
    """One run per environment of a study with `pretrain`, whatever it varies: the paper pre-trains once."""
    pretrain = study.pretrain
    if pretrain is None:
        return
    for name in pretrain.environments.keys() - study.environments.keys():
        expected = ", ".join(study.environments)
        raise ConfigError(f"pretrain.environments.{name}: expected one of {expected} (environments of the study)")
    method = pretrain.method
    for environment, own in study.environments.items():
        if method == StemConfig.method:
            yield _taught(asked, study, pretrain, folder, environment)
            continue
        single = {"environment": environment, "unroll": pretrain.unroll, "seed": PRETRAINING_SEED}
        parts = (own, pretrain.run, pretrain.environments.get(environment), _method(asked, method), single)
        config = _config(asked, study, method, *parts)
        _check_from_scratch(config)
        yield _run(asked, study, folder, Path(_tagged(environment, {}), f"pretrain_{method}"), config)


SHARED = ("environment_options", "vision", "features", "threads", "device")  # by a stem and the runs that take it over


def _taught(asked: Asked, study: Study, pretrain: Pretrain, folder: Path, environment: str) -> Run:
    """The run that teaches a stem from the state of `environment`: keys shared with the study's runs, then its own."""
    runs = merge(asked.scale.run, study.run, study.environments[environment], asked.machine)
    shared = {key: value for key, value in runs.items() if key in SHARED}
    single = {"environment": environment, "seed": PRETRAINING_SEED}
    special = pretrain.environments.get(environment)
    config = build(StemConfig, merge(shared, pretrain.run, special, single, asked.machine))
    suite = registry.validate(environment, config.environment_options, "rooms").suite
    place = Path(_tagged(environment, {}), f"pretrain_{config.method}", f"seed{config.seed}")
    return Run(folder / "runs" / suite / place, suite, config, job(asked, study.resources, config))


def _check_from_scratch(config: RunConfig) -> None:
    """Refuse (ConfigError) that a run of a study with `pretrain` names a stem of its own."""
    if config.pretrained is not None:
        raise ConfigError(
            f"pretrain and run.pretrained exclude each other: pretrained.run = {config.pretrained.run!r} for "
            f"{config.environment}, whose stem pretrain makes; remove one of the two keys"
        )


def _config(asked: Asked, study: Study, method: str, *parts: Mapping[str, Any] | None) -> RunConfig:
    """The configuration of a run of `method`: what is common to scale and study, then `parts`, then the machine."""
    config = from_dict(merge(asked.scale.run, study.run, *parts, asked.machine))
    if config.method != method:
        raise ConfigError(f"methods.{method}: at unroll {config.unroll} its keys make {config.method!r}; rename")
    return config


def _run(asked: Asked, study: Study, folder: Path, place: Path, config: RunConfig) -> Run:
    """The run `config` in the part `place` of its suite's folder."""
    suite = registry.validate(config.environment, config.environment_options, config.backend).suite
    path = folder / "runs" / suite / place / f"M{config.unroll}" / f"seed{config.seed}"
    config = with_fingerprint(config, path)
    return Run(path, suite, config, job(asked, study.resources, config))


def _method(asked: Asked, name: str) -> Mapping[str, Any] | None:
    methods = asked.workflow.methods
    if name not in methods:
        expected = ", ".join(methods)
        raise ConfigError(f"unknown method {name!r}: expected one of {expected} (methods of config.yaml)")
    return methods[name]


def _tagged(name: str, varied: Mapping[str, Any]) -> str:
    """A folder name that tells what varies: tmaze + delay 20 is `tmaze_delay20`."""
    tags = (f"_{key.rpartition('.')[2]}{'null' if value is None else value}" for key, value in varied.items())
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name + "".join(tags))


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
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
