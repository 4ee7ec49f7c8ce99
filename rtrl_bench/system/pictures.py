"""Pictures and films of what is seen step by step, for people."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from rtrl_bench.errors import ConfigError
from rtrl_bench.system.files import check_output

SHEET_STEPS = 5  # from one frame of a sheet to the next
STEPS_PER_SECOND = 15  # of DMLab's and Atari's 60 frames a second, four to a step
SCALES = {".png": 3, ".gif": 4, ".mp4": 4}  # pixels drawn per pixel seen
SHEET_COLUMNS = 6
GAP, GAP_COLOUR = 2, 255  # between the frames of a sheet, in its pixels


def show(see: Callable[[int], np.ndarray], frames: int, out: Path, scale: int | None = None) -> None:
    """Write a sheet (.png) of `frames` frames or a film (.gif, .mp4) of as many steps. ConfigError before any work.

    see: from a number of steps to what is seen in them, uint8 (steps, height, width, 3). scale: pixels drawn per pixel
    seen; None for that of SCALES.
    """
    if out.suffix not in SCALES:
        raise ConfigError(f"--out {out}: expected a name that ends in {', '.join(SCALES)}")
    scale = SCALES[out.suffix] if scale is None else scale
    check_output(out)
    if out.suffix == ".png":
        write_image(out, contact_sheet(see(frames * SHEET_STEPS)[::SHEET_STEPS], scale))
    else:
        write_film(out, see(frames), scale)


def contact_sheet(frames: np.ndarray, scale: int = SCALES[".png"]) -> np.ndarray:
    """A grid of frames (n, height, width, 3), row by row, enlarged: uint8 (height, width, 3)."""
    shown = _enlarged(frames, scale)
    columns = min(len(frames), SHEET_COLUMNS)
    rows = math.ceil(len(frames) / columns)
    padded = np.pad(shown, ((0, rows * columns - len(frames)), (0, GAP), (0, GAP), (0, 0)), constant_values=GAP_COLOUR)
    grid = padded.reshape(rows, columns, *padded.shape[1:]).swapaxes(1, 2)
    return grid.reshape(rows * padded.shape[1], columns * padded.shape[2], 3)[:-GAP, :-GAP]


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write uint8 (height, width, 3) in the format that the path's ending names."""
    Image.fromarray(image).save(path)


def write_film(path: Path, frames: np.ndarray, scale: int = SCALES[".gif"]) -> None:
    """Write uint8 (frame, height, width, 3), one agent step each, STEPS_PER_SECOND: .gif or .mp4."""
    FILM_WRITERS[path.suffix](path, _enlarged(frames, scale))


def _write_gif(path: Path, frames: np.ndarray) -> None:
    # The format counts in hundredths of a second
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=10 * round(100 / STEPS_PER_SECOND), loop=0)


def _write_mp4(path: Path, frames: np.ndarray) -> None:
    try:
        import cv2  # large, and in few extras
    except ModuleNotFoundError as error:
        raise ConfigError(f"film {path}: needs opencv-python-headless; install it, or write a .gif") from error
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
