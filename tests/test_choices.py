"""What `list` says of cells and gradient methods."""

from __future__ import annotations

from rtrl_bench import choices
from rtrl_bench.cells import CELLS
from rtrl_bench.gradients import GRADIENTS


def rows(text):
    return {line.split()[0]: line for line in text.splitlines()}


def test_every_cell_and_every_method_has_a_row():
    assert set(CELLS) <= set(rows(choices.list_cells()))
    assert set(GRADIENTS) <= set(rows(choices.list_gradients()))


def test_a_cells_row_says_what_it_is_and_whether_exact_rtrl_takes_it():
    found = rows(choices.list_cells())
    assert found["lru"].split()[1:4] == ["2", "2", "yes"]
    assert found["lru"].endswith("(Orvieto et al. 2023, section 3).")
    assert found["lstm"].split()[1:4] == ["4", "2", "no"]
