"""What the gradient methods cost, predicted, counted and measured: `rtrl_bench/experiments/costs`."""

PLACE = 3
FOLDER, RECORD, KIND = "complexity", "complexity.json", None
SUITES = {"costs": "Cost study"}
