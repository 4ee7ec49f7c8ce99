"""Sheets and films of what is seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from rtrl_bench.errors import ConfigError
from rtrl_bench.system import pictures


def seen(steps):
    return np.random.default_rng(0).integers(0, 256, (steps, 72, 96, 3), np.uint8)


def test_a_sheet_shows_the_frames_row_by_row():
    frames = seen(8)
    sheet = pictures.contact_sheet(frames)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * 218 - 2, 6 * 290 - 2, 3)
    assert np.array_equal(sheet[1:216:3, 1:288:3], frames[0])
    assert np.array_equal(sheet[219 : 218 + 216 : 3, 291 : 290 + 288 : 3], frames[7])
    assert (sheet[218:, 2 * 290 :] == 255).all()  # no ninth frame


def test_a_sheet_is_of_every_fifth_step_and_a_film_of_every_step(tmp_path):
    asked = []
    for name in ("sheet.png", "film.gif"):
        pictures.show(lambda steps: asked.append(steps) or seen(steps), 3, tmp_path / name, scale=1)
    assert asked == [15, 3]
    assert np.array_equal(np.array(Image.open(tmp_path / "sheet.png"))[:72, 98:194], seen(15)[5])


def test_an_image_is_read_back_as_it_was_written(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    pictures.write_image(tmp_path / "image.png", image)
    assert np.array_equal(np.array(Image.open(tmp_path / "image.png")), image)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_holds_all_frames_enlarged_in_real_time(tmp_path, ending):
    frames = np.zeros((6, 72, 96, 3), np.uint8)
    frames[..., 0] = 40 * np.arange(1, 7)[:, None, None]  # red
    path = tmp_path / f"film.{ending}"
    pictures.write_film(path, frames)
    film = cv2.VideoCapture(str(path))
    read = []
    while (found := film.read())[0]:
        read.append(found[1])
    assert len(read) == 6
    assert abs(film.get(cv2.CAP_PROP_FPS) - 15) < 1
    for shown, frame in zip(read, frames):
        assert shown.shape == (288, 384, 3)
        assert np.abs(shown[..., ::-1].mean(axis=(0, 1)) - frame[0, 0]).max() < 12


def test_a_film_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"OpenCV cannot write it"):
        pictures.write_film(tmp_path / "missing" / "film.mp4", np.zeros((1, 72, 96, 3), np.uint8))
