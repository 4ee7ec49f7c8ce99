"""A vision stem that is taught by supervised learning what its pictures show, in a folder that runs can name.

Agents that take it over (`pretrained: {run: <folder>}`) depart from the paper, which pre-trains stems by TBPTT.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rtrl_bench.agent import vision
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError, Interrupted, NonFiniteLoss
from rtrl_bench.experiments.stems.config import StemConfig
from rtrl_bench.experiments.stems.frames import NewestFrames, held_out
from rtrl_bench.experiments.stems.heads import Heads, scores
from rtrl_bench.optimisers import Adam
from rtrl_bench.rooms.labels import CLASSES
from rtrl_bench.runs import checkpoint, records
from rtrl_bench.runs.device import choose_device, device_name, peak_bytes
from rtrl_bench.runs.folder import examine, set_aside, write_config
from rtrl_bench.runs.lock import sole_writer
from rtrl_bench.runs.process import prepare_process
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.settings import to_dict
from rtrl_bench.runs.signals import collect_signals, undisturbed
from rtrl_bench.system.output import say

OUTPUTS = ("curve.csv", "evaluation.json", "run.json")
CURVE_COLUMNS = ("env_steps", "updates", "loss", "learning_rate", "wall_s")
LOG_POINTS = 50
COUNTERS = ("updates", "resumes", "wall_s", "loss_sum", "curve", "started_utc")
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam


class StemTraining:
    """A stem, the heads that teach it, and the frames that they learn from."""

    def __init__(self, config: StemConfig, device: torch.device):
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        self.frames = NewestFrames(config)
        self.backend = self.frames.watched.env.backend
        shape = self.frames.watched.images.shape[1:]
        self.vision = vision.build(config.vision, shape, config.features).to(device)
        widths = {name: values.shape[1] for name, values in self.frames.watched.labels().items()}
        self.heads = Heads(self.vision.output_size, CLASSES[config.environment], widths).to(device)
        self.optimiser = Adam([*self.vision.parameters(), *self.heads.parameters()], BETAS, EPSILON)
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
        network = {"vision": self.vision, "heads": self.heads}
        return {
            "fingerprint": self.config.fingerprint(),
            "network": {f"{part}.{k}": v for part in network for k, v in network[part].state_dict().items()},
            "observation": torch.from_numpy(self.frames.watched.images[:1]),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "counters": {name: getattr(self, name) for name in COUNTERS},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly from `state()`: the players are watched anew up to there, as they know nothing of the stem."""
        for part, module in (("vision.", self.vision), ("heads.", self.heads)):
            parameters = {k.removeprefix(part): v for k, v in state["network"].items() if k.startswith(part)}
            module.load_state_dict(parameters)
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        for name, value in state["counters"].items():
            setattr(self, name, value)
        if not self.finished:
            self.resumes += 1
            for _ in range(self.updates):
                self.frames.record()


def check_choices(config: StemConfig) -> None:
    """Refuse unknown names and unfit combinations before anything is made (UnknownName, ConfigError)."""
    registry.validate(config.environment, config.environment_options, "rooms")
    if vision.VISION[config.vision].takes != "images":
        raise ConfigError(f"vision = {config.vision!r}: has nothing to learn; take a stem for images")


def teach_stem(
    config: StemConfig, folder: Path, restart_if_changed: bool = False, wait: bool = False
) -> dict[str, Any]:
    """Carry the run `config` in `folder` to its end, from wherever it is; returns the content of run.json.

    Raises as `rtrl_bench.experiments.reinforcement.run.train` does.
    """
    folder = folder.absolute()
    check_choices(config)
    device = choose_device(config.device)
    with sole_writer(folder, wait):
        return _teach(config, folder, device, restart_if_changed)


def _teach(config: StemConfig, folder: Path, device: torch.device, restart_if_changed: bool) -> dict[str, Any]:
    past = examine(folder, config, OUTPUTS, restart_if_changed)
    if past.record is not None:
        say(f"{folder}: already complete, nothing to do")
        return past.record
    prepare_process(config.threads)
    training = StemTraining(config, device)
    try:
        if past.other is not None:
            set_aside(folder, past.other, config)
        write_config(folder, config)
        if past.state is not None:
            with checkpoint.fitting(folder / "checkpoint"):
                training.restore(past.state)
            say(f"{folder}: going on exactly from update {training.updates:,}")
        _train_to_the_end(training, folder)
    finally:
        training.frames.watched.env.close()
    labels = training.scores()
    record = _record(training, labels)
    with undisturbed():
        records.write_csv(folder / "curve.csv", CURVE_COLUMNS, training.curve)
        records.write_json(folder / "evaluation.json", {"schema": 1, "labels": labels})
        records.write_json(folder / "run.json", record)
    return record


def _train_to_the_end(training: StemTraining, folder: Path) -> None:
    """Train with a checkpoint every `checkpoint_minutes`, at the end, and on a signal (which raises Interrupted)."""
    saved_at = time.monotonic()

    def save() -> None:
        nonlocal saved_at
        checkpoint.save(folder / "checkpoint", training.state(), training.updates)
        saved_at = time.monotonic()

    def save_if_due() -> None:
        if time.monotonic() - saved_at >= 60 * training.config.checkpoint_minutes:
            save()

    with collect_signals() as received:
        training.run(lambda: bool(received), save_if_due)
        save()
    if received:
        raise Interrupted(received[0], folder)


def _record(training: StemTraining, labels: list[dict[str, Any]]) -> dict[str, Any]:
    config, spec = training.config, registry.spec(training.config.environment)
    packages = registry.chosen_backend(config.environment, "rooms").packages
    env_steps = training.updates * config.slots
    return {
        "schema": 1,
        "kind": "stem",
        "status": "complete",
        "config": to_dict(config),
        "fingerprint": config.fingerprint(),
        "method": config.method,
        "environment": config.environment,
        "suite": spec.suite,
        "backend": training.backend,
        "frames_per_step": spec.frames_per_step,
        "env_steps": env_steps,
        "env_frames": env_steps * spec.frames_per_step,
        "updates": training.updates,
        "wall_s": training.wall_s,
        "steps_per_s": env_steps / training.wall_s,
        "peak_bytes": peak_bytes(training.device),
        "parameters": sum(p.numel() for p in training.vision.parameters()),
        "accuracies": {row["label"]: row["accuracy"] for row in labels if "accuracy" in row},
        "median_errors": {row["label"]: row["median_error"] for row in labels if "median_error" in row},
        "device": training.device.type,
        "device_name": device_name(training.device),
        "threads": torch.get_num_threads(),
        "versions": records.versions(training.backend, packages),
        **records.git_state(),
        "machine": records.machine(),
        "resumes": training.resumes,
        "started_utc": training.started_utc,
        "finished_utc": records.now_utc(),
    }


def measure_speed(config: StemConfig, seconds: float) -> float:
    """Env steps per second of teaching, from about `seconds` of it after two warm-up updates."""
    check_choices(config)
    prepare_process(config.threads)
    training = StemTraining(config, choose_device(config.device))
    for _ in range(2):
        training.update()
    began, first = time.perf_counter(), training.updates
    while training.updates == first or time.perf_counter() - began < seconds:
        training.update()
    training.frames.watched.env.close()
    return (training.updates - first) * config.slots / (time.perf_counter() - began)
