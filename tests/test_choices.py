"""What `list` says of cells, gradient methods and kinds of run."""

from __future__ import annotations

from rtrl_bench import choices
from rtrl_bench.cells import CELLS
from rtrl_bench.experiments import KINDS
from rtrl_bench.gradients import GRADIENTS


def rows(text):
    return {line.split()[0]: line for line in text.splitlines()}


def test_every_cell_method_and_kind_of_run_has_a_row():
    assert set(CELLS) <= set(rows(choices.list_cells()))
    assert set(GRADIENTS) <= set(rows(choices.list_gradients()))
    assert set(KINDS) <= set(rows(choices.list_kinds()))


def test_a_cells_row_says_what_it_is_and_whether_exact_rtrl_takes_it():
    found = rows(choices.list_cells())
    assert found["lru"].split()[1:4] == ["2", "2", "yes"]
    assert found["lru"].endswith("(Orvieto et al. 2023, section 3).")
    assert found["lstm"].split()[1:4] == ["4", "2", "no"]
