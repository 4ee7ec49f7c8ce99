"""Two cheap tests of memory with vector observations: the T-maze and delayed match.

Both show something in the first step of an episode and ask for it `delay` steps later, in the last. In between time
passes by itself: actions change nothing there, so that neither position nor the last action can hold what was shown,
and a policy without memory succeeds with probability 1/2. The gradient from the answer to what was shown spans delay
+ 1 steps: truncated at fewer it never sees the connection, whatever the offset of the segment.

The reward is 1 for the right answer and 0 otherwise, given with the last action, so that the episode return is the
success.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np

from rtrl_bench import __version__
from rtrl_bench.envs.batch import Arrays, BatchEnv, Request, StepResult
from rtrl_bench.envs.registry import Availability, Backend, EnvSpec, complete_options, register, unfit_option

BACKEND = f"rtrl_bench {__version__}"
BOUNDS = {"delay": (1, 10_000), "distraction": (0, 1), "noise": (0, 10), "symbols": (2, 100)}  # of the options


def _available(spec: EnvSpec) -> Availability:
    return Availability(True, BACKEND)


def _make(spec: EnvSpec, request: Request) -> BatchEnv:
    seed, split = request.seed, request.split
    return TASKS[spec.name](request.num_envs, stagger=split == "train", seed=seed, split=split, **request.options)


def _check(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    for key, value in options.items():
        low, high = BOUNDS[key]
        if not low <= value <= high:
            raise unfit_option(spec.name, key, value, f"expected a number in {low}..{high}")


def _spec(name: str, options: Mapping[str, Any], source: str) -> EnvSpec:
    return EnvSpec(
        name=name,
        suite="memory",
        target=name,
        backends=(Backend("rtrl_bench", _available, _make),),
        episode_limit=options["delay"] + 1,
        limit_of=lambda given: int(given["delay"]) + 1,
        options=options,
        check=_check,
        source=source,
    )


TMAZE = _spec("tmaze", {"delay": 10, "distraction": 1.0, "noise": 0.1}, "after Bakker 2002")
DELAYED_MATCH = _spec("delayed_match", {"delay": 10, "distraction": 0.5, "symbols": 2}, "this project")
register(TMAZE)
register(DELAYED_MATCH)


class MemoryTask(BatchEnv):
    """B episodes of delay + 1 steps with two actions. A task adds what a slot draws and what it shows.

    Further keyword arguments are the options of its `described`, with the defaults there.

    One generator draws for the whole batch. With `stagger` (used in training) the slots begin spread over the length
    of an episode, so that every segment holds all its phases; their first episode lacks its beginning and cannot be
    solved. Otherwise all slots march in step, as episodes are equally long.
    """

    can_restore = True

    described: ClassVar[EnvSpec]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        stagger: bool = False,
        seed: int | None = None,
        split: str = "train",
        **options: Any,
    ):
        self.options = complete_options(self.described, options)
        self.delay: int = self.options["delay"]
        box = gymnasium.spaces.Box(-np.inf, np.inf, (self._features(),), np.float32)
        request = Request(num_envs, seed, split, self.options)
        super().__init__(self.described.name, BACKEND, request, box, 2, rules=self.options)
        self._stagger = stagger
        self._random = np.random.default_rng(0)
        self._slots: Arrays = {"clock": np.zeros(num_envs, np.int64)}  # every array: one entry per slot

    def _features(self) -> int:
        """D, the size of an observation."""
        raise TypeError(f"{type(self).__name__} must define _features")

    def _draw(self, count: int) -> Arrays:
        """What `count` new episodes hide: `answer` (the right action, 0 or 1) and whatever the task needs."""
        raise TypeError(f"{type(self).__name__} must define _draw")

    def _observe(self) -> np.ndarray:
        """Observations float32 (B, D) at the slots' clocks."""
        raise TypeError(f"{type(self).__name__} must define _observe")

    def _reset(self, seeds: np.random.SeedSequence) -> tuple[np.ndarray, dict[str, Any]]:
        self._random = np.random.default_rng(seeds)
        slots = np.arange(self.num_envs)
        clock = slots * (self.delay + 1) // self.num_envs if self._stagger else slots * 0
        self._slots = {"clock": clock, **self._draw(self.num_envs)}
        return self._observe(), {}

    def _step(self, actions: np.ndarray) -> StepResult:
        slots = self._slots
        ended = slots["clock"] == self.delay
        rewards = (ended & (actions == slots["answer"])).astype(np.float32)
        slots["clock"] += 1
        count = int(ended.sum())
        if count:
            slots["clock"][ended] = 0
            for key, values in self._draw(count).items():
                slots[key][ended] = values
        return self._observe(), rewards, ended, np.zeros_like(ended), {}

    def _identity(self) -> dict[str, Any]:
        """Without the package's version: a release must not end the runs that are under way."""
        return {**super()._identity(), "backend": BACKEND.split()[0]}

    def _save(self) -> Arrays:
        generator = json.dumps(self._random.bit_generator.state).encode()
        return {"generator": np.frombuffer(generator, np.uint8), **self._slots}

    def _load(self, arrays: Arrays) -> None:
        self._random.bit_generator.state = json.loads(arrays.pop("generator").tobytes())
        self._slots = arrays


