"""What a trained agent sees as it plays: in every environment of images."""

from __future__ import annotations

import numpy as np
import pytest
import small_runs
from marks import needs_procgen

from rtrl_bench.cli import main
from rtrl_bench.envs import registry
from rtrl_bench.experiments import execute, kind_of
from rtrl_bench.runs.settings import replace

LEVEL = "rooms_select_nonmatching_object"


def first_observation(settings, seed):
    env = registry.make(
        settings.environment, 1, seed=seed, split="test", options=settings.environment_options, threads=1
    )
    observation, _ = env.reset(seed=seed)
    env.close()
    return observation[0]


def seen(settings, folder, seed=3, steps=4):
    execute(settings, folder)
    return kind_of(settings).seen(settings, folder, seed, steps)


@pytest.mark.parametrize("options", [{"hud": False}, {}])
def test_it_is_shown_with_the_options_it_was_trained_with(tmp_path, options):
    settings = replace(small_runs.game(LEVEL, env_steps=20), environment_options=options)
    frames = seen(settings, tmp_path / "run")
    assert frames.shape == (4, 72, 96, 3)
    assert np.array_equal(frames[0], first_observation(settings, 3).transpose(1, 2, 0))


@needs_procgen
def test_a_procgen_agent_is_shown_in_its_game(tmp_path):
    settings = small_runs.game("chaser", env_steps=20)
    frames = seen(settings, tmp_path / "run")
    assert (frames.shape, frames.dtype) == ((4, 64, 64, 3), np.uint8)
    assert np.array_equal(frames[0], first_observation(settings, 3).transpose(1, 2, 0))


def test_of_an_atari_agent_the_newest_of_the_stacked_frames_is_shown(tmp_path):
    settings = small_runs.game("breakout", env_steps=20)
    frames = seen(settings, tmp_path / "run")
    assert frames.shape == (4, 84, 84, 3)
    for channel in range(3):
        assert np.array_equal(frames[0][..., channel], first_observation(settings, 3)[-1])


def test_the_same_seed_shows_the_same_play_and_another_seed_another(tmp_path):
    settings = small_runs.game(LEVEL, env_steps=20)
    first = seen(settings, tmp_path / "run")
    again, other = (kind_of(settings).seen(settings, tmp_path / "run", seed, 4) for seed in (3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_command_makes_a_film_of_an_agent(tmp_path):
    execute(small_runs.game(LEVEL, env_steps=20), tmp_path / "run")
    out = tmp_path / "film.gif"
    assert main(["show", "--agent", str(tmp_path / "run"), "--frames", "3", "--scale", "1", "--out", str(out)]) == 0
    assert out.read_bytes()[:3] == b"GIF"


def test_an_agent_that_sees_no_images_is_refused(tmp_path, capsys):
    execute(small_runs.config(), tmp_path / "run")
    words = ["show", "--out", str(tmp_path / "a.png"), "--agent"]
    assert main([*words, str(tmp_path / "run")]) == 2
    assert "it sees no images, but vectors of shape (6,)" in capsys.readouterr().err
    assert main([*words, str(tmp_path)]) == 2
    assert "config.yaml: cannot be read" in capsys.readouterr().err
