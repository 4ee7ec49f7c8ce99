"""Training on a sequence task: can a gradient method carry what was shown to where it is asked for?

The defaults are the paper's for the copy task (Irie et al. 2024, section 4.1): fully online updates, one per step, with
Adam; a sequence counts if it is right at every step where an answer counts. docs/deviations.md has where the loss of
the copy task differs from the paper's code.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtrl_bench.errors import ConfigError, NonFiniteLoss
from rtrl_bench.experiments.sequences.answers import losses, right
from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.sequences.memory_needed import check_run
from rtrl_bench.experiments.sequences.stream import Segment, Stream, chunks
from rtrl_bench.experiments.sequences.tasks import Sequences, make_task
from rtrl_bench.gradients import Carry
from rtrl_bench.optimisers import Adam
from rtrl_bench.runs import gradient_quality
from rtrl_bench.runs.device import peak_bytes
from rtrl_bench.runs.gradient_quality import GradientQuality, drawn
from rtrl_bench.runs.process import use_worthwhile_threads
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.recurrent_memory import stack_of
from rtrl_bench.runs.settings import to_dict
from rtrl_bench.runs.timing import time_when_done
from rtrl_bench.runs.work import Content, Result, Table, Work

CURVE_COLUMNS = ("steps", "updates", "sequences", "loss", "valid_accuracy", "wall_s")
TEST_SEED = 1  # of the further tests' sequences, beside the run's own


class Training(Work):
    """All state of a run on a sequence task. Amounts are steps of a slot."""

    def __init__(self, config: SequenceConfig, device: torch.device):
        self.config, self.device = config, device
        self.task = make_task(config.task, config.task_options)
        check_run(config, self.task, device)
        self.per_update = self.task.longest if config.update == "sequence" else config.unroll
        torch.manual_seed(config.seed)
        self.layer = stack_of(config, self.task.inputs).to(device)
        self.head = nn.Linear(self.layer.output_size, self.task.outputs).to(device)
        self.model = nn.ModuleList([self.layer, self.head])
        if config.threads == 0:
            use_worthwhile_threads(self._step_on_zeros, self.per_update, device)
        betas = (config.adam_beta1, config.adam_beta2)
        self.optimiser = Adam(self.model.parameters(), betas, config.adam_epsilon)
        sizes = (config.train_size, config.valid_size, config.test_size)
        train, self.valid, self.test = self.task.draw(sizes, np.random.default_rng(config.seed))
        for options in config.test_options:  # what cannot be tested on is refused before the work, not after it
            make_task(config.task, config.task_options | options).draw([1], np.random.default_rng(config.seed))
        generator, shortest_first = torch.Generator().manual_seed(config.seed), config.curriculum is not None
        self.stream = Stream(train, config.batch, generator, shortest_first)
        if shortest_first and self.stream.longest == train.lengths.max():
            what = f"all sequences of task {config.task} have {self.stream.longest} steps"
            raise ConfigError(f"curriculum = {config.curriculum}: {what}; remove the key")
        points, updates = config.gradient_quality, math.ceil(config.steps / self.per_update)
        self.quality = GradientQuality(self.layer, drawn(points, updates, config.seed)) if points else None
        self.carry = self.layer.begin(config.batch)
        self.steps = self.updates = self.sequences = self.resumes = self.carried_bytes = 0
        self.wall_s, self.loss_sum = 0.0, 0.0
        self.solved = False
        self.curve: list[list[float | None]] = []

    def _step_on_zeros(self) -> None:
        x, starts = torch.zeros(self.config.batch, self.task.inputs), torch.ones(self.config.batch, dtype=torch.bool)
        self.layer.step(x.to(self.device), starts.to(self.device), self.layer.zero_state(self.config.batch))

    def update(self) -> None:
        """One update: after a segment of the stream or after a batch of whole sequences."""
        began = time.perf_counter()
        self.layer.progress = min(1.0, self.steps / self.config.steps)
        whole = self.config.update == "sequence"
        x, y, asked, starts, ended = self.stream.batch() if whole else self.stream.segment(self.config.unroll)
        y, asked = y.to(self.device), asked.to(self.device)
        if whole:  # nothing of the sequences before is to be kept for a replay
            self.carry = replace(self.layer.begin(self.config.batch), generator=self.carry.generator)

        def loss_of(h: Tensor, state: Tensor) -> Tensor:
            return (losses(self.task, self.head(h), y) * asked).sum() / self.config.batch

        h, self.carry = self.layer(x.to(self.device), starts.to(self.device), self.carry)
        loss = loss_of(h, self.carry.state)
        if not torch.isfinite(loss):
            raise NonFiniteLoss(f"update {self.updates + 1}: loss = {loss.item()}; lower learning_rate")
        self.optimiser.zero_grad()
        loss.backward()
        self.steps, self.updates, self.sequences = self.steps + len(x), self.updates + 1, self.sequences + ended
        if self.quality is not None:  # its time is not the training's
            self.wall_s += time_when_done(self.device) - began
            self.quality.compare(loss_of, self.steps, self.updates)
            began = time_when_done(self.device)
        nn.utils.clip_grad_norm_(self.optimiser.parameters, self.config.gradient_clip)
        self.optimiser.step(self.config.learning_rate)
        if not math.isfinite(self.optimiser.largest()):
            raise NonFiniteLoss(f"update {self.updates}: its step made a parameter infinite; lower learning_rate")
        self.carried_bytes = max(self.carried_bytes, self.carry.bytes())
        self.loss_sum += loss.item()
        self.wall_s += time.perf_counter() - began
        self._validate_if_due(len(x))

    @property
    def finished(self) -> bool:
        return self.steps >= self.config.steps or self.solved

    def accuracy(self, data: Sequences) -> float:
        """Share of sequences that are answered right wherever an answer counts."""
        return float(self._right(data).float().mean())

    @torch.no_grad()
    def _right(self, data: Sequences) -> Tensor:
        return torch.cat([self._answered(chunk) for chunk in chunks(data)]).cpu()

    def _answered(self, data: Segment) -> Tensor:
        x, y, asked, starts = (part.to(self.device) for part in data[:4])
        state = self.layer.zero_state(x.shape[1])
        good = torch.ones(x.shape[1], dtype=torch.bool, device=self.device)
        for t in range(len(x)):
            h, state = self.layer.step(x[t], starts[t], state)
            good &= right(self.task, self.head(h), y[t]) | ~asked[t]
        return good

    def _validate_if_due(self, made: int) -> None:
        """Now and then a row of the curve; the run ends at the first validation at which the task is solved."""
        every = max(1, self.config.steps // self.config.validations)
        if (self.steps - made) // every == self.steps // every and self.steps < self.config.steps:
            return
        good = self._right(self.valid)
        accuracy = float(good.float().mean())
        since = self.updates - int(self.curve[-1][1] or 0) if self.curve else self.updates
        loss = self.loss_sum / since
        self.curve.append([self.steps, self.updates, self.sequences, loss, accuracy, self.wall_s])
        self.loss_sum = 0.0
        self.solved = accuracy >= self.task.solved
        if self.config.curriculum is not None:
            self.stream.add_lengths(torch.from_numpy(self.valid.lengths), good, self.config.curriculum)

    PLAIN = ("steps", "updates", "sequences", "resumes", "wall_s", "loss_sum", "solved", "curve", "carried_bytes")

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "carry": self.carry.state_dict(),
            "stream": {name: getattr(self.stream, name) for name in ("which", "position", "longest")},
            "generator": self.stream.generator.get_state(),
            "torch_generator": torch.get_rng_state(),  # a method's random paths are drawn from it
            "quality": self.quality.state() if self.quality else None,
            "plain": {name: getattr(self, name) for name in self.PLAIN},
        }

    def restore(self, state: dict[str, Any]) -> str:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.carry = Carry.from_state_dict(state["carry"]).to(self.device)
        self.stream.which, self.stream.position = state["stream"]["which"], state["stream"]["position"]
        self.stream.draw_up_to(state["stream"]["longest"])
        self.stream.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_generator"])
        if self.quality is not None:
            self.quality.restore(state["quality"])
        for name, value in state["plain"].items():
            setattr(self, name, value)
        self.resumes += not self.finished
        return f"from step {self.steps:,}"

    def run(self, should_stop: Callable[[], bool], after_update: Callable[[], None]) -> None:
        """Train until the task is solved, or to the end of the budget, or until `should_stop()`."""
        with Progress(self.config.label, self.config.steps, self.steps, "step") as progress:
            while not self.finished and not should_stop():
                before = self.steps
                self.update()
                progress.advance(self.steps - before, f"accuracy {self.curve[-1][4]:.3f}" if self.curve else "")
                after_update()

    def result(self) -> Result:
        """The accuracy on test sequences."""
        record = {
            "method": self.config.method,
            "task": self.config.task,
            "task_options": to_dict(self.task.options),
            "steps": self.steps,
            "updates": self.updates,
            "sequences": self.sequences,
            "wall_s": self.wall_s,
            "accuracy": self.accuracy(self.test),
            "solved": self.solved,
            "steps_to_solve": self.steps if self.solved else None,
            "tests": [{"options": dict(options), "accuracy": a} for options, a in self._further_tests()],
            "gradient_quality": self.quality.summary() if self.quality else None,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "carried_bytes": self.carried_bytes,
            "resumes": self.resumes,
            "peak_bytes": peak_bytes(self.device),
        }
        files: dict[str, Content] = {"curve.csv": Table(CURVE_COLUMNS, self.curve)}
        if self.quality is not None:
            files["gradient.csv"] = Table(gradient_quality.columns("steps"), self.quality.rows)
        return Result(files, record)

    def _further_tests(self) -> list[tuple[dict[str, Any], float]]:
        """The accuracy under other options of the task."""
        found = []
        for options in self.config.test_options:
            task = make_task(self.config.task, self.config.task_options | options)
            random = np.random.default_rng([self.config.seed, TEST_SEED])
            found.append((options, self.accuracy(task.draw([self.config.test_size], random)[0])))
        return found
