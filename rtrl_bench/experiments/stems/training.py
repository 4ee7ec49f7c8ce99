"""A vision stem that is taught by supervised learning what its pictures show, in a folder that runs can name.

Agents that take it over (`pretrained: {run: <folder>}`) depart from the paper, which pre-trains stems by TBPTT.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from rtrl_bench.agent import vision
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError, NonFiniteLoss
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.experiments.stems.frames import NewestFrames, held_out
from rtrl_bench.experiments.stems.heads import Heads, scores
from rtrl_bench.optimisers import Adam
from rtrl_bench.rooms.labels import CLASSES
from rtrl_bench.runs import records
from rtrl_bench.runs.device import peak_bytes
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.work import Content, Result, Table, Work

CURVE_COLUMNS = ("env_steps", "updates", "loss", "learning_rate", "wall_s")
LOG_POINTS = 50
COUNTERS = ("updates", "resumes", "wall_s", "loss_sum", "curve", "started_utc")
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam


class StemTraining(Work):
    """A stem, the heads that teach it, and the frames that they learn from."""

    def __init__(self, config: StemConfig, device: torch.device):
        self.config, self.device = config, device
        self.per_update = config.slots
        torch.manual_seed(config.seed)
        self.frames = NewestFrames(config)
        self.backend = self.frames.watched.env.backend
        shape = self.frames.watched.images.shape[1:]
        self.vision = vision.build(config.vision, shape, config.features).to(device)
        widths = {name: values.shape[1] for name, values in self.frames.watched.labels().items()}
        self.heads = Heads(self.vision.output_size, CLASSES[config.environment], widths).to(device)
        self.network = nn.ModuleDict({"vision": self.vision, "heads": self.heads})
        self.optimiser = Adam(self.network.parameters(), BETAS, EPSILON)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.total = -(-config.env_steps // config.slots)
        self.updates = self.resumes = 0
        self.wall_s, self.loss_sum = 0.0, 0.0
        self.curve: list[list[float | None]] = []
        self.started_utc = records.now_utc()

    @property
    def finished(self) -> bool:
        return self.updates >= self.total

    def run(self, should_stop: Callable[[], bool], after_update: Callable[[], None]) -> None:
        """Watch and learn to the end of the budget, or until `should_stop()`."""
        slots = self.config.slots
        with Progress(self.config.label, self.total * slots, self.updates * slots) as progress:
            while not self.finished and not should_stop():
                began = time.perf_counter()
                self.update()
                self.wall_s += time.perf_counter() - began
                self._log_if_due()
                progress.advance(slots, f"loss {self.curve[-1][2]:.3f}" if self.curve else "")
                after_update()

    def update(self) -> None:
        """Let every player act once, and learn from a batch of what was seen lately."""
        self.frames.record()
        images, labels = self.frames.draw(self.config.batch, self.generator)
        outputs = self.heads(self.vision(images.to(self.device)))
        labels = {name: values.to(self.device) for name, values in labels.items()}
        loss = self.heads.loss(outputs, labels, self.config.none_weight)
        if not torch.isfinite(loss):
            raise NonFiniteLoss(f"update {self.updates + 1}: loss = {loss.item()}; lower learning_rate")
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step(self.learning_rate)
        self.updates += 1
        self.loss_sum += loss.item()

    @property
    def learning_rate(self) -> float:
        """It falls linearly to zero."""
        return self.config.learning_rate * (1 - self.updates / self.total)

    def _log_if_due(self) -> None:
        every = -(-self.total // LOG_POINTS)
        if self.updates % every and self.updates < self.total:
            return
        since = self.updates - int(self.curve[-1][1] or 0) if self.curve else self.updates
        steps = self.updates * self.config.slots
        self.curve.append([steps, self.updates, self.loss_sum / since, self.learning_rate, self.wall_s])
        self.loss_sum = 0.0

    @torch.no_grad()
    def scores(self) -> list[dict[str, Any]]:
        """How well the heads tell each label of held-out episodes: see `heads.scores`."""
        images, labels = held_out(self.config)
        parts = [self.heads(self.vision(some.to(self.device))) for some in images.split(self.config.batch)]
        return scores({name: torch.cat([part[name] for part in parts]).cpu() for name in labels}, labels)

    def state(self) -> dict[str, Any]:
        """What goes on from here needs, and a run with `pretrained`, named as in a training run's checkpoint."""
        return {
            "network": self.network.state_dict(),
            "observation": torch.from_numpy(self.frames.watched.images[:1]),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "counters": {name: getattr(self, name) for name in COUNTERS},
        }

    def restore(self, state: dict[str, Any]) -> str:
        """The players are watched anew up to there, as they know nothing of the stem."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        for name, value in state["counters"].items():
            setattr(self, name, value)
        if not self.finished:
            self.resumes += 1
            for _ in range(self.updates):
                self.frames.record()
        return f"from update {self.updates:,}"

    def result(self) -> Result:
        """How well what is in view can be read off the features of held-out frames."""
        config, spec = self.config, registry.spec(self.config.environment)
        packages = registry.chosen_backend(config.environment, "rooms").packages
        env_steps, labels = self.updates * config.slots, self.scores()
        record = {
            "method": config.method,
            "environment": config.environment,
            "suite": spec.suite,
            "simulator": "rooms",
            "backend": self.backend,
            "frames_per_step": spec.frames_per_step,
            "env_steps": env_steps,
            "env_frames": env_steps * spec.frames_per_step,
            "updates": self.updates,
            "wall_s": self.wall_s,
            "steps_per_s": env_steps / self.wall_s,
            "peak_bytes": peak_bytes(self.device),
            "parameters": sum(p.numel() for p in self.vision.parameters()),
            "accuracies": {row["label"]: row["accuracy"] for row in labels if "accuracy" in row},
            "median_errors": {row["label"]: row["median_error"] for row in labels if "median_error" in row},
            "versions": records.versions(self.backend, packages),
            "resumes": self.resumes,
            "started_utc": self.started_utc,
        }
        files: dict[str, Content] = {"curve.csv": Table(CURVE_COLUMNS, self.curve)}
        return Result({**files, "evaluation.json": {"schema": 1, "labels": labels}}, record)

    def close(self) -> None:
        """End the simulator."""
        self.frames.watched.env.close()


def check_choices(config: StemConfig) -> None:
    """Refuse unknown names and unfit combinations before anything is made (UnknownName, ConfigError)."""
    registry.validate(config.environment, config.environment_options, "rooms")
    if vision.VISION[config.vision].takes != "images":
        raise ConfigError(f"vision = {config.vision!r}: has no parameters to learn; choose a stem for images")
