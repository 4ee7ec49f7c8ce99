"""Whether what a run carries from segment to segment fits in memory, asked before it is allocated."""

from __future__ import annotations

import torch

from rtrl_bench.complexity.predict import METHODS, predict
from rtrl_bench.complexity.shapes import Sizes
from rtrl_bench.config import RunConfig
from rtrl_bench.errors import ConfigError
from rtrl_bench.resident import free_bytes


def check_memory(config: RunConfig, inputs: int, device: torch.device) -> None:
    """Refuse (ConfigError) a run whose recurrent layers, over `inputs` features, need more memory than they may use.

    They may use `config.memory_gb`, or what `device` has free. Asked of the forms of RTRL alone: the others carry no
    sensitivities.
    """
    if config.gradient not in METHODS or config.gradient == "tbptt":
        return
    sizes = Sizes(config.cell, config.layers, config.hidden, inputs, config.batch, config.unroll, episode=config.unroll)
    needed = predict(config.gradient, sizes).peak_bytes
    allowed, whose = _allowed(config, device)
    if allowed is not None and needed > allowed:
        raise ConfigError(
            f"gradient: {config.gradient} with layers = {config.layers}, hidden = {config.hidden}, "
            f"batch = {config.batch}, unroll = {config.unroll} and {inputs} inputs needs {needed:,} bytes "
            f"({needed / 1e9:.3g} GB) for its sensitivities and a segment's work, more than the "
            f"{allowed / 1e9:.3g} GB {whose}: fewer layers, units or slots, or gradient: rtrl_segment, which has none "
            "across layers"
        )


def _allowed(config: RunConfig, device: torch.device) -> tuple[float | None, str]:
    """Bytes that may be used (None: not known), and who says so."""
    if config.memory_gb is not None:
        return config.memory_gb * 1e9, "of memory_gb"
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], "that are free on the GPU"
    return free_bytes(), "that are free on this machine"
