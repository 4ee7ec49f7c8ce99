"""`python -m rtrl_bench cost`: what a stack would cost by every gradient method, before any of it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rtrl_bench.costs.crossovers import episode_crossover, largest_hidden
from rtrl_bench.costs.predict import METHODS, Cost, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.errors import ConfigError
from rtrl_bench.system.machine import free_bytes

EPISODES = (100, 1_000, 10_000, 100_000)


def describe(sizes: Sizes, gradient: str) -> str:
    """The predictions as text; `gradient` is a method or `all`. ConfigError where there is nothing to predict."""
    wanted = METHODS if gradient == "all" else (gradient,)
    costs: dict[str, Cost] = {}
    refused: dict[str, str] = {}
    for method in wanted:
        try:
            costs[method] = predict(method, sizes)
        except ConfigError as error:
            refused[method] = str(error)
    if not costs:
        raise ConfigError(next(iter(refused.values())))
    parameters = human(next(iter(costs.values())).parameter_bytes)
    free = free_bytes()
    lines = [
        f"{sizes.layers} x {sizes.cell}, N = {sizes.hidden}, D = {sizes.inputs}, B = {sizes.batch}, "
        f"M = {sizes.unroll}, T = {sizes.episode}, {sizes.bytes_per_number} bytes a number",
        "Predicted (docs/complexity.md), for all B slots. carried: from segment to segment, for bptt until the episode",
        f"ends; peak: with a segment's working memory. Parameters and gradient, {parameters}, come on top.",
        "",
        *_cost_table(costs, sizes, free),
        *(f"{method}: left out: {reason}" for method, reason in refused.items()),
        "",
        *_episode_table([method for method in costs if method != "bptt"], sizes),
    ]
    return "\n".join(lines)


def human(count: float) -> str:
    """A byte count with three digits: 12.3 MB, powers of 1000."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if count < 999.5 or unit == "PB":
            return f"{count:.3g} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def _cost_table(costs: dict[str, Cost], sizes: Sizes, free: int | None) -> list[str]:
    fits = f"N in {human(free)}" if free else "N that fits"
    rows = [("method", "carried", "(bytes)", "peak", "(bytes)", "FLOPs/step", "FLOPs/segment", f"largest {fits}")]
    for method, cost in costs.items():
        largest = largest_hidden(method, sizes, free) if free else None
        rows.append(
            (
                method,
                human(cost.state_bytes),
                f"{cost.state_bytes:,}",
                human(cost.peak_bytes),
                f"{cost.peak_bytes:,}",
                f"{cost.flops_per_step:.3g}",
                f"{cost.flops_per_segment:.3g}",
                "none" if largest == 0 else f"{largest:,}" if largest else "unknown",
            )
        )
    return _aligned(rows)


def _episode_table(methods: Sequence[str], sizes: Sizes) -> list[str]:
    """Peak memory as a share of what full BPTT needs, over the length of an episode."""
    if not methods:
        return []
    episodes = sorted({*EPISODES, sizes.episode})
    rows = [("peak, as a share of bptt's", *(f"T = {t:,}" for t in episodes), "less than bptt from")]
    for method in methods:
        shares = []
        for episode in episodes:
            at = replace(sizes, episode=episode)
            shares.append(f"{predict(method, at).peak_bytes / predict('bptt', at).peak_bytes:.3g}")
        crossover = episode_crossover(method, sizes)
        rows.append((method, *shares, f"T = {crossover:,}" if crossover else "never"))
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest entry, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
