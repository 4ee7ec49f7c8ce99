"""The copy task: can a gradient method carry what was shown over up to `max_length` steps?

Settings after Irie et al. 2024 (section 4.1): fully online updates, one per step, with Adam; the goal is 100 % sequence
accuracy, every bit of a sequence right. The loss is ours: binary cross-entropy of the bits asked for, where the paper's
code has three classes at every step (docs/deviations.md).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rtrl_bench.errors import NonFiniteLoss
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.sequences.copy_data import SYMBOLS, Patterns, PatternStream, make_patterns, unrolled
from rtrl_bench.experiments.sequences.memory_needed import check_copy_run
from rtrl_bench.gradients import Carry
from rtrl_bench.layer import RecurrentStack
from rtrl_bench.optimisers import Adam
from rtrl_bench.runs.device import peak_bytes
from rtrl_bench.runs.process import use_worthwhile_threads
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.work import Result, Table, Work

CURVE_COLUMNS = ("step", "sequences", "loss", "valid_sequence_accuracy", "wall_s")


class CopyTraining(Work):
    """All state of a copy-task run in progress."""

    def __init__(self, config: CopyConfig, device: torch.device):
        self.config, self.device = config, device
        check_copy_run(config, device)
        torch.manual_seed(config.seed)
        window = {"tbptt": config.unroll, "bptt": "episode"}.get(config.method)
        self.layer = RecurrentStack(
            SYMBOLS,
            config.hidden,
            gradient="rtrl" if config.method == "rtrl" else "tbptt",
            gradient_options={} if config.method == "rtrl" else {"window": window},
            retention=config.retention,
        ).to(device)
        self.head = nn.Linear(config.hidden, 1).to(device)
        self.model = nn.ModuleList([self.layer, self.head])
        if config.threads == 0:
            times = 1 if config.update == "online" else 2 * config.max_length
            use_worthwhile_threads(self._step_on_zeros, times, device)
        betas = (config.adam_beta1, config.adam_beta2)
        self.optimiser = Adam(self.model.parameters(), betas, config.adam_epsilon)
        data = torch.Generator().manual_seed(config.seed)
        train, self.valid, self.test = (
            make_patterns(n, config.max_length, data) for n in (config.train_size, config.valid_size, config.test_size)
        )
        self.stream = PatternStream(train, config.batch, data)
        self.carry = self.layer.begin(config.batch)
        self.updates = self.sequences = self.resumes = 0
        self.wall_s, self.loss_sum = 0.0, 0.0
        self.updates_to_100: int | None = None
        self.curve: list[list[float | None]] = []

    def _step_on_zeros(self) -> None:
        x, starts = torch.zeros(self.config.batch, SYMBOLS), torch.ones(self.config.batch, dtype=torch.bool)
        self.layer.step(x.to(self.device), starts.to(self.device), self.layer.zero_state(self.config.batch))

    def update(self) -> None:
        """One update: after every step of the stream (online) or after a batch of whole sequences."""
        began = time.perf_counter()
        if self.config.update == "online":
            x, y, asked, starts, count = self.stream.step()
            x, y, asked, starts = x[None], y[None], asked[None], starts[None]
        else:
            x, y, asked, starts, count = self.stream.sequences()
            self.carry = self.layer.begin(self.config.batch)
        h, self.carry = self.layer(x.to(self.device), starts.to(self.device), self.carry)
        bits = self.head(h).squeeze(-1)
        losses = nn.functional.binary_cross_entropy_with_logits(bits, y.to(self.device), reduction="none")
        loss = (losses * asked.to(self.device)).sum() / self.config.batch
        if not torch.isfinite(loss):
            raise NonFiniteLoss(f"update {self.updates + 1}: loss = {loss.item()}; lower learning_rate")
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimiser.step(self.config.learning_rate)
        if not math.isfinite(self.optimiser.largest()):
            raise NonFiniteLoss(f"update {self.updates + 1}: its step made a parameter infinite; lower learning_rate")
        self.updates += 1
        self.sequences += count
        self.loss_sum += loss.item()
        self.wall_s += time.perf_counter() - began

    @property
    def finished(self) -> bool:
        return self.updates >= self.config.steps or self.updates_to_100 is not None

    @torch.no_grad()
    def accuracy(self, patterns: Patterns) -> float:
        """Share of sequences of which every bit is right."""
        right: list[Tensor] = []
        for which in torch.arange(len(patterns.lengths)).split(1024):
            x, y, asked = (t.to(self.device) for t in unrolled(patterns, which))
            state = self.layer.zero_state(len(which))
            good = torch.ones(len(which), dtype=torch.bool, device=self.device)
            starts = torch.zeros_like(good)
            for t in range(len(x)):
                h, state = self.layer.step(x[t], starts, state)
                good &= ((self.head(h).squeeze(-1) > 0) == (y[t] > 0.5)) | ~asked[t]
            right.append(good)
        return float(torch.cat(right).float().mean())

    def validate_if_due(self) -> None:
        """Now and then a row of the curve; the run ends at the first validation with 100 %."""
        every = max(1, self.config.steps // self.config.validations)
        if self.updates % every and self.updates < self.config.steps:
            return
        accuracy = self.accuracy(self.valid)
        since = self.updates - int(self.curve[-1][0] or 0) if self.curve else self.updates
        self.curve.append([self.updates, self.sequences, self.loss_sum / since, accuracy, self.wall_s])
        self.loss_sum = 0.0
        if accuracy == 1.0:
            self.updates_to_100 = self.updates

    def state(self) -> dict[str, Any]:
        """See `Work`."""
        plain = ("updates", "sequences", "resumes", "wall_s", "loss_sum", "updates_to_100", "curve")
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "carry": self.carry.state_dict(),
            "stream": {"which": self.stream.which, "position": self.stream.position},
            "generator": self.stream.generator.get_state(),
            "plain": {name: getattr(self, name) for name in plain},
        }

    def restore(self, state: dict[str, Any]) -> str:
        """Go on exactly from `state()`."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.carry = Carry.from_state_dict(state["carry"]).to(self.device)
        self.stream.which, self.stream.position = state["stream"]["which"], state["stream"]["position"]
        self.stream.generator.set_state(state["generator"])
        for name, value in state["plain"].items():
            setattr(self, name, value)
        self.resumes += not self.finished
        return f"exactly from update {self.updates:,}"

    def updates_made(self) -> int:
        """Steps of the optimiser."""
        return self.updates

    def run(self, should_stop: Callable[[], bool], after_update: Callable[[], None]) -> None:
        """Train until every sequence is right, or to the end of the budget, or until `should_stop()`."""
        with Progress(self.config.label, self.config.steps, self.updates, "update") as progress:
            while not self.finished and not should_stop():
                self.update()
                self.validate_if_due()
                progress.advance(1, f"accuracy {self.curve[-1][3]:.3f}" if self.curve else "")
                after_update()

    def result(self) -> Result:
        """The accuracy on test sequences."""
        record = {
            "method": self.config.method,
            "max_length": self.config.max_length,
            "updates": self.updates,
            "wall_s": self.wall_s,
            "test_sequence_accuracy": self.accuracy(self.test),
            "updates_to_100": self.updates_to_100,
            "resumes": self.resumes,
            "peak_bytes": peak_bytes(self.device),
        }
        return Result({"curve.csv": Table(CURVE_COLUMNS, self.curve)}, record)
