"""rtrl-bench: real-time recurrent learning, benchmarked (see README.md)."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
_EXPORTS = {
    "RecurrentStack": "rtrl_bench.layer",
    "Carry": "rtrl_bench.gradients",
    "ElementwiseCell": "rtrl_bench.cells",
    "RunConfig": "rtrl_bench.experiments.reinforcement.config",
}
__all__ = ["__version__", *_EXPORTS]


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import on first use: the workflow reads configurations from this package and must not wait for torch."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'rtrl_bench' has no attribute {name!r}")
