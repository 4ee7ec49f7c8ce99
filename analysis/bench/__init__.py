"""What `python -m rtrl_bench bench` measured of a machine: `rtrl_bench/bench`."""

PLACE = 5
SUITES: dict[str, str] = {}  # no scale asks for one
