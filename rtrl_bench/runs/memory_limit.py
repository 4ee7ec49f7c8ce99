"""Refuses a run that needs more memory than there is, before any of it is allocated.

What counts is the memory that a run's settings decide, without the program, its libraries and the simulator. Each kind
of run says how many bytes that is, and for what.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from rtrl_bench.errors import ConfigError
from rtrl_bench.system.machine import free_bytes

NUMBER = 4  # bytes of float32
STEP_COPIES = 2  # of all parameters, while an optimiser's step is worked out

Parts = Mapping[str, int]
"""Bytes by what they are for."""


def check_fits(parts: Parts, what: str, fix: str, memory_gb: float | None, device: torch.device) -> None:
    """Refuse (ConfigError) a run that needs more memory than `memory_gb`, or, without that, than `device` has free.

    `what`: the settings that decide it, with their values; `fix`: what to do about it.
    """
    needed = sum(parts.values())
    allowed, whose = _allowed(memory_gb, device)
    if allowed is not None and needed > allowed:
        each = ", ".join(f"{name} {size / 1e9:.3g}" for name, size in parts.items() if size)
        raise ConfigError(
            f"{what} needs {needed:,} bytes ({needed / 1e9:.3g} GB: {each}), more than the {allowed / 1e9:.3g} GB "
            f"{whose}: {fix}"
        )


def free_on(device: torch.device) -> int | None:
    """Bytes that new work may take on a device; None: not known."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_bytes()


def _allowed(memory_gb: float | None, device: torch.device) -> tuple[float | None, str]:
    """Bytes that may be used (None: not known), and who says so."""
    if memory_gb is not None:
        return memory_gb * 1e9, "of memory_gb"
    return free_on(device), "that are free on the GPU" if device.type == "cuda" else "that are free on this machine"
