"""What `make verify-reference` trains again."""

from __future__ import annotations

from analysis.verify import Group

REPEATED = (Group("runs/sequences/copy_task/copy/rtrl", 1, 0.05, "accuracy", until_solved=True),)
