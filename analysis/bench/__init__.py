"""What `python -m rtrl_bench bench` measured of a machine: `rtrl_bench/bench`."""

PLACE = 5
FOLDER, RECORD, KIND = "bench", "bench.json", "bench"
SUITES: dict[str, str] = {}  # no scale asks for one
