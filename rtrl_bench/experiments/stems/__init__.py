"""Vision stems that are taught what a level's pictures show, from the simulator's own state: no reward, no memory.

Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtrl_bench.envs import registry
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.runs.kind import Kind, Lack, Pace, Place

if TYPE_CHECKING:
    import torch

    from rtrl_bench.experiments.stems.training import StemTraining


class Stems(Kind[StemConfig]):
    """A stem, left where agents can take it over. Amounts are environment steps."""

    name = "stems"
    settings = StemConfig
    counted = "env_steps"
    leaves = ("curve.csv", "evaluation.json")

    def check(self, settings: StemConfig) -> None:
        """See `training.check_choices`."""
        from rtrl_bench.experiments.stems.training import check_choices

        check_choices(settings)

    def begin(self, settings: StemConfig, device: torch.device, place: Place) -> StemTraining:
        """See `training.py`."""
        from rtrl_bench.experiments.stems.training import StemTraining

        return StemTraining(settings, device)

    def sentence(self, record: Mapping[str, Any]) -> str:
        """What is told right of held-out frames."""
        right = ", ".join(f"{label} {share:.1%}" for label, share in record["accuracies"].items())
        return f"{right} right in held-out episodes, after {record['wall_s']:.0f} s"

    def targets(self, settings: StemConfig) -> tuple[str, ...]:
        """Suite and environment, as of the agents that take it over."""
        return registry.spec(settings.environment).suite, settings.environment

    def lack(self, settings: StemConfig) -> Lack | None:
        """The embedded levels, if they cannot run here."""
        found = registry.check_available(settings.environment, "rooms", settings.environment_options)
        suite = registry.spec(settings.environment).suite
        return None if found.ok else Lack(settings.environment, suite, found.reason, found.fix)

    def frames(self, settings: StemConfig) -> int:
        """Those that are watched."""
        return settings.env_steps * registry.spec(settings.environment).frames_per_step

    def amount(self, settings: StemConfig) -> float:
        """A step in one slot counts one."""
        return settings.env_steps

    def pace(self, settings: StemConfig) -> Pace:
        """By level and sizes."""
        title = (settings.environment, f"vision {settings.vision}, taught from the state")
        sizes = (settings.features, settings.batch, settings.slots, settings.threads, settings.device)
        return Pace(title, sizes)


KINDS.register(Stems.name)(Stems())
