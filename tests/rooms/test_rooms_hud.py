"""What is written over the picture: numbers, signs, the held key, the ring of the first frames."""

from __future__ import annotations

import numpy as np
import pytest
from views import NONMATCHING, frames_of, slot_at

from rtrl_bench.rooms import hud, scenes

CLOSE = (490.0, 64.0, 0)  # 110 units from the first choice


def _hud(**fields):
    slot = slot_at(NONMATCHING, CLOSE, frame=fields.pop("frame", 100))
    for name, value in fields.items():
        slot[name] = value
    return frames_of(NONMATCHING, slot, scenes.scene(NONMATCHING)._replace(drums=np.zeros((0, 6), np.float32)))[0]


def _number(frame, row, end, ink):
    """The digits that are written in `ink` before column `end`, read against the sides of their three middle rows.

    As small as the engine's, 8 looks like 0 and 9 like 4: read as the first that fits.
    """
    written, text = (frame == ink).all(axis=-1), ""
    while (glyph := written[row : row + 3, end - 2 : end]).any():
        text = next(sign for sign, small in SMALL.items() if np.array_equal(small, glyph)) + text
        end -= 2
    return text


def _small(bits):
    return np.array([int(bit) for bit in f"{bits:015b}"]).reshape(5, 3)[1:4, ::2]


SMALL = {str(digit): _small(bits) for digit, bits in enumerate(hud.DIGITS.tolist())}
SMALL["-"] = np.array([[0, 0], [0, 1], [0, 0]])


def _alike(number):
    """The number as `_number` reads it."""
    return "".join(next(other for other in SMALL if np.array_equal(SMALL[other], SMALL[sign])) for sign in str(number))


def _rgb(pixel):
    return pixel & 255, pixel >> 8 & 255, pixel >> 16


@pytest.mark.parametrize(("frame", "seconds"), [(1, "12"), (60, "11"), (61, "11"), (719, "1"), (720, "0")])
def test_the_seconds_that_are_left_stand_at_the_top_right(frame, seconds):
    assert _number(_hud(frame=frame), 1, 96, _rgb(hud.INK)) == _alike(seconds)


@pytest.mark.parametrize("score", [0, 7, 66, -18])
def test_the_score_stands_at_the_lower_right(score):
    assert _number(_hud(score=score), 61, 95, _rgb(hud.PALE)) == _alike(score)


def test_a_dark_ring_is_seen_in_the_first_frames_of_an_episode_alone():
    dark = [(_hud(frame=frame)[58:] == _rgb(hud.RING)).all(axis=-1).sum() for frame in (0, 6, 7, 60)]
    assert dark[0] == dark[1] > 100
    assert dark[2] == dark[3] == 0


def test_without_hud_nothing_is_written():
    slot = slot_at(NONMATCHING, CLOSE)
    plain = frames_of(NONMATCHING, slot, scenes.scene(NONMATCHING, hud=False))[0]
    changed = (plain != frames_of(NONMATCHING, slot, scenes.scene(NONMATCHING))[0]).any(axis=-1)
    assert changed.sum() > 150
    assert not changed[10:57].any()
