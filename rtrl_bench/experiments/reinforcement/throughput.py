"""Where an update's time goes, RTRL beside TBPTT in the whole loop, and acting beside learning.

All that the process may use of the cores is used. Figures are medians of repeats in one process; ratios mean more than
rates. Reading the clock waits for a GPU's work. The floor of an update is the time of its vision stem alone: forward
for acting, forward and backward for learning.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from rtrl_bench.experiments.reinforcement.actor import Actor
from rtrl_bench.experiments.reinforcement.config import RunConfig, from_dict
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.runs.process import own_threads
from rtrl_bench.runs.timing import calls_per_s, time_when_done
from rtrl_bench.system.machine import usable_cores

REPEATS = 5
_LAPTOP = {"vision": "nature", "features": 128, "hidden": 128}
_PAPER = {"vision": "impala", "features": 256, "hidden": 256, "unroll": 50}
FROZEN = {"pretrained": {"run": "any"}}  # random parameters are as fast as trained ones
_WATERMAZE = {**_LAPTOP, "environment": "rooms_watermaze", "batch": 8, "unroll": 100}
SETTINGS: dict[str, Mapping[str, Any]] = {
    "laptop: frozen stem": {**_WATERMAZE, **FROZEN},
    "laptop: stem pooled": {**_WATERMAZE, "vision": "pooled"},
    "laptop: stem colours": {**_WATERMAZE, "vision": "colours"},
    "laptop: DMLab": {**_WATERMAZE, "environment": "rooms_keys_doors_puzzle"},
    "laptop: Atari": {**_LAPTOP, "environment": "breakout", "batch": 8, "unroll": 50},
    "laptop: ProcGen": {**_LAPTOP, "environment": "chaser", "unroll": 50},
    "laptop: memory": {"vision": "flat", "hidden": 64, "environment": "tmaze", "unroll": 5},
    "overnight: frozen stem": {
        **FROZEN,
        "vision": "pooled",
        "features": 256,
        "hidden": 256,
        "environment": "rooms_select_nonmatching_object",
        "unroll": 10,
    },
    "paper: frozen stem": {**_PAPER, **FROZEN, "hidden": 512, "environment": "rooms_watermaze"},
    "paper: DMLab": {**_PAPER, "hidden": 512, "environment": "rooms_keys_doors_puzzle"},
    "paper: Atari": {**_PAPER, "environment": "breakout"},
    "paper: ProcGen": {**_PAPER, "environment": "chaser"},
}
PARTS = {
    "env": "simulator",
    "act.stem": "stem, acting",
    "act.core": "core, acting",
    "learn.stem": "stem, learning",
    "learn.core": "core, learning",
    "optimiser": "optimiser",
    "rest": "all else",
}


def settings(name: str, **changes: Any) -> RunConfig:
    """A configuration of SETTINGS, with all cores, for as long as one wants; on the CPU if not told otherwise."""
    return from_dict({**SETTINGS[name], "env_steps": 10**12, "device": "cpu", **changes})


class Clock:
    """Seconds of each of PARTS while a Training runs, acting and learning in turn.

    If one part calls another, the time is the inner one's. In a replayed graph of acting the policy counts to the core.
    """

    def __init__(self, training: Training):
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._device = training.device
        self._part, self._since = "rest", time_when_done(self._device)
        self._patches = ExitStack()
        network, learner = training.network, training.learner
        actor = _only_actor(training)
        self._cover(training.env, "step", lambda: "env")
        self._cover(actor.stem, "run", lambda: "act.stem")
        self._cover(actor.decide, "run", lambda: "act.core" if actor.mode == "graph" else "rest")
        self._cover(network.vision, "forward", lambda: "learn.stem" if torch.is_grad_enabled() else "act.stem")
        self._cover(network.core, "step", lambda: "act.core")
        self._cover(network.core, "forward", lambda: "learn.core", self._follow_backward)
        self._cover(torch.nn.utils, "clip_grad_norm_", lambda: "optimiser")
        self._cover(learner.optimiser, "step", lambda: "optimiser")
        self._cover(learner.optimiser, "largest", lambda: "optimiser")
        self._cover(learner, "update", lambda: "rest")

    def close(self) -> None:
        """Let the training run as it did before."""
        self._patches.close()

    def switch(self, part: str) -> str:
        """From now on it is `part`; returns which it was."""
        now = time_when_done(self._device)
        self.seconds[self._part] += now - self._since
        before, self._part, self._since = self._part, part, now
        return before

    def _cover(
        self, target: Any, name: str, part: Callable[[], str], seen: Callable[[Any, Any], None] | None = None
    ) -> None:
        original = getattr(target, name)

        def timed(*arguments: Any) -> Any:
            before = self.switch(part())
            try:
                result = original(*arguments)
            finally:
                self.switch(before)
            if seen is not None:
                seen(arguments, result)
            return result

        self._patches.enter_context(mock.patch.object(target, name, timed))

    def _follow_backward(self, arguments: tuple[Tensor, ...], result: tuple[Tensor, Any]) -> None:
        """Backwards the core begins with its output's gradient, and the stem with that of the core's input."""
        for tensor, part in ((result[0], "learn.core"), (arguments[0], "learn.stem")):
            if tensor.requires_grad:
                tensor.register_hook(partial(self._backward_in, part))

    def _backward_in(self, part: str, _: Tensor) -> None:
        self.switch(part)


def _only_actor(training: Training) -> Actor:
    if not isinstance(training.actor, Actor):
        raise ValueError(
            "deterministic = false: parts can be timed only while acting and learning take turns; set it to true"
        )
    return training.actor


def profile(config: RunConfig, updates: int, device: torch.device) -> dict[str, float]:
    """Median seconds of an update by part, over `updates` after a first one; acting and learning in turn."""
    training, rows = Training(config, device), []
    try:
        training.update()
        clock = Clock(training)
        for _ in range(updates):
            clock.switch("rest")
            clock.seconds.clear()
            training.update()
            clock.switch("rest")
            rows.append(dict(clock.seconds))
        clock.close()
    finally:
        training.close()
    return {part: statistics.median(row.get(part, 0.0) for row in rows) for part in PARTS}


def floor_seconds(config: RunConfig, updates: int, device: torch.device) -> float:
    """Median seconds of an update's vision stem if nothing else were done: the least that `profile`'s sum can be.

    For acting it runs as in acting: on a GPU as a replayed graph.
    """
    training = Training(config, device)
    try:
        network, actor = training.network, _only_actor(training)
        seen = torch.from_numpy(actor.observation).to(device)
        segment = seen.expand(config.unroll, *seen.shape).flatten(0, 1).clone()
        times = []
        for _ in range(updates + 1):
            began = time_when_done(device)
            with torch.no_grad():
                for _ in range(config.unroll + 1):  # one more for the bootstrap
                    actor.stem.run(seen)
            if any(p.requires_grad for p in network.vision.parameters()):
                network.see(segment).sum().backward()
            times.append(time_when_done(device) - began)
    finally:
        training.close()
    return statistics.median(times[1:])


def rates(configs: Mapping[str, RunConfig], seconds: float, device: torch.device) -> dict[str, float]:
    """Median env steps per second of each, REPEATS alternating stretches of about `seconds`."""
    with own_threads():
        runs = {name: _Run(config, device) for name, config in configs.items()}
        try:
            found = [{name: run.stretch(seconds) for name, run in runs.items()} for _ in range(REPEATS + 1)]
        finally:
            for run in runs.values():
                run.training.close()
    return {name: statistics.median(stretch[name] for stretch in found[1:]) for name in runs}


class _Run:
    """A training and the number of torch's threads that are its own."""

    def __init__(self, config: RunConfig, device: torch.device):
        torch.set_num_threads(config.threads or usable_cores())
        self.training = Training(config, device)
        self.threads = torch.get_num_threads()

    def stretch(self, seconds: float) -> float:
        """Train for about so long; env steps per second."""
        torch.set_num_threads(self.threads)
        training = self.training
        return training.per_update * calls_per_s(training.update, seconds, training.device)