class TMaze(MemoryTask):
    """A sign at the entrance of a corridor tells where to turn at its end; later signs are there to distract.

    Observation (6,): the sign (-1 left, 1 right, 0 none), 1 at the entrance, 1 at the junction, and three channels of
    noise of standard deviation `noise`. After the first step a random sign is shown with probability `distraction`.
    Actions at the junction: 0 left, 1 right. After Bakker 2002, without the walking.

    The distraction makes it a test of the gradient: without it the state of an untrained network still holds a trace
    of the sign ten steps later, which the readout alone learns to use.
    """

    described = TMAZE
    noise_channels: ClassVar[int] = 3

    def _features(self) -> int:
        return 3 + self.noise_channels

    def _draw(self, count: int) -> Arrays:
        return {"answer": self._random.integers(0, 2, count)}

    def _observe(self) -> np.ndarray:
        count, clock = self.num_envs, self._slots["clock"]
        entrance = clock == 0
        sign = np.where(entrance, self._slots["answer"], self._random.integers(0, 2, count))
        shown = self._random.random(count) < self.options["distraction"]
        noise = self._random.standard_normal((count, self.noise_channels), np.float32)
        observations = np.empty((count, self._features()), np.float32)
        observations[:, 0] = (2 * sign - 1) * (shown | entrance)
        observations[:, 1] = entrance
        observations[:, 2] = clock == self.delay
        observations[:, 3:] = np.float32(self.options["noise"]) * noise
        return observations


class DelayedMatch(MemoryTask):
    """Is the last symbol the same as the first? The symbols between them are distractors.

    Observation (symbols + 2,): the symbol, one-hot; 1 when it is the sample (first step); 1 when it is the probe
    (last step). In between a random symbol is shown with probability `distraction`, else none. The probe is the
    sample in half of the episodes, and any other symbol in the rest. Actions at the probe: 0 different, 1 same.
    """

    described = DELAYED_MATCH

    def _features(self) -> int:
        return int(self.options["symbols"]) + 2

    def _draw(self, count: int) -> Arrays:
        symbols = self.options["symbols"]
        sample = self._random.integers(0, symbols, count)
        same = self._random.integers(0, 2, count)
        other = (sample + self._random.integers(1, symbols, count)) % symbols
        return {"answer": same, "sample": sample, "probe": np.where(same, sample, other)}

    def _observe(self) -> np.ndarray:
        count, clock = self.num_envs, self._slots["clock"]
        first, last = clock == 0, clock == self.delay
        symbol = self._random.integers(0, self.options["symbols"], count)
        shown = self._random.random(count) < self.options["distraction"]
        symbol = np.where(first, self._slots["sample"], np.where(last, self._slots["probe"], symbol))
        observations = np.zeros((count, self._features()), np.float32)
        observations[np.arange(count), symbol] = shown | first | last
        observations[:, -2] = first
        observations[:, -1] = last
        return observations


class SingleTask(gymnasium.Env):
    """A batch of one as a plain Gymnasium environment."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (gymnasium's own type)
    task: ClassVar[type[MemoryTask]]

    def __init__(self, render_mode: None = None, **options: Any):
        self._batch = self.task(**complete_options(self.task.described, options))
        self.observation_space = self._batch.single_observation_space
        self.action_space = self._batch.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """The first observation (D,) of a new episode."""
        super().reset(seed=seed)
        observations, infos = self._batch.reset(seed=seed, options=options)
        return observations[0], infos

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step. After the last action there is nothing to see: that observation is zero."""
        observations, rewards, terminated, _, infos = self._batch.step(np.array([action]))
        return observations[0] * ~terminated, float(rewards[0]), bool(terminated[0]), False, infos


class SingleTMaze(SingleTask):
    """`TMaze` as a plain environment."""

    task = TMaze


class SingleDelayedMatch(SingleTask):
    """`DelayedMatch` as a plain environment."""

    task = DelayedMatch


TASKS: dict[str, type[MemoryTask]] = {task.described.name: task for task in (TMaze, DelayedMatch)}
