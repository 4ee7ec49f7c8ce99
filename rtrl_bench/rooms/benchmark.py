"""Speed and memory of the embedded levels: each measured in a process of its own, on one core."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from rtrl_bench.rooms import compiled
from rtrl_bench.system.machine import peak_resident_bytes

SLOTS, STEPS, REPEATS = 48, 60, 9
# Of the 11 to 12 s of first use numba's own Python takes most, for 85 functions (with NUMBA_OPT=0: 9 to 10 s)
REQUIRED = (
    "required: 15,000 steps/s in all three (4 frames of physics, of which 2 are drawn); first use <= 15 s, <= 1 s with "
    "kernels on disk; <= 300 MB"
)


def speed_and_memory(level: str) -> dict[str, Any]:
    """Frames per second, peak memory, seconds to the first frames: compiling (`first_use_s`), not (`again_s`)."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = _apart(level, folder), _apart(level, folder)
    return {**warm, "first_use_s": cold["first_use_s"], "again_s": warm["first_use_s"]}


def measure(level: str) -> dict[str, float]:
    """Median speed over repeats of random play; seconds from nothing to the first two frames, compiling included."""
    began = time.perf_counter()
    from rtrl_bench.rooms.environments import RoomsVectorEnv  # compiles: not before the folder for kernels is known

    env = RoomsVectorEnv(level, SLOTS)
    env.reset(seed=0)
    env.step(np.zeros(SLOTS, np.int64))
    first_use_s = time.perf_counter() - began
    random = np.random.default_rng(0)
    actions = random.integers(0, 9, (STEPS, SLOTS))
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for action in actions:
            env.step(action)
        seconds.append(time.perf_counter() - began)
    env.close()
    return {
        "first_use_s": first_use_s,
        "frames_per_s": STEPS * SLOTS / float(np.median(seconds)),
        "peak_bytes": peak_resident_bytes(),
    }


def _apart(level: str, kernels: str) -> dict[str, Any]:
    words = [sys.executable, "-m", "rtrl_bench.rooms.benchmark", level, kernels]
    return json.loads(subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stdout)


if __name__ == "__main__":
    compiled.cache_folder = lambda: sys.argv[2]  # type: ignore[assignment]
    print(json.dumps(measure(sys.argv[1])))
