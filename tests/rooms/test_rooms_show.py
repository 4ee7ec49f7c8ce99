"""What a scripted player sees in a level, and the command that shows it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rtrl_bench.cli import main
from rtrl_bench.rooms.show import walk

LEVEL = "rooms_select_nonmatching_object"


def test_a_walk_is_reproducible_and_moves():
    first, again, other = (walk(LEVEL, seed, 30) for seed in (1, 1, 2))
    assert first.shape == (30, 72, 96, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert all(not np.array_equal(a, b) for a, b in zip(first[::6], first[6::6]))


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
    for who in ([], [LEVEL, "--agent", str(tmp_path)]):
        assert main(["show", *who, "--out", str(tmp_path / "a.png")]) == 2
        assert "expected either a level, which a scripted player plays, or --agent DIR" in capsys.readouterr().err
