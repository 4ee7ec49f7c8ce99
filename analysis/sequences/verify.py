"""What `make verify-reference` trains again."""

from __future__ import annotations

from analysis.verify import Group

REPEATED = (Group("runs/sequences/copy_task_L5/rtrl", 1, 0.05, "test_sequence_accuracy", until_solved=True),)
