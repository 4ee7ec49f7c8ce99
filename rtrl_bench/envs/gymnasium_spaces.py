"""Gymnasium's spaces made into those of `BatchEnv`, by Gymnasium's own wrappers around one environment.

Images become uint8 (C, H, W) in 0..255 by their space's bounds, everything else a float32 vector. Actions become one or
more discrete factors, each counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FilterObservation, TransformAction, TransformObservation

from rtrl_bench.envs.registry import unfit_option
from rtrl_bench.errors import ConfigError

LAYOUTS = ("channels_first", "channels_last", "flat")
CHANNELS = 4  # at most, where the layout is not said: grey, RGB, RGBA, four stacked frames


def adapt(
    env: gymnasium.Env, name: str, observation_keys: Sequence[Any] | None = None, image_layout: str | None = None
) -> gymnasium.Env:
    """The environment `name` with the spaces of a `BatchEnv`; ConfigError where that cannot be.

    observation_keys: which parts of a Dict (or Tuple, by number) are seen; None for all. A single part stands for
    itself. image_layout: one of LAYOUTS; None for what the space itself says.
    """
    env = _with_factors(_Flagged(env), name)
    if observation_keys is not None:
        env = _filtered(env, name, observation_keys)
    while isinstance(env.observation_space, spaces.Dict | spaces.Tuple) and len(env.observation_space) == 1:
        env = _only_part(env)
    if image_layout not in (None, *LAYOUTS):
        raise unfit_option(name, "image_layout", image_layout, f"expected one of {', '.join(LAYOUTS)}")
    layout = image_layout or _layout(env.observation_space, name)
    return _flat(env, name) if layout == "flat" else _image(env, name, layout)


class _Flagged(gymnasium.Wrapper):
    """Refuses ends that are no truth values: Gymnasium's vector environments take them for some, None for no end."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """The environment's step, its flags as bool; ValueError where they are neither true nor false."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        for name, flag in (("terminated", terminated), ("truncated", truncated)):
            if flag not in (False, True):
                raise ValueError(f"{name} = {flag!r}, expected True or False")
        return observation, reward, bool(terminated), bool(truncated), info


def _filtered(env: gymnasium.Env, name: str, keys: Sequence[Any]) -> gymnasium.Env:
    space = env.observation_space
    parts: list[Any] = []
    if isinstance(space, spaces.Dict):
        parts = list(space)
    elif isinstance(space, spaces.Tuple):
        parts = list(range(len(space)))
    if not isinstance(keys, list | tuple) or not keys or len({*map(repr, keys)}) < len(keys):
        raise unfit_option(name, "observation_keys", keys, "expected a list of different keys")
    for key in keys:
        if key not in parts or isinstance(key, bool):
            expected = f"expected some of {', '.join(map(str, parts))}" if parts else f"its observations are {space}"
            raise unfit_option(name, "observation_keys", keys, f"{key!r} is none; {expected}")
    return FilterObservation(env, keys)


def _only_part(env: gymnasium.Env) -> gymnasium.Env:
    space: Any = env.observation_space
    key = 0 if isinstance(space, spaces.Tuple) else next(iter(space))
    return TransformObservation(env, lambda x: x[key], space[key])


def is_image(space: spaces.Space) -> bool:
    """Whether a space stands for images by itself: bytes or bits in two dimensions or more."""
    return isinstance(space, spaces.Box) and space.dtype in (np.uint8, np.bool_) and len(space.shape) > 1


def _layout(space: spaces.Space, name: str) -> str:
    """The layout that the space has beyond doubt; ConfigError where two are possible, or none is known."""
    if not is_image(space):
        return "flat"
    shape = space.shape
    assert shape is not None
    if len(shape) == 2:
        return "no channels"
    few = [n <= CHANNELS for n in shape]
    if len(shape) == 3 and sum(few) == 1 and not few[1]:
        return "channels_first" if few[0] else "channels_last"
    kind = (
        "which axis holds the channels is ambiguous"
        if len(shape) == 3
        else "expected images of two or three dimensions"
    )
    raise ConfigError(
        f"environment {name} has the observations {space}: {kind}; "
        f"set environment_options: {{image_layout: {' | '.join(LAYOUTS if len(shape) == 3 else ['flat'])}}}"
    )


def _image(env: gymnasium.Env, name: str, layout: str) -> gymnasium.Env:
    space: Any = env.observation_space
    bounded = isinstance(space, spaces.Box) and space.is_bounded()
    if not bounded or len(space.shape) != (2 if layout == "no channels" else 3):
        expected = f"expected a bounded Box of three dimensions, the observations are {space}; remove the key"
        raise unfit_option(name, "image_layout", layout, expected)
    move = {
        "no channels": lambda x: x[None],
        "channels_first": lambda x: x,
        "channels_last": lambda x: np.moveaxis(x, 2, 0),
    }[layout]
    shape = move(np.empty(space.shape, np.uint8)).shape
    scale = _to_bytes(space)
    return TransformObservation(env, lambda x: move(scale(x)), spaces.Box(0, 255, shape, np.uint8))


