"""Sheets and films of what an agent sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import small_runs
from PIL import Image

from rtrl_bench.cli import main
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments import execute as train
from rtrl_bench.experiments import kind_of
from rtrl_bench.rooms import show
from rtrl_bench.rooms.simulator import Simulator
from rtrl_bench.runs.settings import replace

LEVEL = "rooms_select_nonmatching_object"


def _walk(steps, seed):
    return show.walk(LEVEL, steps, seed, show.oracle(LEVEL))


def test_a_sheet_shows_every_fifth_frame_of_the_walk_row_by_row():
    sheet, walk = show.contact_sheet(LEVEL, 8, 3, show.oracle(LEVEL)), _walk(40, seed=3)
    assert walk.shape == (40, 72, 96, 3)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * 218 - 2, 6 * 290 - 2, 3)
    assert np.array_equal(sheet[1:216:3, 1:288:3], walk[0])
    assert np.array_equal(sheet[219 : 218 + 216 : 3, 291 : 290 + 288 : 3], walk[35])
    assert (sheet[218:, 2 * 290 :] == 255).all()  # no ninth frame


def test_a_walk_is_reproducible_and_moves():
    first, again, other = (_walk(30, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert all(not np.array_equal(a, b) for a, b in zip(first[::6], first[6::6]))


def test_a_player_of_levels_without_signs_is_shown_none():
    player = show.oracle(LEVEL)
    plain, signed = (show.walk(LEVEL, 2, 1, player._replace(hud=hud)) for hud in (False, True))
    simulator = Simulator(LEVEL, 1, hud=False)
    assert np.array_equal(plain[0], simulator.reset(np.array([1], np.uint64))[0].transpose(1, 2, 0))
    assert not np.array_equal(plain[0], signed[0])


@pytest.mark.parametrize("options", [{"hud": False}, {}])
def test_an_agent_is_shown_the_signs_that_it_was_trained_with(tmp_path, options):
    settings = replace(small_runs.game(LEVEL, env_steps=20), environment_options=options)
    train(settings, tmp_path / "run")
    player = kind_of(settings).player(settings, tmp_path / "run")
    assert player.hud == options.get("hud", True)
    assert show.walk(LEVEL, 2, 1, player).shape == (2, 72, 96, 3)


def test_an_image_is_read_back_as_it_was_written(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    show.write_image(tmp_path / "image.png", image)
    assert np.array_equal(np.array(Image.open(tmp_path / "image.png")), image)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_holds_all_frames_enlarged_in_real_time(tmp_path, ending):
    frames = np.zeros((6, 72, 96, 3), np.uint8)
    frames[..., 0] = 40 * np.arange(1, 7)[:, None, None]  # red
    path = tmp_path / f"film.{ending}"
    show.write_film(path, frames)
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
        show.write_film(tmp_path / "missing" / "film.mp4", np.zeros((1, 72, 96, 3), np.uint8))


def test_the_command_writes_a_sheet_and_refuses_what_it_cannot_do(tmp_path, capsys):
    words = ["show", LEVEL, "--frames", "4", "--out"]
    assert main([*words, str(tmp_path / "sheet.png")]) == 0
    assert Image.open(tmp_path / "sheet.png").size == (4 * 290 - 2, 216)
    assert main([*words, str(tmp_path / "sheet.txt")]) == 2
    assert "expected a name that ends in .png, .gif, .mp4" in capsys.readouterr().err
    assert main(["show", "breakout", "--out", "a.png"]) == 2
    assert "unknown level 'breakout': expected one of rooms_select" in capsys.readouterr().err
    for out in (tmp_path / "missing/a.png", tmp_path / "missing/a.mp4"):
        assert main([*words, str(out)]) == 2
        assert f"--out {out}: expected a file in a folder that exists" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "a.png"), "--agent", str(tmp_path)]) == 2
    assert "config.yaml: cannot be read" in capsys.readouterr().err


def test_an_agent_of_another_kind_of_environment_is_refused(tmp_path, capsys):
    train(small_runs.config(), tmp_path / "run")
    assert main(["show", LEVEL, "--agent", str(tmp_path / "run"), "--out", str(tmp_path / "a.png")]) == 2
    assert "it was trained on tmaze, with observations of shape (6,) and 2 actions" in capsys.readouterr().err
