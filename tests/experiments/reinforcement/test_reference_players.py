"""What players that learn nothing score: refused before hours of play if the table cannot be written."""

from __future__ import annotations

import pytest

from rtrl_bench.experiments.reinforcement import reference_players


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
    monkeypatch.setattr(reference_players, "random_returns", lambda environment: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        reference_players.main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
