"""What a kind of run gives: all that differs between training an agent, learning a sequence task, measuring costs.

A kind is a folder of `experiments/` that registers one `Kind`, and a folder of `analysis/`. Whoever asks for runs, the
command line and the workflow, goes through the registry and knows no kind by name. Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.asked import Grid, Study
from rtrl_bench.runs.settings import RunSettings

if TYPE_CHECKING:
    import torch

    from rtrl_bench.runs.work import Work

S = TypeVar("S", bound=RunSettings)


class Place(NamedTuple):
    """Where a run is carried out.

    folder: the run's own, absolute; here: where the command was given; new: there is nothing to go on from.
    """

    folder: Path
    here: Path
    new: bool


class Pace(NamedTuple):
    """Runs with the same pace are about equally fast: `title` says to people what they have in common."""

    title: tuple[str, ...]
    sizes: tuple[int | str | None, ...] = ()


class Lack(NamedTuple):
    """What a run needs and this machine has not: the thing and its group, the reason, and how to get it."""

    name: str
    suite: str
    reason: str
    fix: str


class Kind(Generic[S]):
    """A kind of run with settings of one class. `name` is that of its folder, and what `kind:` in a config.yaml says.

    A subclass must say `name`, `settings`, `begin`; the rest has defaults.
    """

    name: str
    settings: type[S]
    study: type[Study] = Grid  # what a scale may ask for
    leaves: tuple[str, ...] = ("curve.csv",)  # all that a run may leave beside config.yaml, checkpoints and record
    counted: str = "updates"  # what amounts are of, and the key of the record that says how many were done

    def check(self, settings: S) -> None:
        """Refuse unknown names and unfit combinations before anything is made (UnknownName, ConfigError)."""

    def resolve(self, settings: S, folder: Path, here: Path) -> S:
        """The settings with what they leave open filled in, for a run in `folder`. Imports no torch."""
        return settings

    def begin(self, settings: S, device: torch.device, place: Place) -> Work:
        """The run before its first update."""
        raise TypeError(f"{type(self).__name__} must define begin")

    def outputs(self, settings: S) -> tuple[str, ...]:
        """The files that a finished run leaves beside config.yaml and its checkpoints, the record last."""
        return (*self.leaves, "run.json")

    def outdated(self, settings: S, began: Mapping[str, Any], here: Path) -> str | None:
        """What makes a run that `began` so (its record or checkpoint) another one than is asked for, if anything."""
        return None

    def budget(self, settings: S) -> str:
        """How long the run is, for its first line."""
        return f"{self.amount(settings):,.0f} {self.counted.removeprefix('env_')}"

    def sentence(self, record: Mapping[str, Any]) -> str:
        """The result in one line."""
        return f"{record['updates']:,} updates in {record['wall_s']:.0f} s"

    def evaluate(self, settings: S, folder: Path) -> dict[str, Any]:
        """The content of evaluation.json for the newest checkpoint in `folder`; ConfigError where there is none."""
        raise ConfigError(f"{folder}: a run of kind {self.name} cannot be evaluated by itself")

    def seen(self, settings: S, folder: Path, seed: int, steps: int) -> Any:
        """What the agent that a run has trained sees as it plays, uint8 (steps, height, width, 3).

        ConfigError where there is none, or it sees no images.
        """
        raise ConfigError(f"{folder}: a run of kind {self.name} trains no agent")

    # For the workflow

    def needs(self, settings: S) -> tuple[str, ...]:
        """The folders of the runs that have to be finished first."""
        return ()

    def targets(self, settings: S) -> tuple[str, ...]:
        """The names under which people ask for the run, its group first."""
        return (self.name,)

    def known_targets(self) -> set[str]:
        """The names that runs of this kind may have, whether a scale asks for any or not."""
        return {self.name}

    def lack(self, settings: S) -> Lack | None:
        """What the run needs and is not on this machine, if anything."""
        return None

    def frames(self, settings: S) -> int:
        """Frames of an environment that the run will see."""
        return 0

    def amount(self, settings: S) -> float:
        """How much work the run is: updates, or whatever the kind counts."""
        raise TypeError(f"{type(self).__name__} must define amount")

    def done(self, record: Mapping[str, Any]) -> float:
        """How much of `amount` was done in the `wall_s` of a finished run."""
        return float(record[self.counted])

    def pace(self, settings: S) -> Pace:
        """How fast the run is, as a name."""
        return Pace((settings.label,))

    def trial(self, settings: S) -> S:
        """Settings of the same pace that take no long time to set up."""
        return settings

    def speed(self, settings: S, for_s: float) -> float:
        """How much of `amount` is done in a second, measured for about `for_s` seconds."""
        from rtrl_bench.runs.execution import measured_speed

        return measured_speed(self, settings, for_s)

    def films(self, runs: Mapping[str, S]) -> list[str]:
        """Which of the runs, by their folders, the page shows as a film."""
        return []
