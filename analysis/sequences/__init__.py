"""Sequence tasks, learned without an agent: `rtrl_bench/experiments/sequences`."""

PLACE = 2
FOLDER, RECORD, KIND = "copy_task", "run.json", "copy_task"
RECORDS = ("copy_runs",)
SUITES = {"copy_task": "Copy task"}
