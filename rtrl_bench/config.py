"""One run is one `RunConfig`: read from YAML, checked completely before any work starts, never changed after."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union

import yaml

from rtrl_bench.errors import ConfigError


@dataclass(frozen=True)
class OptimiserConfig:
    """RMSProp with a linear decay to zero over the budget (paper, appendix on hyper-parameters)."""

    learning_rate: float = 6e-4
    alpha: float = 0.99
    epsilon: float = 0.01
    momentum: float = 0.0
    gradient_clip: float = 40.0  # global norm


@dataclass(frozen=True)
class LossConfig:
    """V-trace actor-critic loss, summed over time and batch (Espeholt et al. 2018; values of the paper)."""

    discount: float = 0.99
    entropy_cost: float = 0.01
    baseline_cost: float = 0.5
    reward_clip: float = 1.0
    rho_bar: float = 1.0
    c_bar: float = 1.0


@dataclass(frozen=True)
class EvaluationConfig:
    """Greedy evaluation at the end of training: `sets` x `episodes`; `max_steps` cuts an episode (None: never)."""

    sets: int = 3
    episodes: int = 100
    max_steps: int | None = None


@dataclass(frozen=True)
class PretrainedConfig:
    """The finished run whose vision stem, its linear layer included, is taken over and frozen.

    `run`: its folder, absolute or relative to the current one. `fingerprint`: what its configuration must have; None
    takes whatever complete run is there, and the harness fills in which that is (`training/source.py`).
    """

    run: str
    fingerprint: str | None = None


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a training run. `window` belongs to `gradient: tbptt` alone (None means unroll)."""

    environment: str
    env_steps: int
    environment_options: dict[str, Any] = field(default_factory=dict)
    backend: str = "auto"
    cell: str = "elstm"
    gradient: str = "rtrl"
    window: int | Literal["episode"] | None = None
    unroll: int = 50
    batch: int = 32
    hidden: int = 256
    layers: int = 1  # recurrent layers, each of `hidden` units, one on the other
    vision: str = "impala"
    features: int = 256
    retention: float | None = None  # forget bias log U(1, retention); None: the paper's normal(0, 0.1)
    pretrained: PretrainedConfig | None = None  # None: the vision stem is trained from scratch
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0
    deterministic: bool = True  # act and learn in turn; false: at the same time, acting one update behind (overlap.py)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    gradient_quality: int = 0  # how often training compares its gradient with the exact one (gradient.csv); 0: never
    memory_gb: float | None = None  # what the carried sensitivities may take, in 10^9 bytes; None: what the device has
    threads: int = 0  # CPU threads of torch and of the simulator; 0: all that the process may use
    log_points: int = 100  # rows of curve.csv
    checkpoint_minutes: float = 5.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for path, low, strict in _LOWER_BOUNDS:
            value = _get(self, path)
            if isinstance(value, int | float) and not (value > low if strict else value >= low):
                kind = "an integer" if isinstance(value, int) else "a number"
                raise ConfigError(f"{path} = {value!r}: expected {kind} {'>' if strict else '>='} {low}")
        if not self.loss.discount <= 1:
            raise ConfigError(f"loss.discount = {self.loss.discount!r}: expected a number in [0, 1]")
        for name in ("alpha", "momentum"):
            if not getattr(self.optimiser, name) < 1:
                raise ConfigError(f"optimiser.{name} = {getattr(self.optimiser, name)!r}: expected a number in [0, 1)")
        if self.window is not None and self.gradient != "tbptt":
            raise ConfigError(f"window = {self.window!r}: only gradient: tbptt has a window; remove the key")
        if isinstance(self.window, int) and self.window < self.unroll:
            raise ConfigError(f"window = {self.window}: expected at least unroll = {self.unroll}, or 'episode'")
        if self.seed >= 2**31:
            raise ConfigError(f"seed = {self.seed}: expected an integer below 2**31")
        if self.pretrained is not None and self.vision == "flat":
            raise ConfigError("pretrained: vision = 'flat' has no parameters to take over; remove the key")

    @property
    def method(self) -> str:
        """The method as tables name it: feedforward, rtrl, tbptt, tbptt_w20, bptt, lstm_tbptt, rtrl_l2 (layers), ..."""
        if self.cell == "none":
            return "feedforward"
        name = self.gradient
        if self.window == "episode":
            name = "bptt"
        elif self.window is not None and self.window > self.unroll:
            name = f"tbptt_w{self.window}"
        name = name if self.cell == "elstm" else f"{self.cell}_{name}"
        return name if self.layers == 1 else f"{name}_l{self.layers}"

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        options = "".join(f" {key}={value}" for key, value in self.environment_options.items())
        return f"{self.environment}{options} {self.method} M={self.unroll} seed {self.seed}"

    def fingerprint(self) -> str:
        """Twelve hex digits that change whenever anything that can change the result does (not the machine)."""
        return fingerprint_of(to_dict(self))


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as plain nested dictionaries, every key present."""
    return dataclasses.asdict(config)


def fingerprint_of(settings: Mapping[str, Any]) -> str:
    """Twelve hex digits of all settings but those that only say on which machine, where and how safely to run.

    Of a pretrained stem the fingerprint counts and not the folder; without one the key counts for nothing. Nor do keys
    that came later count at the value that stands for what was before them.
    """
    decisive = {k: v for k, v in settings.items() if k not in _NOT_DECISIVE and (k, v) not in _CAME_LATER.items()}
    pretrained = decisive.pop("pretrained", None)
    if pretrained is not None:
        decisive["pretrained"] = {**pretrained}.get("fingerprint")
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]


_NOT_DECISIVE = ("device", "memory_gb", "threads", "checkpoint_minutes", "tensorboard")
_CAME_LATER = {"layers": 1, "gradient_quality": 0, "deterministic": True}
_LOWER_BOUNDS: tuple[tuple[str, float, bool], ...] = (
    ("env_steps", 1, False),
    ("window", 1, False),
    ("unroll", 1, False),
    ("batch", 1, False),
    ("hidden", 1, False),
    ("layers", 1, False),
    ("features", 1, False),
    ("retention", 1, True),
    ("seed", 0, False),
    ("gradient_quality", 0, False),
    ("memory_gb", 0, True),
    ("threads", 0, False),
    ("log_points", 1, False),
    ("checkpoint_minutes", 0, True),
    ("optimiser.learning_rate", 0, True),
    ("optimiser.alpha", 0, False),
    ("optimiser.epsilon", 0, True),
    ("optimiser.momentum", 0, False),
    ("optimiser.gradient_clip", 0, True),
    ("loss.discount", 0, False),
    ("loss.entropy_cost", 0, False),
    ("loss.baseline_cost", 0, False),
    ("loss.reward_clip", 0, True),
    ("loss.rho_bar", 0, True),
    ("loss.c_bar", 0, True),
    ("evaluation.sets", 1, False),
    ("evaluation.episodes", 1, False),
    ("evaluation.max_steps", 1, False),
)


def _get(config: Any, path: str) -> Any:
    for name in path.split("."):
        config = getattr(config, name)
    return config


def from_dict(values: Mapping[str, Any]) -> RunConfig:
    """Build a RunConfig, refusing unknown keys, missing keys, wrong types and values out of range (ConfigError)."""
    config: RunConfig = build(RunConfig, values)
    return config


def build(cls: type, values: Any, prefix: str = "") -> Any:
    """The dataclass `cls` from `values`, checked as `from_dict` describes; `prefix` stands before keys in messages."""
    where = prefix.rstrip(".") or "the configuration"
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} = {values!r}: expected keys and values")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in fields:
            close = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"; did you mean {prefix}{close[0]}?" if close else ""
            raise ConfigError(f"unknown key {prefix}{key}: expected one of {', '.join(fields)}{hint}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(f"missing key {prefix}{name}: it has no default")
    return cls(**{k: _convert(hints[k], v, prefix + k) for k, v in values.items()})


def _convert(hint: Any, value: Any, path: str) -> Any:
    """The value as the type `hint`, or a ConfigError; integers may stand for floats, nothing else is converted."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, path + ".")
    if origin in (Union, types.UnionType):
        for option in args:
            if dataclasses.is_dataclass(option) and isinstance(value, Mapping):
                return _convert(option, value, path)  # a mistake inside is named as such
            try:
                return _convert(option, value, path)
            except ConfigError:
                continue
        raise ConfigError(f"{path} = {value!r}: expected {_describe(hint)}")
    if origin is Literal:
        if value in args:
            return value
    elif hint is Any:
        return value
    elif origin is list:
        if isinstance(value, list):
            return [_convert(args[0], v, f"{path}[{k}]") for k, v in enumerate(value)]
    elif origin is dict:
        if isinstance(value, Mapping) and all(isinstance(k, str) for k in value):
            return {k: _convert(args[1], v, f"{path}.{k}") for k, v in value.items()}
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{path} = {value!r}: expected {_describe(hint)}")


_TYPE_NAMES = {
    int: "an integer",
    float: "a number",
    str: "text",
    bool: "true or false",
    types.NoneType: "null",
}


def _describe(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(a) for a in args)
    if origin is Literal:
        return " | ".join(map(str, args))
    return "a list" if origin is list else _TYPE_NAMES.get(hint, "keys and values")


class _Loader(yaml.SafeLoader):
    """YAML that reads 6e-4 as a number (YAML 1.2), as everybody who writes a learning rate expects."""


_FLOAT = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(_FLOAT), list("-+.0123456789"))


def load_yaml(path: str | Path) -> Any:
    """Parse a YAML file safely; ConfigError names the file and the line when it cannot be read."""
    try:
        return yaml.load(Path(path).read_text(), Loader=_Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error


def load(path: str | Path) -> RunConfig:
    """Read and check the run configuration in a YAML file."""
    try:
        return from_dict(load_yaml(path) or {})
    except ConfigError as error:
        prefix = "" if str(error).startswith(str(path)) else f"{path}: "
        raise ConfigError(f"{prefix}{error}") from error


def dump(config: Any) -> str:
    """YAML text with every key of a configuration, from which an equal one can be built."""
    return yaml.safe_dump(to_dict(config), sort_keys=False)
