"""The paper's options of environments. Importing this imports no environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Options of an environment, where a run sets them; those that it does not set have the paper's values.
OPTIONS: dict[str, dict[str, Any]] = {
    "atari": {"max_frames": 108_000},
    "procgen": {
        "distribution_mode": "hard",
        "num_levels": 500,
        "start_level": 0,
        "test_levels": 200,
        "test_start_level": 1000,
    },
}


def are_the_papers(suite: str, options: Mapping[str, Any]) -> bool:
    """Whether the options that a run sets of its environment are the paper's, which are the harness's defaults."""
    return all(value == OPTIONS.get(suite, {}).get(key) for key, value in options.items())
