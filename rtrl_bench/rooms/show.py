"""Pictures and films of what an agent sees in a level, for people."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from rtrl_bench.errors import ConfigError, UnknownName, one_of
from rtrl_bench.rooms.players import ORACLES
from rtrl_bench.rooms.simulator import Simulator
from rtrl_bench.system.files import check_output

SHEET_STEPS = 5  # from one frame of a sheet to the next
STEPS_PER_SECOND = 15  # of 60 frames a second, four to a step
SCALES = {".png": 3, ".gif": 4, ".mp4": 4}  # pixels drawn per pixel seen
SHEET_COLUMNS = 6
GAP, GAP_COLOUR = 2, 255  # between the frames of a sheet, in its pixels


class Player(NamedTuple):
    """Who plays a level, and what it is to see there.

    choose: from the slots' records, what they see, last rewards and episode starts to actions, all (1, ...). hud: it
    sees the signs on the screen.
    """

    choose: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    hud: bool = True


def show(level: str, frames: int, seed: int, player: Player | None, out: Path, scale: int | None = None) -> None:
    """Write what the player sees: a sheet (.png) or a film (.gif, .mp4). ConfigError or UnknownName before any work.

    player: None for the level's oracle. scale: pixels drawn per pixel seen; None for that of SCALES.
    """
    if out.suffix not in SCALES:
        raise ConfigError(f"--out {out}: expected a name that ends in {', '.join(SCALES)}")
    scale = SCALES[out.suffix] if scale is None else scale
    check_output(out)
    if level not in ORACLES:
        raise UnknownName(f"unknown level {level!r}: {one_of(level, ORACLES)}")
    player = oracle(level) if player is None else player
    if out.suffix == ".png":
        write_image(out, contact_sheet(level, frames, seed, player, scale))
    else:
        write_film(out, walk(level, frames, seed, player), scale)


def oracle(level: str) -> Player:
    """The level's player that knows everything."""
    choose = ORACLES[level]()
    return Player(lambda slots, observation, reward, start: np.array([choose(slots[0])]))


def walk(level: str, steps: int, seed: int, player: Player) -> np.ndarray:
    """What `player` sees in its first `steps` steps, uint8 (steps, 72, 96, 3)."""
    simulator = Simulator(level, 1, hud=player.hud)
    observation = simulator.reset(np.array([seed], np.uint64))
    reward, start = np.zeros(1, np.float32), np.ones(1, bool)
    frames = [observation[0]]
    while len(frames) < steps:
        observation, reward, start = simulator.step(player.choose(simulator.slots, observation, reward, start))
        frames.append(observation[0])
    return np.stack(frames).transpose(0, 2, 3, 1)


def contact_sheet(level: str, frames: int, seed: int, player: Player, scale: int = SCALES[".png"]) -> np.ndarray:
    """A grid of `frames` frames of a walk, row by row, enlarged: uint8 (height, width, 3)."""
    shown = _enlarged(walk(level, frames * SHEET_STEPS, seed, player)[::SHEET_STEPS], scale)
    columns = min(frames, SHEET_COLUMNS)
    rows = math.ceil(frames / columns)
    padded = np.pad(shown, ((0, rows * columns - frames), (0, GAP), (0, GAP), (0, 0)), constant_values=GAP_COLOUR)
    grid = padded.reshape(rows, columns, *padded.shape[1:]).swapaxes(1, 2)
    return grid.reshape(rows * padded.shape[1], columns * padded.shape[2], 3)[:-GAP, :-GAP]


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write uint8 (height, width, 3) in the format that the path's ending names."""
    Image.fromarray(image).save(path)


def write_film(path: Path, frames: np.ndarray, scale: int = SCALES[".gif"]) -> None:
    """Write uint8 (frame, height, width, 3), one agent step each, in real time: .gif or .mp4."""
    FILM_WRITERS[path.suffix](path, _enlarged(frames, scale))


def _write_gif(path: Path, frames: np.ndarray) -> None:
    # The format counts in hundredths of a second
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=10 * round(100 / STEPS_PER_SECOND), loop=0)


def _write_mp4(path: Path, frames: np.ndarray) -> None:
    height, width = frames.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), STEPS_PER_SECOND, (width, height))
    if not writer.isOpened():
        raise ConfigError(f"film {path}: OpenCV cannot write it; check the folder, or write a .gif")
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


FILM_WRITERS = {".gif": _write_gif, ".mp4": _write_mp4}


def _enlarged(frames: np.ndarray, scale: int) -> np.ndarray:
    return frames.repeat(scale, axis=1).repeat(scale, axis=2)
