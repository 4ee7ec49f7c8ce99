"""How environments and simulators are written."""

from __future__ import annotations

import json

_ENVIRONMENTS = {
    "breakout": "Breakout",
    "gravitar": "Gravitar",
    "mspacman": "MsPacman",
    "qbert": "Qbert",
    "seaquest": "Seaquest",
    "chaser": "Chaser",
    "tmaze": "T-maze",
    "delayed_match": "Delayed match",
}


def simulator(backend: str) -> str:
    """What follows a name where the project's own DMLab levels ran, and not DMLab: ` [rooms backend]`."""
    return " [rooms backend]" if backend.startswith("rooms ") else ""


def environment(name: str, backend: str = "") -> str:
    """`mspacman` -> `MsPacman`; names that are not listed stay as they are."""
    return _ENVIRONMENTS.get(name, name) + simulator(backend)


def panel(name: str, backend: str = "", options: str = "{}") -> str:
    """Environment and options, short enough for the title of a panel: `select_nonmatching`, `CartPole-v1`."""
    short = name.removeprefix("gymnasium:").removeprefix("rooms_").removesuffix("_object")
    return variant(short, options, backend)


def variant(name: str, options: str, backend: str = "") -> str:
    """Environment and its options (JSON text): `T-maze, delay 20`."""
    extra = [f"{key} {value}" for key, value in sorted(json.loads(options).items())]
    return ", ".join([environment(name, backend), *extra])
