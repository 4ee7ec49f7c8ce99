"""What `list` says of cells, gradient methods, kinds of run and sequence tasks."""

from __future__ import annotations

from rtrl_bench import choices
from rtrl_bench.cells import CELLS
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.sequences.tasks import TASKS
from rtrl_bench.gradients import GRADIENTS


def rows(text):
    return {line.split()[0]: line for line in text.splitlines() if line}


def test_every_cell_method_kind_of_run_and_task_has_a_row_that_says_what_it_is():
    found = rows(choices.list_choices())
    assert {*CELLS, *GRADIENTS, *KINDS, *TASKS} <= set(found)
    assert found["sequences"].endswith("No environment, no reward.")
    assert found["adding"].endswith("(Hochreiter & Schmidhuber 1997, experiment 4).")


def test_a_cells_row_says_what_it_is_and_which_gradient_is_its_exact_rtrl():
    found = rows(choices.list_cells())
    assert found["lru"].split()[1:4] == ["2", "2", "rtrl"]
    assert found["lru"].endswith("(Orvieto et al. 2023, section 3).")
    assert found["lstm"].split()[1:4] == ["4", "2", "rtrl_dense"]
    assert found["none"].split()[1:4] == ["0", "0", "none"]


def test_no_two_cells_say_the_same():
    assert len({choices._about(CELLS[name]) for name in CELLS}) == len(list(CELLS))
