"""An agent that learns to play.

Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtrl_bench.envs import registry
from rtrl_bench.experiments import KINDS
from rtrl_bench.experiments.reinforcement.asked import AgentStudy
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.episode_limits import longest
from rtrl_bench.experiments.reinforcement.simulators import with_simulator_of_stem
from rtrl_bench.experiments.reinforcement.stem_source import with_fingerprint
from rtrl_bench.runs.kind import Kind, Lack, Pace, Place
from rtrl_bench.runs.settings import replace

if TYPE_CHECKING:
    import torch

    from rtrl_bench.experiments.reinforcement.loop import Training

EVALUATION = 0.5  # what an evaluation step costs, in training steps
# With a stem that learns, steps per second of a CPU hardly depend on these, and larger ones take long to set up.
PICTURES, UNROLL = 8, 10


class Reinforcement(Kind[RunConfig]):
    """Training with a gradient method, then greedy play. Amounts are environment steps."""

    name = "reinforcement"
    settings = RunConfig
    study = AgentStudy
    counted = "env_steps"
    leaves = ("curve.csv", "curve.part.csv", "gradient.csv", "truncation.csv", "evaluation.json", "tensorboard")

    def check(self, settings: RunConfig) -> None:
        """See `agents.check_choices`."""
        from rtrl_bench.experiments.reinforcement.agents import check_choices

        check_choices(settings)

    def resolve(self, settings: RunConfig, folder: Path, here: Path) -> RunConfig:
        """With the fingerprint of the run that the vision stem comes from."""
        return with_fingerprint(settings, folder, here)

    def begin(self, settings: RunConfig, device: torch.device, place: Place) -> Training:
        """With the stem of another run, where one is named; one that goes on has it in its checkpoint."""
        from rtrl_bench.experiments.reinforcement.loop import Training
        from rtrl_bench.experiments.reinforcement.pretraining import find_stem

        stem = find_stem(settings, place.here) if place.new else None
        return Training(with_simulator_of_stem(settings, place.here), device, stem, place.folder)

    def outputs(self, settings: RunConfig) -> tuple[str, ...]:
        """With gradient.csv and truncation.csv where gradients are compared."""
        wanted = {"gradient.csv": settings.gradient_quality, "truncation.csv": settings.truncation}
        return ("curve.csv", *(name for name, given in wanted.items() if given), "evaluation.json", "run.json")

    def outdated(self, settings: RunConfig, began: Mapping[str, Any], here: Path) -> str | None:
        """A vision stem that has been trained anew since."""
        from rtrl_bench.experiments.reinforcement.pretraining import remade

        origin = began.get("pretrained")
        return None if origin is None else remade(settings, origin, here)

    def evaluate(self, settings: RunConfig, folder: Path) -> dict[str, Any]:
        """Greedy play."""
        from rtrl_bench.experiments.reinforcement.trained import evaluate_checkpoint

        return evaluate_checkpoint(settings, folder)

    def seen(self, settings: RunConfig, folder: Path, seed: int, steps: int) -> Any:
        """Greedy play in the simulator that the agent was trained in."""
        from rtrl_bench.experiments.reinforcement.trained import seen

        return seen(settings, folder, seed, steps)

    def budget(self, settings: RunConfig) -> str:
        """Of training alone."""
        return f"{settings.env_steps:,} steps"

    def sentence(self, record: Mapping[str, Any]) -> str:
        """The mean return."""
        e = record["evaluation"]
        cut = f", {e['truncated']} cut short" if e["truncated"] else ""
        return (
            f"return {e['mean']:.2f} over {e['episodes']} episodes{cut}, "
            f"{record['env_steps']:,} steps in {record['wall_s']:.0f} s ({record['steps_per_s']:,.0f}/s)"
        )

    def needs(self, settings: RunConfig) -> tuple[str, ...]:
        """The run that the vision stem comes from."""
        return () if settings.pretrained is None else (settings.pretrained.run,)

    def targets(self, settings: RunConfig) -> tuple[str, ...]:
        """Suite and environment."""
        return registry.spec(settings.environment).suite, settings.environment

    def known_targets(self) -> set[str]:
        """Every suite and environment."""
        return {*registry.ENVIRONMENTS, *(registry.spec(name).suite for name in registry.ENVIRONMENTS)}

    def lack(self, settings: RunConfig) -> Lack | None:
        """The simulator, if it cannot run here."""
        backend = with_simulator_of_stem(settings).backend
        found = registry.check_available(settings.environment, backend, settings.environment_options)
        suite = registry.spec(settings.environment).suite
        return None if found.ok else Lack(settings.environment, suite, found.reason, found.fix)

    def frames(self, settings: RunConfig) -> int:
        """Those of training."""
        return settings.env_steps * registry.spec(settings.environment).frames_per_step

    def amount(self, settings: RunConfig) -> float:
        """Steps of training, with the evaluation's at its longest."""
        sets = settings.evaluation.sets + registry.spec(settings.environment).random_play_unknown
        evaluation = sets * settings.evaluation.episodes * longest(settings)
        return settings.env_steps + EVALUATION * evaluation

    def pace(self, settings: RunConfig) -> Pace:
        """By suite and sizes. The environments of a family, such as `gymnasium:<id>`, have nothing in common."""
        name = settings.environment
        name = name if ":" in name else registry.spec(name).suite
        vision = f"vision {settings.vision}{', frozen' if settings.pretrained else ''}"
        title = (name, vision, settings.method, f"hidden {settings.hidden}")
        return Pace(title, (settings.features, settings.batch, settings.threads, settings.device))

    def trial(self, settings: RunConfig) -> RunConfig:
        """With a stem that learns, few and short segments; a GPU's speed is that of its own sizes."""
        from rtrl_bench.runs.device import choose_device

        learns = settings.vision != "flat" and settings.pretrained is None
        if not learns or choose_device(settings.device).type == "cuda":
            return settings
        return replace(settings, unroll=min(settings.unroll, UNROLL), batch=min(settings.batch, PICTURES))

    def films(self, runs: Mapping[str, RunConfig]) -> list[str]:
        """Every seed of the RTRL that trained longest in each environment of images, of these with the shortest M."""
        found: dict[str, list[tuple[tuple[int, int], str]]] = {}
        for folder, run in runs.items():
            if run.method == "rtrl" and run.vision != "flat" and run.truncation is None:
                found.setdefault(run.environment, []).append(((run.env_steps, -run.unroll), folder))
        return [folder for of in found.values() for rank, folder in of if rank == max(of)[0]]


KINDS.register(Reinforcement.name)(Reinforcement())
