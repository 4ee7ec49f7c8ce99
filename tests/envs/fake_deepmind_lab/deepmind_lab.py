"""A strict stand-in for DeepMind Lab's Python module: it refuses what the simulator refuses, and dies where that dies.

Its level is trivial and known exactly. An episode has $STAND_IN_FRAMES frames (10). Frame k = 1, 2, ... rewards k where
the action goes forward. The image (uint8, height x width x 3) has its row number in channel 0, its column number in
channel 1, and in channel 2 noise that differs with all that decides it: level, seed, mixer seed, frame, sum of the
actions, and whether this is the first episode of its environment. Levels with "keys_doors" compile a map per episode,
and pack it with `zip`, the program on PATH.

$STAND_IN_LOG, a folder: what each process was asked for, as a line of JSON per call. $STAND_IN_FIRE, what the action
"fire" does besides: "die", "raise", "hang", "compile" (for a minute, in a program of its own) or nothing.
$STAND_IN_FAILED_MAPS, how many maps, the first, each process fails to compile.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import zipfile
import zlib

import numpy as np

CRASH = 139  # the exit code of a segmentation fault
LEVELS = ("rooms_select_nonmatching_object", "rooms_watermaze", "rooms_keys_doors_puzzle")
OBSERVATIONS = ("RGB_INTERLEAVED", "RGB", "RGBD", "INSTR", "VEL.TRANS", "VEL.ROT")
CONFIG = ("width", "height", "fps", "logLevel", "mixerSeed", "allowHoldOutLevels")


class Lab:
    __slots__ = (
        *("_actions", "_cache", "_config", "_episodes", "_folder", "_frame", "_level", "_owned", "_seed"),
        *("_status", "_steps"),
    )

    def __init_subclass__(cls):
        raise TypeError("type 'deepmind_lab.Lab' is not an acceptable base type")

    def __init__(self, level, observations, config=None, renderer="software", level_cache=None, temp_folder=""):
        if not isinstance(level, str) or not isinstance(temp_folder, str):
            raise TypeError("level and temp_folder must be str")
        if not isinstance(observations, list):
            raise TypeError(f"argument 2 must be list, not {type(observations).__name__}")
        for name in observations:
            if name not in OBSERVATIONS:
                raise ValueError(f"Unknown observation '{name}'.")
        if renderer not in ("software", "hardware"):
            raise ValueError(f"Invalid renderer: {renderer}")
        self._config = {"width": "320", "height": "240", "mixerSeed": "0", **(config or {})}
        for key, value in self._config.items():
            if key not in CONFIG or not isinstance(value, str):
                raise RuntimeError(f"Failed to apply setting {key!r} = {value!r}.")
        if not self._config["mixerSeed"].isdecimal() or int(self._config["mixerSeed"]) >= 2**32:
            raise RuntimeError(f"Failed to apply setting 'mixerSeed' = {self._config['mixerSeed']!r}.")
        if level.removeprefix("contributed/dmlab30/") not in LEVELS:
            raise RuntimeError(f'Failed to init environment - "Level not found: {level}"')
        self._level, self._cache = level, level_cache
        # A folder that is given is used as it is, and left as it is; an own one lasts until close.
        self._owned = not temp_folder
        self._folder = temp_folder or tempfile.mkdtemp(prefix="dmlab_temp_folder_")
        os.mkdir(os.path.join(self._folder, "baselab"))  # fails in the folder of another simulator
        self._episodes, self._steps, self._status = 0, 0, "made"
        print("the simulator prints this")
        _log("Lab", level=level, observations=observations, config=config, renderer=renderer, temp_folder=temp_folder)

    def __reduce__(self):
        raise TypeError("cannot pickle 'deepmind_lab.Lab' object")

    def reset(self, episode=-1, seed=None):
        if self._status == "closed":
            os._exit(CRASH)
        if type(episode) is not int:
            raise TypeError(f"an integer is required (got type {type(episode).__name__})")
        if seed is not None and type(seed) is not int:
            raise ValueError("'seed' must be int or long, was " + type(seed).__name__)
        self._seed = (time.time_ns() if seed is None else seed) & 0xFFFFFFFF
        self._episodes += 1
        self._status = "made"
        if "keys_doors" in self._level:
            self._fail_to_compile()
        self._status, self._frame, self._steps, self._actions = "running", 0, 0, np.zeros(7, int)
        _log("reset", episode=episode, seed=seed)
        if "keys_doors" in self._level:
            self._map()
        return True

    def _fail_to_compile(self):
        global failures
        if failures < int(os.environ.get("STAND_IN_FAILED_MAPS", "0")):
            failures += 1
            _log("failure", seed=self._seed)
            raise RuntimeError("Failed to compile map:\nq3map2 exited with status 1")

    def _map(self):
        """Fetch the compiled map of this episode, or compile it and offer it to the cache."""
        key, path = f"{self._level}/maps:{self._seed}", os.path.join(self._folder, "map.pk3")
        source = os.path.join(self._folder, "map")
        try:
            if self._cache is None or not self._cache.fetch(key, path):
                _log("compile", key=key)
                with open(source, "w") as file:
                    file.write(key)
                subprocess.run(["zip", path, source], check=True)
                os.unlink(source)
                if self._cache is not None:
                    self._cache.write(key, path)
            with zipfile.ZipFile(path) as packed:
                assert packed.read("map") == key.encode()
            os.unlink(path)
        except BaseException:
            os._exit(CRASH)

    def num_steps(self):
        return self._steps

    def is_running(self):
        return self._status == "running"

    def step(self, action, num_steps=1):
        if not isinstance(action, np.ndarray) or action.dtype != np.intc or action.shape != (7,):
            raise ValueError("action: expected an array of 7 C integers")
        if not action.flags.c_contiguous:  # the simulator takes other numbers than these
            raise ValueError("action: not contiguous")
        self._check("step()")
        _log("step", action=action.tolist(), num_steps=num_steps)
        if action[4]:
            _fire(os.environ.get("STAND_IN_FIRE"))
        self._steps += num_steps  # requested ones, whether the episode lasts or not
        reward = 0.0
        for _ in range(num_steps):
            if self._status != "running":
                break
            self._frame += 1
            self._actions += action
            reward += self._frame * float(action[3] > 0)
            if self._frame == int(os.environ.get("STAND_IN_FRAMES", "10")):
                self._status = "over"
        return reward

    def observations(self):
        self._check("observations()")
        height, width = int(self._config["height"]), int(self._config["width"])
        image = np.zeros((height, width, 3), np.uint8)
        image[:, :, 0] = np.arange(height)[:, None]
        image[:, :, 1] = np.arange(width)
        noise = np.random.default_rng(zlib.crc32(repr(self._decides()).encode()))
        image[:, :, 2] = noise.integers(0, 256, (height, width))
        return {"RGB_INTERLEAVED": image}

    def _decides(self):
        mixer = self._config["mixerSeed"]
        return self._level, self._seed, mixer, self._frame, self._actions.tolist(), self._episodes == 1

    def action_spec(self):
        if self._status == "closed":
            os._exit(CRASH)
        return [{"name": f"ACTION_{k}", "min": -512, "max": 512} for k in range(7)]

    def close(self):
        if self._owned:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._status = "closed"
        _log("close")

    def _check(self, call):
        if self._status != "running":
            raise RuntimeError(f"Environment in wrong status for call to {call}")


failures = 0  # of this process to compile a map


def _fire(what):
    if what == "die":
        os._exit(CRASH)
    if what == "raise":
        raise RuntimeError("the engine\nis on fire")
    if what == "hang":
        time.sleep(60)
    if what == "compile":
        with subprocess.Popen(["sleep", "60"]) as compiler:
            _log("compiler", pid=compiler.pid)


def _log(call, **arguments):
    if "STAND_IN_LOG" in os.environ:
        with open(os.path.join(os.environ["STAND_IN_LOG"], f"{os.getpid()}.jsonl"), "a") as file:
            file.write(json.dumps({"call": call, **arguments}) + "\n")