def _to_bytes(space: spaces.Box) -> Callable[[Any], np.ndarray]:
    """What brings observations from the space's bounds to 0..255, rounded to the nearest."""
    if space.dtype == np.uint8 and (space.low == 0).all() and (space.high == 255).all():
        return np.asarray
    low, scale = _bounds(space)

    def convert(x: Any) -> np.ndarray:
        scaled = np.rint((np.asarray(x, np.float64) - low) * (255 * scale))
        if not (scaled.min() >= 0 and scaled.max() <= 255):
            raise ValueError(f"an observation with values in {np.min(x)}..{np.max(x)} is outside of its space {space}")
        return scaled.astype(np.uint8)

    return convert


def _bounds(space: spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """Entry by entry, the least value and what brings the difference from it to 0..1."""
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    return low, 1 / np.where(high > low, high - low, 1)


def _flat(env: gymnasium.Env, name: str) -> gymnasium.Env:
    """Vectors as Gymnasium flattens them, discrete parts one-hot, as float32; images among the parts as 0..1."""
    space = env.observation_space
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {"": space}
    unfit = [key for key, part in parts.items() if not _flattens(part)]
    if unfit:
        rest = [key for key in parts if key not in unfit]
        fix = f"set environment_options: {{observation_keys: [{', '.join(rest)}]}}" if rest else "use another one"
        which = f"; {', '.join(unfit)} cannot be made into numbers" if rest else ", which cannot be made into numbers"
        raise ConfigError(f"environment {name} has the observations {space}{which}: {fix}")
    low, scale = _scaling(space)
    scaled = bool((low != 0).any() or (scale != 1).any())

    def flatten(x: Any) -> np.ndarray:
        flat = spaces.flatten(space, x)
        return np.asarray((flat - low) * scale if scaled else flat, np.float32)

    flat: Any = spaces.flatten_space(space)
    with np.errstate(over="ignore"):  # bounds beyond float32's are infinite ones
        ends = [((end - low) * scale).astype(np.float32) for end in (flat.low, flat.high)]
    return TransformObservation(env, flatten, spaces.Box(*ends, dtype=np.float32))


def _flattens(space: spaces.Space) -> bool:
    try:
        return bool(space.is_np_flattenable)
    except NotImplementedError:  # a space of the environment's own
        return False


def _scaling(space: spaces.Space) -> tuple[np.ndarray, np.ndarray]:
    """What is taken from each entry of a flattened observation, and then multiplies it."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        lows, scales = zip(*map(_scaling, _parts(space)))
        return np.concatenate(lows), np.concatenate(scales)
    if is_image(space):
        low, scale = _bounds(space)  # type: ignore[arg-type]
        return low.ravel(), scale.ravel()
    size = spaces.flatdim(space)
    return np.zeros(size), np.ones(size)


def _parts(space: spaces.Dict | spaces.Tuple) -> list[spaces.Space]:
    return list(space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces)


def _with_factors(env: gymnasium.Env, name: str) -> gymnasium.Env:
    try:
        sizes, native = _factors(env.action_space)
    except TypeError as error:
        raise ConfigError(
            f"environment {name} has the actions {env.action_space}: {error}; use another environment"
        ) from error
    if isinstance(env.action_space, spaces.Discrete) and env.action_space.start == 0:
        return env
    if len(sizes) == 1:
        return TransformAction(env, lambda action: native([action]), spaces.Discrete(sizes[0]))
    return TransformAction(env, native, spaces.MultiDiscrete(sizes))


def _factors(space: Any) -> tuple[list[int], Callable[[Any], Any]]:
    """How many values each discrete factor of the actions has, and what makes an action of one value for each."""
    if isinstance(space, spaces.Discrete):
        return [int(space.n)], lambda values: space.dtype.type(values[0] + space.start)
    if isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary):
        sizes, start = (
            (np.full(space.shape, 2), 0) if isinstance(space, spaces.MultiBinary) else (space.nvec, space.start)
        )
        return sizes.ravel().tolist(), lambda values: (np.reshape(values, sizes.shape) + start).astype(space.dtype)
    if isinstance(space, spaces.Tuple | spaces.Dict):
        keys = list(range(len(space)) if isinstance(space, spaces.Tuple) else space)
        parts = [_factors(part) for part in _parts(space)]
        ends = np.cumsum([len(sizes) for sizes, _ in parts])[:-1]

        def joined(values: Any) -> Any:
            made = [native(own) for (_, native), own in zip(parts, np.split(np.asarray(values), ends), strict=True)]
            return tuple(made) if isinstance(space, spaces.Tuple) else dict(zip(keys, made, strict=True))

        return [size for sizes, _ in parts for size in sizes], joined
    raise TypeError("expected discrete actions, or several discrete factors")
