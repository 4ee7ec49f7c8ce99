"""What all settings have in common: their types, how they are checked, written, and told apart.

A kind of settings is one `Settings` class. Each of its fields has its type, bounds, default and description in one
place, from which come the checks, the messages (`refusals.py`), the JSON schema and the tables of the documentation.
Importing this imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.refusals import explain
from rtrl_bench.runs.yaml_files import dump_yaml, load_yaml

FLOAT32 = (1.2e-38, 3.4e38)  # sizes of the numbers that float32 holds in full precision, rounded inwards


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _integer(value: Any) -> Any:
    """NumPy's integers, and floats that are whole (1e6), as an integer; anything else as it is, to be refused."""
    if not _is_number(value) or value % 1 != 0:
        return value
    if not -(2**53) < value < 2**53:
        raise ConfigError("expected an integer below 2**53")
    return int(value)


def _number(value: Any) -> Any:
    """Numbers that float32 can hold, NumPy's as a float; anything else as it is, to be refused."""
    if not _is_number(value) or value in (math.inf, -math.inf) or value != value:
        return value
    if value != 0 and not FLOAT32[0] <= abs(value) <= FLOAT32[1]:
        raise ConfigError("expected a number that float32 holds, of size {:g} to {:g}".format(*FLOAT32))
    return value if type(value) is int else float(value)  # an integer is converted after a message has shown it


def _plain(value: Any) -> Any:
    """Keys and values that YAML and JSON can write: text, numbers, true, false, null, lists, keys and values."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(inner) for key, inner in value.items()}
    raise ValueError(f"expected finite numbers, text, true, false, null and lists of these, not {value!r}")


_AS_INTEGER, _AS_NUMBER = BeforeValidator(_integer), BeforeValidator(_number)
Amount = Annotated[int, Field(ge=1), _AS_INTEGER]  # of steps, rows, minutes, ...
Size = Annotated[int, Field(ge=1, le=2**20), _AS_INTEGER]  # of a tensor: what it needs is predicted before it is made
Depth = Annotated[int, Field(ge=1, le=1000), _AS_INTEGER]
Count = Annotated[int, Field(ge=0), _AS_INTEGER]
Positive = Annotated[float, Field(gt=0), _AS_NUMBER]
LearningRate = Annotated[float, Field(gt=0, le=1e20), _AS_NUMBER]  # more, and a step of Adam is no float32 any more
NotNegative = Annotated[float, Field(ge=0), _AS_NUMBER]
Decay = Annotated[float, Field(ge=0, lt=1), _AS_NUMBER]
Share = Annotated[float, Field(ge=0, le=1), _AS_NUMBER]
Retention = Annotated[float, Field(gt=1), _AS_NUMBER]
Seed = Annotated[int, Field(ge=0, lt=2**31), _AS_INTEGER]
Threads = Annotated[int, Field(ge=0, le=1024), _AS_INTEGER]  # more, and OpenMP kills the process
Device = Literal["auto", "cpu", "cuda"]
T = TypeVar("T")


def _distinct(values: list[T]) -> list[T]:
    if any(value in values[:number] for number, value in enumerate(values)):
        raise ConfigError("expected values that differ from each other")
    return values


Distinct = Annotated[list[T], Field(json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)]
Options = Annotated[dict[str, Any], BeforeValidator(_plain)]


class Settings(BaseModel):
    """Base of all settings: unknown keys, wrong types and values out of bounds are a ConfigError; never changed after.

    Integers may be whole floats (1e6) or NumPy's; numbers may be integers; nothing else is converted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(explain(type(self), error)) from None

    # pydantic's mark of its own __init__: settings inside of settings are then checked without calling this one, so
    # that a message names the whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class RunSettings(Settings):
    """Settings that decide a run: what a run folder's config.yaml holds.

    Every class of them has `device`, `threads` and `checkpoint_minutes` among its keys, and a `kind` with one value.
    """

    kind: str = Field(description="the kind of run")

    @property
    def label(self) -> str:
        """The run in a few words, for progress lines."""
        raise TypeError(f"{type(self).__name__} must define label")

    def fingerprint(self) -> str:
        """Twelve hex digits that change whenever anything that can change the result does (not the machine)."""
        return fingerprint_of(to_dict(self))


S = TypeVar("S", bound=Settings)


def build(kind: type[S], values: Any) -> S:
    """Settings of a kind from keys and values; ConfigError names the first that is unknown, missing or wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(kind, error)) from None


def replace(settings: S, **changes: Any) -> S:
    """A copy with other values, checked."""
    return build(type(settings), {**dict(settings), **changes})


def load_settings(kind: type[S], path: Any) -> S:
    """Read and check the settings in a YAML file; ConfigError names the file."""
    values = load_yaml(path)
    try:
        return build(kind, {} if values is None else values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def to_dict(settings: Settings) -> dict[str, Any]:
    """Settings as plain nested dictionaries, every key present."""
    return settings.model_dump()


def dump(settings: Settings) -> str:
    """YAML text with every key of the settings, from which equal ones can be built."""
    return dump_yaml(to_dict(settings))


# Which program reads the settings; where and how safely to run.
NOT_DECISIVE = ("kind", "device", "memory_gb", "threads", "checkpoint_minutes", "tensorboard")
NULL_IS_NOTHING = ("curriculum", "pretrained", "truncation")  # where null asks for nothing


def decisive(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that can change a result: not the kind, those of the machine, the folder of a pretrained stem."""
    kept = {k: v for k, v in settings.items() if k not in NOT_DECISIVE}
    if isinstance(kept.get("pretrained"), Mapping):
        kept["pretrained"] = {key: value for key, value in kept["pretrained"].items() if key != "run"}
    return kept


def asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those that ask for nothing: a key that is newer than a record is not in it."""
    return {key: value for key, value in settings.items() if value is not None or key not in NULL_IS_NOTHING}


def fingerprint_of(settings: Mapping[str, Any]) -> str:
    """Twelve hex digits of what is decisive in settings."""
    kept = asked(decisive(settings))
    if "pretrained" in kept:
        kept["pretrained"] = kept["pretrained"].get("fingerprint")
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]
