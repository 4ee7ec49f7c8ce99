"""Sequence tasks, learned without an agent: `rtrl_bench/experiments/sequences`."""

PLACE = 2
RECORDS = ("copy_runs",)
SUITES = {"copy_task": "Copy task"}
