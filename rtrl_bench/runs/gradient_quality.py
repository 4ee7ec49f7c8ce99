"""How near a method's gradient comes to the exact one, while it trains: cosine and ratio of norms.

The exact gradient is that of the same segment's loss by full BPTT with the parameters as they are now: the inputs of
each slot's episode so far are kept and replayed. (Exact RTRL differs from it by its sensitivities and its state, which
were carried while the parameters changed.) Inputs are replayed as they were: what lies below the layers is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Carry, Layer
from rtrl_bench.gradients.machinery.cross_sensitivities import parameters_below
from rtrl_bench.gradients.machinery.episodes import as_mask
from rtrl_bench.gradients.tbptt import TBPTT
from rtrl_bench.layer import RecurrentStack
from rtrl_bench.runs.recurrent import RecurrentSettings

MEASURED = ("cosine", "norm_ratio", "cosine_lowest")


def columns(steps: str) -> tuple[str, ...]:
    """Of gradient.csv, the first as the kind of run calls its steps."""
    return steps, "update", *MEASURED


def check(config: RecurrentSettings) -> None:
    """Refuse (ConfigError) a gradient_quality of what has no exact gradient."""
    if config.gradient_quality:
        check_comparable(config, f"gradient_quality = {config.gradient_quality}", "gradient_quality: 0")


def check_comparable(config: RecurrentSettings, wanted: str, without: str) -> None:
    """Refuse (ConfigError) a method whose recurrence is not the one that the exact gradient is taken of, or none."""
    if not CELLS[config.cell].state:
        why = f"cell: {config.cell} has no recurrence, so no recurrent gradient to compare"
        raise ConfigError(f"{wanted}: {why}; set {without}")
    if config.gradient == "columnar":
        why = "gradient: columnar trains another network, layer by layer; its gradient cannot be compared"
        raise ConfigError(f"{wanted}: {why}; set {without}")


def drawn(points: int, updates: int, seed: int) -> frozenset[int]:
    """Which updates to compare at, of those numbered 1 to `updates`: one out of each of at most `points` equal spans.

    Drawn, as comparisons at equal distances can meet the same step of every episode where slots play in step.
    """
    span, random = -(-updates // points), np.random.default_rng(seed)
    before = np.arange(0, updates, span)
    return frozenset((before + 1 + random.integers(np.minimum(span, updates - before))).tolist())


class GradientQuality:
    """Compares the gradient of `stack` with the exact one at the updates `due`, as `drawn` gives them.

    `rows` has steps, update and MEASURED of every comparison. cosine and norm_ratio (|found| / |exact|) are over the
    parameters for which methods differ: those of the recurrences, and of the readouts below the top layer.
    cosine_lowest is over those of the lowest layer.
    """

    def __init__(self, stack: RecurrentStack, due: Collection[int]):
        self.stack, self.due = stack, due
        self.exact = TBPTT(stack.cell, len(stack.layers), window="episode")
        self.rows: list[list[float]] = []
        self.carry: Carry | None = None  # before the segment in hand
        self.x = self.starts = torch.empty(0)
        stack.register_forward_pre_hook(self._see)

    def _see(self, stack: nn.Module, arguments: tuple[Any, ...]) -> None:
        """Note a segment that the stack is about to learn from."""
        x, starts, _ = arguments
        self.x, self.starts = x.detach(), as_mask(starts)
        if self.carry is None or self.starts[0].all():  # nothing of the segments before counts
            self.carry = self.exact.begin(x.shape[1], self.stack.parts())

    def compare(self, loss: Callable[[Tensor, Tensor], Tensor], steps: int, update: int) -> None:
        """Call after the backward pass; `loss(h, state)`: the segment's, given h (M, B, ·) and the last state."""
        assert self.carry is not None
        layers = self.stack.parts()
        if update in self.due:
            h, carry = self.exact.segment(layers, self.x, self.starts, self.carry)
            lowest, *above = judged(layers)
            parameters = [*lowest, *(p for layer in above for p in layer)]
            exact = flat(torch.autograd.grad(loss(h, carry.state), parameters, materialize_grads=True))
            found = flat([torch.zeros_like(p) if p.grad is None else p.grad for p in parameters])
            size = sum(p.numel() for p in lowest)
            row = [*compared(found, exact), compared(found[:size], exact[:size])[0]]
            if torch.isfinite(torch.tensor(row)).all():
                self.rows.append([steps, update, *row])
        self.carry = self._remember(self.carry)

    def _remember(self, carry: Carry) -> Carry:
        """The inputs of every slot's present episode; no state before the first of them counts, as each one begins."""
        x, starts = (torch.cat([carry.traces[name], new]) for name, new in (("x", self.x), ("starts", self.starts)))
        drop = len(x) - self.exact.remembered(starts, len(self.x))
        return Carry(carry.state, {"x": x[drop:].clone(), "starts": starts[drop:].clone(), "start": carry.state})

    def summary(self) -> dict[str, float | int | None]:
        """Mean and least of what was found, for run.json; None where no comparison gave finite numbers."""

        def over(summarise: Callable[[list[float]], float], column: str) -> float | None:
            return summarise([row[2 + MEASURED.index(column)] for row in self.rows]) if self.rows else None

        return {
            "points": len(self.rows),
            "cosine_mean": over(fmean, "cosine"),
            "cosine_min": over(min, "cosine"),
            "cosine_lowest_mean": over(fmean, "cosine_lowest"),
            "norm_ratio_mean": over(fmean, "norm_ratio"),
        }

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"rows": self.rows, "traces": self.carry.traces if self.carry else None}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.rows = state["rows"]
        if state["traces"] is not None:
            carry = Carry(state["traces"]["start"], state["traces"])
            self.carry = carry.to(next(self.stack.parameters()).device)


def judged(layers: Sequence[Layer]) -> list[list[Tensor]]:
    """Layer by layer the parameters for which methods differ: of the recurrences, and of readouts below the top."""
    named = [parameters_below(layer) for layer in layers[:-1]] + [layers[-1].parameters._asdict()]
    return [list(of_layer.values()) for of_layer in named]


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All numbers in one vector, in double precision: sums of many squares are taken."""
    return torch.cat([t.detach().flatten() for t in tensors]).double()


def compared(found: Tensor, exact: Tensor) -> tuple[float, float]:
    """Cosine and ratio of norms, |found| / |exact|, of two gradients (n,)."""
    cosine = torch.nn.functional.cosine_similarity(found, exact, dim=0, eps=1e-30)
    return float(cosine), float(found.norm() / exact.norm())
