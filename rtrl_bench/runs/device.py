"""The device that a run computes on: chosen, named, and how much of its memory was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.records import machine
from rtrl_bench.system.machine import peak_resident_bytes


def choose_device(wanted: str) -> torch.device:
    """The torch device for `auto | cpu | cuda`; ConfigError when CUDA is asked for and absent."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device = 'cuda': torch sees no CUDA device here; use auto or cpu")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """The GPU's name, or the processor's."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(machine()["cpu"])


def made_on_the_same(record: Mapping[str, Any], wanted: str) -> bool:
    """Whether a run with the device `wanted` would run here on what the record's run ran on, so that its speed holds.

    All processors count as the same device, each model of GPU as a device of its own. If CUDA is wanted and absent, as
    on a cluster's login node, any GPU will do.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        return bool(record["device"] == "cuda")
    here = choose_device(wanted)
    same = here.type == "cpu" or record["device_name"] == device_name(here)
    return bool(record["device"] == here.type and same)


def peak_bytes(device: torch.device) -> int:
    """Peak memory so far, in bytes: the GPU's allocations on CUDA, else this process's resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return peak_resident_bytes()
