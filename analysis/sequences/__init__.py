"""Sequence tasks, learned without an agent: `rtrl_bench/experiments/sequences`."""

PLACE = 2
RECORDS = ("sequence_runs",)
SUITES = {"sequences": "Sequence tasks"}
