"""What players that learn nothing score: refused before hours of play if the table cannot be written."""

from __future__ import annotations

import numpy as np
import pytest

from rtrl_bench.experiments.reinforcement import reference_players
from rtrl_bench.rooms.simulator import Simulator


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: --out"),
        (["--out", "missing/players.csv"], "--out missing/players.csv: expected a file in a folder that exists"),
    ],
)
def test_a_table_that_cannot_be_written_is_refused_before_anything_is_played(
    words, message, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["reference_players", *words])
    monkeypatch.setattr(reference_players.registry, "make", lambda *args, **settings: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        reference_players.main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_level_is_played_without_its_images_as_with_them(monkeypatch):
    for name in ("EPISODES", "LEVEL_EPISODES"):
        monkeypatch.setattr(reference_players, name, 5)
    without = reference_players.of_level("rooms_keys_doors_puzzle", 9)
    monkeypatch.setattr(reference_players, "Undrawn", Simulator)
    assert reference_players.of_level("rooms_keys_doors_puzzle", 9) == without
    assert len(without["random"]) == 5 and np.mean(without["oracle"]) > 40
