"""One DeepMind Lab environment in a process of its own: the simulator holds Python's lock while it steps.

`python -m rtrl_bench.envs.dmlab_worker PIPE FRAMES SLOT SETTINGS`, started by `dmlab_pool.py`: two inherited file
descriptors, the slot whose frame of the shared memory is written, and the keywords of `Simulator` as JSON. The process
ends when nobody is at the other end of the pipe any more.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import sys
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from rtrl_bench.envs.dmlab_cache import LevelCache
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, ACTIONS, IMAGE_SHAPE
from rtrl_bench.system.foreign import in_words
from rtrl_bench.system.output import say

OBSERVATION = "RGB_INTERLEAVED"
PAUSES_S = (1.0, 4.0, 16.0)  # before another try to begin an episode: a long run compiles some 100 000 maps


def new_lab(level: str, config: dict[str, str], cache: LevelCache | None, temp_folder: str) -> Any:
    """A `deepmind_lab.Lab` of the level, with images of the paper's size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every import of it warns of setuptools
        import deepmind_lab
    _, height, width = IMAGE_SHAPE
    return deepmind_lab.Lab(
        level,
        [OBSERVATION],
        {"width": str(width), "height": str(height), "logLevel": "WARN", **config},
        renderer="software",
        level_cache=cache,
        temp_folder=temp_folder,
    )


class Simulator:
    """A level that starts its next episode by itself; `frame` always holds the current image, uint8 (3, 72, 96)."""

    def __init__(self, frame: np.ndarray, level: str, config: dict[str, str], temp_folder: str, cache: str | None):
        self._frame = frame
        self._owner = os.getppid()
        # The simulator reads the memory and ignores strides: other integers or a column of a table run other actions.
        self._actions = [np.array(action, np.intc) for action in ACTIONS.values()]
        self._lab = new_lab(level, config, LevelCache(Path(cache)) if cache else None, temp_folder)
        # A simulator's first episode differs slightly from later ones of the same seed; those are alike bit for bit.
        self._start(0)

    def reset(self, seeds: np.random.SeedSequence) -> None:
        """Begin the first of the episodes that `seeds` stands for."""
        self._episodes = np.random.default_rng(seeds)
        self._begin()

    def step(self, action: int) -> tuple[float, bool]:
        """The reward of `ACTION_REPEAT` frames of an action, and whether the episode ended in them.

        The image is the maximum over the last two of the frames, as in the paper's code. The simulator draws a frame
        only when it is asked for, so that the first two cost no drawing. The reward counts to the end. The last image
        of an episode cannot be had (and is not missed): the next episode's is there.
        """
        integers = self._actions[action]
        reward = self._lab.step(integers, num_steps=ACTION_REPEAT - 1)
        if self._lab.is_running():
            last_but_one = self._image()
            reward += self._lab.step(integers)
        ended = not self._lab.is_running()
        if ended:
            self._begin()
        else:
            np.maximum(last_but_one, self._image(), out=self._frame)
        return float(reward), ended

    def close(self) -> None:
        """End the simulator. Any further call would end the process."""
        self._lab.close()

    def _begin(self) -> None:
        self._start(int(self._episodes.integers(2**31)))  # a Python int: the simulator wants no NumPy integer
        self._frame[...] = self._image()

    def _start(self, seed: int) -> None:
        """Begin the episode of this seed. A map's compiler may fail on a busy machine; the same again then works."""
        for pause_s in (*PAUSES_S, None):
            try:
                self._lab.reset(seed=seed)  # by keyword: the first positional is another thing
                return
            except Exception as error:
                if pause_s is None or os.getppid() != self._owner:  # nobody waits for it any more
                    raise
                say(f"warning: DeepMind Lab cannot begin an episode, trying again in {pause_s:g} s: {in_words(error)}")
                time.sleep(pause_s)

    def _image(self) -> np.ndarray:
        image: np.ndarray = self._lab.observations()[OBSERVATION]
        return image.transpose(2, 0, 1)


def serve(pipe: Connection, frame: np.ndarray, settings: dict[str, Any]) -> None:
    """Make a simulator and answer (method, argument) with (None, result), or with (what went wrong, None) at the end.

    The first answer comes unasked, when the simulator is ready.
    """
    simulator = None
    try:
        simulator = Simulator(frame, **settings)
        method, argument = _exchange(pipe, None)
        while True:
            method, argument = _exchange(pipe, getattr(simulator, method)(argument))
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send((in_words(error), None))
    finally:
        if simulator is not None:
            simulator.close()


def _exchange(pipe: Connection, answer: Any) -> tuple[str, Any]:
    """Send an answer and wait for the next request; SystemExit where nobody asks any more."""
    try:
        pipe.send((None, answer))
        return pipe.recv()
    except (EOFError, OSError):
        sys.exit()


def main() -> None:
    """Serve the pipe that the command line names."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group: it is for the owner to end in good order
        signal.signal(signum, signal.SIG_IGN)
    pipe, memory, slot, settings = sys.argv[1:]
    frames = np.frombuffer(mmap.mmap(int(memory), 0), np.uint8).reshape(-1, *IMAGE_SHAPE)
    serve(Connection(int(pipe)), frames[int(slot)], json.loads(settings))


if __name__ == "__main__":
    main()
