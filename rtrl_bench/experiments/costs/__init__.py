"""What the gradient methods cost: predicted by formula, counted by the operators of the program, and measured.

Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.costs.asked import AskedCosts
from rtrl_bench.experiments.costs.config import ComplexityConfig
from rtrl_bench.runs.kind import Kind, Pace, Place

if TYPE_CHECKING:
    import torch

    from rtrl_bench.experiments.costs.study import CostStudy

POINTS_PER_S = 1.25  # of a study, about: measuring that would take as long as the study


class Costs(Kind[ComplexityConfig]):
    """A study over sweeps. Amounts are its points."""

    name = "costs"
    settings = ComplexityConfig
    study = AskedCosts
    counted = "points"
    leaves = ("costs.csv", "theory.csv", "limits.csv", "crossovers.csv")

    def check(self, settings: ComplexityConfig) -> None:
        """Cells that do not exist, methods that do not take them."""
        settings.check_methods()

    def begin(self, settings: ComplexityConfig, device: torch.device, place: Place) -> CostStudy:
        """See `study.py`."""
        from rtrl_bench.experiments.costs.study import CostStudy

        return CostStudy(settings, device)

    def sentence(self, record: Mapping[str, Any]) -> str:
        """How near the measured memory is to the predicted one."""
        ratio = record["peak_ratio"]
        fit = f"; measured / predicted peak memory {ratio['low']:.2f} to {ratio['high']:.2f}" if ratio else ""
        return f"{record['points']} points in {record['wall_s']:.0f} s{fit}"

    def targets(self, settings: ComplexityConfig) -> tuple[str, ...]:
        """Studies have no names of their own."""
        return ("complexity",)

    def known_targets(self) -> set[str]:
        """The same."""
        return {"complexity"}

    def amount(self, settings: ComplexityConfig) -> float:
        """The points of all sweeps."""
        return sum(len(sweep.values) * len(list(sweep.curves())) for sweep in settings.sweeps.values())

    def pace(self, settings: ComplexityConfig) -> Pace:
        """That of a point depends on its sizes; this is a mean."""
        return Pace(("study of costs", f"{len(settings.sweeps)} sweeps"), (settings.threads, settings.device))

    def speed(self, settings: ComplexityConfig, for_s: float) -> float:
        """An estimate."""
        return POINTS_PER_S


KINDS.register(Costs.name)(Costs())
