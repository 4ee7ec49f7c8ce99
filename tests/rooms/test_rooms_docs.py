"""What docs/rooms.md shows works as written, and is what the commands give."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from PIL import Image

from rtrl_bench import rooms
from rtrl_bench.cli import main
from rtrl_bench.rooms import fidelity
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT, ACTIONS, FRAMES_PER_SECOND, LEVEL_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rooms.md").read_text(encoding="utf-8")


def block(name):
    """The fenced block behind the comment `<!-- tested: name -->`."""
    return re.search(rf"<!-- tested: {re.escape(name)} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL).group(1)


def test_the_batch_is_as_the_page_says():
    names: dict = {}
    exec(block("batch"), names)
    assert (names["images"].shape, names["images"].dtype) == ((16, 72, 96, 3), np.uint8)
    assert names["envs"].metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.SAME_STEP


def test_the_single_environment_is_as_the_page_says():
    names: dict = {}
    exec(block("single"), names)
    np.testing.assert_array_equal(names["picture"], names["image"])
    assert names["picture"].shape == (72, 96, 3)
    assert next(iter(ACTIONS)) == "forward"


def test_the_table_of_ids_is_complete_and_right():
    rows = re.findall(r"^\| `(rtrl_bench/\S+)` \| `(\w+)` \| (\d+)", PAGE, re.MULTILINE)
    steps = {level: seconds * FRAMES_PER_SECOND // ACTION_REPEAT for level, seconds in LEVEL_SECONDS.items()}
    assert {name: (level, int(limit)) for name, level, limit in rows} == {
        name: (level, steps[level]) for name, level in rooms.IDS.items()
    }


@pytest.mark.parametrize("line", block("pictures").splitlines())
def test_the_pictures_are_what_their_commands_make(line, tmp_path):
    *words, out = shlex.split(line)
    assert words[:3] == ["python", "-m", "rtrl_bench"]
    assert main([*words[3:], str(tmp_path / "sheet.png")]) == 0
    made, shown = (np.array(Image.open(path)).astype(int) for path in (tmp_path / "sheet.png", ROOT / out))
    assert made.shape == shown.shape
    assert np.abs(made - shown).mean() < 0.5
    assert (ROOT / out).stat().st_size < 200 * 1024


def test_the_table_of_fidelity_is_what_the_command_measures():
    table = re.search(r"<!-- tested: fidelity -->\n(.*?)\n\n", PAGE, re.DOTALL).group(1)
    names = {level: name.split("/")[1].removesuffix("-v0") for name, level in rooms.IDS.items()}
    assert table.splitlines()[2:] == [
        f"| {names[row.level]} | {row.recordings} | {row.episodes} | {row.yaw_error_max_degrees:.4f}° "
        f"| {row.position_error_free_max:.3f} | {row.position_error_p95:.3f} "
        f"| {row.rewards_at_the_same_step} of {row.rewards_recorded} "
        f"| {row.rewards_within_a_step} of {row.rewards_recorded} |"
        for row in fidelity.measured()
    ]


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
