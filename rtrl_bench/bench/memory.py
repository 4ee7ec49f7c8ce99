"""Peak memory beside the prediction that the memory guard goes by, and the largest layers that fit.

Of a stack: three segments by RTRL, parameters and gradients included; on a GPU what torch allocated, elsewhere the
resident memory of a process of its own. Of a whole run, on a GPU: `run_parts`, what a run is refused by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from rtrl_bench.bench.sections import Column, Item, Row, Section, Setup
from rtrl_bench.costs.crossovers import largest_hidden
from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.costs.measure import allocated_peak_bytes, peak_bytes
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.memory_needed import run_parts
from rtrl_bench.experiments.reinforcement.throughput import SETTINGS, settings

GIVEN_BYTES = 80e9
FILLED = (0.97, 0.9, 0.8)  # of the memory that is free, until one fits
UPDATES = 3
UNROLLS = (50, 10, 100)


def _sizes(layers: int = 1, hidden: int = 512, unroll: int = 50, batch: int = 32) -> Sizes:
    return Sizes("elstm", layers, hidden, 257, batch, unroll, episode=unroll)


def _predicted(sizes: Sizes) -> int:
    cost = predict("rtrl", sizes)
    return cost.peak_bytes + cost.parameter_bytes


def stack(setup: Setup, sizes: Sizes) -> Row:
    """RTRL of a stack of layers."""
    if setup.device.type == "cuda":
        peak = allocated_peak_bytes("rtrl", sizes, setup.device)
    else:
        peak = peak_bytes("rtrl", sizes, setup.device)
    return {
        **asdict(sizes),
        "peak_bytes": peak,
        "predicted_bytes": _predicted(sizes),
        "ratio": peak / _predicted(sizes),
    }


def run(setup: Setup, name: str) -> Row:
    """A training run of SETTINGS, a few updates of it."""
    device = setup.device
    config = settings(name, device=device.type)
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    training = Training(config, device)
    try:
        for _ in range(UPDATES):
            training.update()
        peak = int(torch.cuda.max_memory_allocated(device)) - before
        parts = run_parts(config, training.env.single_observation_space.shape, training.env.action_sizes)
    finally:
        training.close()
    predicted = sum(parts.values())
    return {"peak_bytes": peak, "predicted_bytes": predicted, "ratio": peak / predicted, "predicted_parts": dict(parts)}


def largest(layers: int) -> Row:
    """The largest N that the prediction lets into GIVEN_BYTES."""
    hidden = largest_hidden("rtrl", _sizes(layers), GIVEN_BYTES)
    sizes = _sizes(layers, hidden)
    return {**asdict(sizes), "given_bytes": GIVEN_BYTES, "predicted_bytes": _predicted(sizes)}


def near_the_limit(setup: Setup, layers: int) -> Row:
    """The largest N predicted to fit into nearly all that the GPU has free, run; `tried` has what did not fit."""
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info(setup.device)[0]
    tried: list[dict[str, Any]] = []
    for filled in FILLED:
        sizes = _sizes(layers, largest_hidden("rtrl", _sizes(layers), filled * free))
        try:
            return {**stack(setup, sizes), "free_bytes": free, "filled": filled, "tried": tried}
        except torch.OutOfMemoryError as error:
            tried.append({"filled": filled, "hidden": sizes.hidden, "error": str(error)[:200]})
        torch.cuda.empty_cache()
    raise MemoryError(f"of {free:,} free bytes not even {FILLED[-1]:.0%} could be filled: {tried}")


def items(setup: Setup) -> Iterator[Item]:
    """Stacks, what fits by prediction, and on a GPU whole runs and a stack that nearly fills it."""
    kind = setup.device.type
    if setup.small:
        cases = [_sizes(hidden=64, unroll=4, batch=4)]
    else:
        cases = [_sizes(unroll=unroll) for unroll in UNROLLS] + [_sizes(2, 128)]
    for sizes in cases:
        name = f"L={sizes.layers} N={sizes.hidden} M={sizes.unroll}"
        yield Item(name, partial(stack, setup, sizes))
    for layers in (1, 2, 3):
        yield Item(f"largest N, L={layers}, {GIVEN_BYTES / 1e9:.0f} GB", partial(largest, layers))
    if kind == "cuda":
        yield Item("near the limit, L=2", partial(near_the_limit, setup, 2))
        for setting in SETTINGS:
            if setting.startswith("paper"):
                yield Item(setting, partial(run, setup, setting))


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    columns = (
        Column("hidden", "N", ",d"),
        Column("peak_bytes", "peak MB", ",.1f", 1e-6),
        Column("predicted_bytes", "predicted MB", ",.1f", 1e-6),
        Column("ratio", "peak/predicted"),
    )
    return Section("Peak memory beside the prediction; B=32, D=257", items, columns)
