"""What the gradient methods cost, predicted, counted and measured: `rtrl_bench/experiments/costs`."""

PLACE = 3
SUITES = {"costs": "Cost study"}
