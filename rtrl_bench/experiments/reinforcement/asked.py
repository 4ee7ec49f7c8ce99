"""A study of agents made into runs: every combination of its axes, and the runs that their vision stems come from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.reinforcement.config import PretrainedConfig, RunConfig, from_dict
from rtrl_bench.experiments.reinforcement.stem_source import check_same_stem, with_fingerprint
from rtrl_bench.runs.asked import FOLDER, Asked, Planned, Seeds, Study, keys_of, merge, nested, tagged
from rtrl_bench.runs.kind import Kind
from rtrl_bench.runs.settings import Distinct, Options, Settings, Size, build, replace, to_dict

PRETRAINING_SEED = 0  # one run serves the runs of every seed
TAUGHT, STEMS = "state", "stems"  # a method that trains no agent: runs of another kind make the stems
SHARED = ("environment_options", "vision", "features", "threads", "device")  # by a stem and the runs that take it over
RunKeys = Annotated[Options, keys_of("RunConfig")]
StemKeys = Annotated[Options, keys_of("RunConfig", "StemConfig")]


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
        if (self.unroll is None) != (self.method == TAUGHT):
            raise ConfigError(
                f"unroll = {self.unroll}: method: {TAUGHT} takes no unroll, every other method needs one (>= 1)"
            )
        return self


class AgentStudy(Study):
    """Every combination of environment, method, varied value, M and seed is one run."""

    kind: Literal["reinforcement"] = Field(default="reinforcement", description="the kind of the runs")
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
    run: RunKeys = Field(default={}, description="common to the study")
    pretrain: Pretrain | None = Field(default=None, description="the runs that the vision stems come from")

    def plan(self, name: str, asked: Asked, kind: Kind[Any]) -> Iterator[Planned]:
        """First the runs that stems come from, in `<environment>/<method>/M<M>/seed<seed>` of their kind's folder."""
        stems: dict[str, Planned] = {}
        if self.pretrain is not None:
            stems = {
                environment: self._pretraining(asked, self.pretrain, environment) for environment in self.environments
            }
        yield from stems.values()
        axes = itertools.product(
            self.environments.items(),
            self.methods,
            itertools.product(*self.vary.values()),
            self.unroll,
            self.seeds or asked.seeds,
        )
        for (environment, own), method, point, unroll, seed in axes:
            varied = dict(zip(self.vary, point, strict=True))
            single = {"environment": environment, "unroll": unroll, "seed": seed}
            config = self._config(asked, method, own, asked.method(method), nested(varied), single)
            if environment in stems:
                config = _with_stem(config, stems[environment], asked)
            options = {k: v for k, v in varied.items() if k.startswith("environment_options.")}
            others = {k: v for k, v in varied.items() if k not in options}
            yield _planned(asked, tagged(environment, options), tagged(method, others), config)

    def _pretraining(self, asked: Asked, pretrain: Pretrain, environment: str) -> Planned:
        """The run of an environment, whatever the study varies: the paper pre-trains once."""
        for name in pretrain.environments.keys() - self.environments.keys():
            expected = ", ".join(self.environments)
            raise ConfigError(f"pretrain.environments.{name}: expected one of {expected} (environments of the study)")
        own, special = self.environments[environment], pretrain.environments.get(environment)
        single = {"environment": environment, "seed": PRETRAINING_SEED}
        if pretrain.method == TAUGHT:
            runs = merge(asked.run, self.run, own, asked.machine)
            shared = {key: value for key, value in runs.items() if key in SHARED}
            values = merge(shared, pretrain.run, special, single, asked.machine)
            settings = build(KINDS[STEMS].settings, values)
            registry.validate(environment, values.get("environment_options"), "rooms")
            place = Path(FOLDER, STEMS, tagged(environment, {}), TAUGHT, f"seed{PRETRAINING_SEED}")
            return Planned(place, settings, lent=True)
        method = asked.method(pretrain.method)
        config = self._config(
            asked, pretrain.method, own, pretrain.run, special, method, single | {"unroll": pretrain.unroll}
        )
        _check_from_scratch(config)
        return _planned(asked, tagged(environment, {}), f"pretrain_{pretrain.method}", config)._replace(lent=True)

    def _config(self, asked: Asked, method: str, *parts: Mapping[str, Any] | None) -> RunConfig:
        """The settings of a run of `method`: what is common to scale and study, then `parts`, then the machine."""
        config = from_dict(merge(asked.run, self.run, *parts, asked.machine))
        if config.method != method:
            raise ConfigError(
                f"methods.{method}: at unroll {config.unroll} its keys describe {config.method!r}; rename it so"
            )
        return config


def _planned(asked: Asked, environment: str, method: str, config: RunConfig) -> Planned:
    registry.validate(config.environment, config.environment_options, config.backend)
    place = Path(FOLDER, config.kind, environment, method, f"M{config.unroll}", f"seed{config.seed}")
    return Planned(place, with_fingerprint(config, asked.folder / place))


def _with_stem(config: RunConfig, stem: Planned, asked: Asked) -> RunConfig:
    """The settings of a run that takes over the vision stem of another."""
    _check_from_scratch(config)
    check_same_stem(config, to_dict(stem.settings))
    folder = (asked.folder / stem.place).as_posix()
    return replace(config, pretrained=PretrainedConfig(run=folder, fingerprint=stem.settings.fingerprint()))


def _check_from_scratch(config: RunConfig) -> None:
    """Refuse (ConfigError) that a run of a study with `pretrain` names a stem of its own."""
    if config.pretrained is not None:
        raise ConfigError(
            f"pretrain and run.pretrained exclude each other: pretrained.run = {config.pretrained.run!r} for "
            f"{config.environment}, whose stem pretrain makes; remove one of the two keys"
        )
