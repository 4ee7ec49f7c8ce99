"""Agents trained with each gradient method: `rtrl_bench/experiments/reinforcement`."""

PLACE = 1
FILES = {"fidelity": "rooms_fidelity.csv"}  # tables that lie in a results folder itself, by frame
RECORDS = ("runs", "pretraining", "measured", "evaluations")  # frames that are written beside the tables
SUITES = {"atari": "Atari", "procgen": "ProcGen", "dmlab": "DMLab", "memory": "Memory tasks"}
