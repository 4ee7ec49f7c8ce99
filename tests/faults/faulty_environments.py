"""The Gymnasium environment Faulty-v0: sound until a test sets FAULT, then that happens in each copy's step BAD_STEP.

Training of 100 steps a slot stays within its first episode, so that with BAD_STEP = 120 only the evaluation gets there.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import gymnasium
import numpy as np
from gymnasium import spaces
from small_runs import config

FAULT: str | None = None
BAD_STEP = 30
EPISODE = 150
GARBAGE = {
    "a reward that is not a number": (np.zeros(3), float("nan")),
    "an infinite reward": (np.zeros(3), float("inf")),
    "no reward": (np.zeros(3), None),
    "an observation that is not a number": (np.array([0.0, np.nan, 0.0]), 0.0),
    "an observation of another shape": (np.zeros(4), 0.0),
    "an observation that is text": ("nothing", 0.0),
}


class Faulty(gymnasium.Env):
    """Reward 1 for action 1; observations tell nothing."""

    observation_space = spaces.Box(-1, 1, (3,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self):
        if FAULT == "its constructor exits":
            sys.exit(0)

    def close(self):
        if FAULT == "its end exits":
            sys.exit(0)

    def reset(self, *, seed=None, options=None):
        if FAULT == "its reset exits":
            sys.exit(0)
        self._steps = 0
        return np.zeros(3), {}

    def step(self, action):
        self._steps += 1
        seen, reward = np.zeros(3), float(action)
        if FAULT is not None and self._steps == BAD_STEP:
            seen, reward = GARBAGE[FAULT] if FAULT in GARBAGE else misbehave()
        return seen, reward, self._steps == EPISODE, False, {}


def misbehave():
    if FAULT == "it raises":
        raise OSError("the licence server is gone")
    if FAULT == "it crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if FAULT == "it hangs":
        time.sleep(3600)
    if FAULT == "it exits":
        sys.exit(0)
    if FAULT == "it interrupts":
        raise KeyboardInterrupt
    if FAULT == "it changes the working directory":
        os.chdir("/")
    if FAULT == "it prints":
        print("from Python", flush=True)
        os.write(1, b"from C\n")
    return np.zeros(3), 0.0


def break_with(fault: str, limit_s: float | None = None) -> None:
    """Before a process begins: what shall happen in it, and the limit of its watchdog."""
    global FAULT
    FAULT = fault
    if limit_s is not None:
        from rtrl_bench.experiments.reinforcement import watchdog

        watchdog.LIMIT_S = limit_s


def settings():
    """A run of 20 updates on it, with a checkpoint after each."""
    return config(
        environment="gymnasium:faulty_environments:Faulty-v0",
        environment_options={},
        checkpoint_minutes=1e-9,
        evaluation={"sets": 1, "episodes": 2},
    )


gymnasium.register("Faulty-v0", Faulty)
