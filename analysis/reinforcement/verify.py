"""What `make verify-reference` trains again. Scores of games are far from trained; only their budgets are compared."""

from __future__ import annotations

from analysis.verify import Group

SUCCESS = 0.15  # of the mean over seeds: half of the distance between solving a task and guessing is 0.25
REPEATED = (
    Group("runs/reinforcement/tmaze_delay10/rtrl/M5", 5, SUCCESS),
    Group("runs/reinforcement/tmaze_delay10/tbptt/M5", 5, SUCCESS),
    Group("runs/reinforcement/tmaze_delay10/bptt/M5", 5, SUCCESS),
    Group("runs/reinforcement/tmaze_delay10/rtrl_l2/M5", 2, SUCCESS),
    Group("runs/reinforcement/rooms_keys_doors_puzzle/rtrl/M100", 1),
    Group("runs/reinforcement/breakout/rtrl/M50", 1),
)
