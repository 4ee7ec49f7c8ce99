"""Vision stems taught from the simulator's state, for agents to take over: `rtrl_bench/experiments/stems`."""

PLACE = 4
RECORDS = ("stems",)
SUITES: dict[str, str] = {}  # a stem stands under the suite of its level
