"""The training loop: act for M steps in B slots, learn once from that segment, and repeat until the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtrl_bench.agent.r2ac import METRICS
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.agents import make_learner, make_network
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import evaluate
from rtrl_bench.experiments.reinforcement.groups import env_seed, make_actor, make_env
from rtrl_bench.experiments.reinforcement.memory_needed import check_run, check_sizes
from rtrl_bench.experiments.reinforcement.overlap import InTurn, Overlapped
from rtrl_bench.experiments.reinforcement.pretraining import PretrainedStem
from rtrl_bench.experiments.reinforcement.record import record_of, this_process
from rtrl_bench.experiments.reinforcement.simulators import chosen, in_simulator
from rtrl_bench.experiments.reinforcement.tensorboard import TensorBoard
from rtrl_bench.experiments.reinforcement.truncation import COLUMNS as TRUNCATION_COLUMNS
from rtrl_bench.experiments.reinforcement.truncation import Truncation
from rtrl_bench.experiments.reinforcement.watchdog import watched
from rtrl_bench.gradients import Carry
from rtrl_bench.runs import gradient_quality, records
from rtrl_bench.runs.device import peak_bytes
from rtrl_bench.runs.gradient_quality import GradientQuality, drawn
from rtrl_bench.runs.process import use_worthwhile_threads
from rtrl_bench.runs.progress import Progress
from rtrl_bench.runs.settings import replace
from rtrl_bench.runs.timing import time_when_done
from rtrl_bench.runs.work import Content, Result, Table, Work

CURVE_COLUMNS = (
    "env_frames env_steps updates wall_s steps_per_s episode_return_mean episode_length_mean episodes "
    "loss_policy loss_baseline loss_entropy entropy grad_norm learning_rate"
).split()


@dataclass
class Counters:
    """How far a run is. wall_s counts training only, over all resumes."""

    env_steps: int = 0
    updates: int = 0
    episodes: int = 0
    wall_s: float = 0.0
    resumes: int = 0
    exact_resume: bool = True
    peak_bytes: int = 0
    carried_bytes: int = 0  # at most, from segment to segment
    acting: str = "eager"  # or "graph": how the newest step of acting reached the device


@dataclass
class Interval:
    """What happened since the last row of the curve."""

    updates: int = 0
    env_steps: int = 0
    wall_s: float = 0.0
    metrics: list[float] = field(default_factory=lambda: [0.0] * len(METRICS))
    returns: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)


class Training(Work):
    """All state of a run in progress; `state()` and `restore()` carry it over a kill.

    stem: what a new run with `config.pretrained` begins with; a run that goes on finds it in the state it restores.
    folder: where TensorBoard's files go, if they are wanted. `config.backend` becomes the simulator that is chosen.
    """

    def __init__(
        self, config: RunConfig, device: torch.device, stem: PretrainedStem | None = None, folder: Path | None = None
    ):
        self.device, self._folder = device, folder
        self._set_up(config, stem)

    def _set_up(self, config: RunConfig, stem: PretrainedStem | None) -> None:
        """Simulator, network and learner, as they are before the first update."""
        device = self.device
        self.per_update = config.unroll * config.batch
        torch.manual_seed(config.seed)
        check_sizes(config, device)
        self.env = make_env(config, device, env_seed(config, 0))
        space: Any = self.env.single_observation_space
        try:
            check_run(config, space.shape, self.env.action_sizes, device)
            self.network = make_network(config, space.shape, self.env.action_sizes).to(device)
            if stem is not None:
                stem.put_into(self.network.vision, space.shape)
        except ConfigError:
            self.env.close()
            raise
        self.pretrained = stem.origin if stem else None
        if config.threads == 0:
            use_worthwhile_threads(lambda: self.network.act_on_zeros(space.shape, config.batch), config.unroll, device)
        self.learner = make_learner(self.network, config)
        self._carry: Carry | None = None
        self.counters, self.interval = Counters(), Interval()
        self._aside_s = 0.0  # of the newest update, on what is no training
        self.started_utc = records.now_utc()
        backend = chosen(config)
        self.config = config = replace(config, backend=backend.name)  # the evaluation is to be in the same one
        self.versions = records.versions(self.env.backend, backend.packages)
        self.processes = [this_process(device, self.versions)]
        self.curve: list[list[float | None]] = []
        self.actor = make_actor(self.network, self.env, config, device)
        self.acting = InTurn(self.actor) if config.deterministic else Overlapped(self.actor, self.network)
        # Behind it, as an actor's copy of the network would copy what listens to the network too.
        due = partial(drawn, updates=-(-config.env_steps // self.per_update), seed=config.seed)
        points, cut = config.gradient_quality, config.truncation
        self.quality = GradientQuality(self.network.core, due(points)) if points else None
        if self.quality is not None:
            self.learner.after_backward = partial(self._aside, self.quality.compare)
        self.truncation = Truncation(self.learner, cut.unrolls, due(cut.points)) if cut else None

    def close(self) -> None:
        """End the simulator and what acts in it."""
        self.acting.close()
        self.actor.close()
        self.env.close()
        self.learner.after_backward = None  # it refers to this run, whose memory is to be free now for another one

    @property
    def carry(self) -> Carry:
        """Recurrent state and sensitivities; made when it is first needed, as one that is restored is there already."""
        if self._carry is None:
            self._carry = self.network.core.begin(self.config.batch)
        return self._carry

    @property
    def finished(self) -> bool:
        return self.counters.env_steps >= self.config.env_steps

    def updates_made(self) -> int:
        """As the counters have it."""
        return self.counters.updates

    def run(self, should_stop: Callable[[], bool], after_update: Callable[[], None]) -> None:
        """Train to the end of the budget, or until `should_stop()`."""
        with (
            watched(self.env),
            self._board() as board,
            Progress(self.config.label, self.config.env_steps, self.counters.env_steps) as progress,
        ):
            while not self.finished and not should_stop():
                began = time.perf_counter()
                self.update()
                seconds = time.perf_counter() - began - self._aside_s
                self.counters.wall_s += seconds
                self.interval.wall_s += seconds
                self._log_if_due()
                progress.advance(self.per_update, self._note())
                if board is not None:
                    board.write(self.curve)
                after_update()
            progress.say(self._note())

    def _board(self) -> AbstractContextManager[TensorBoard | None]:
        if not self.config.tensorboard or self._folder is None:
            return nullcontext()
        return TensorBoard(self._folder, CURVE_COLUMNS, self.curve)

    def update(self) -> None:
        """Learn from one segment; act for it, or meanwhile for the next one."""
        env_steps, number = self.counters.env_steps, self.counters.updates + 1
        self._aside_s = 0.0
        # Whoever measures the speed of a short run goes on beyond its end.
        self.network.core.progress = min(1.0, env_steps / self.config.env_steps)
        last = env_steps + self.per_update >= self.config.env_steps
        with self.acting.segment(self.carry.state, number, last) as acted:
            metrics, self._carry = self.learner.update(acted.segment, self.carry, env_steps, number)
            if self.truncation is not None:
                self._aside(self.truncation.compare, acted.segment, env_steps, number)
        self.counters.updates, self.counters.acting = number, self.actor.mode
        self.counters.episodes += len(acted.returns)
        self.counters.carried_bytes = max(self.counters.carried_bytes, self.carry.bytes())
        self.counters.env_steps += self.per_update
        self.interval.updates += 1
        self.interval.env_steps += self.per_update
        self.interval.returns += acted.returns
        self.interval.lengths += acted.lengths
        self.interval.metrics = [total + m for total, m in zip(self.interval.metrics, metrics.tolist())]

    def _aside(self, compare: Callable[..., None], *what: Any) -> None:
        """Compare gradients, whose time is not the training's, unless acting goes on meanwhile."""
        began = time_when_done(self.device)
        compare(*what)
        if self.acting.lag == 0:
            self._aside_s += time_when_done(self.device) - began

    def _log_if_due(self) -> None:
        total = -(-self.config.env_steps // self.per_update)
        every = -(-total // self.config.log_points)
        if self.counters.updates % every and not self.finished:
            return
        i, c = self.interval, self.counters
        frames = registry.spec(self.config.environment).frames_per_step
        row: list[float | None] = [c.env_steps * frames, c.env_steps, c.updates, c.wall_s, i.env_steps / i.wall_s]
        row += [float(np.mean(x)) if x else None for x in (i.returns, i.lengths)]
        row += [len(i.returns), *(m / i.updates for m in i.metrics), self.learner.learning_rate(c.env_steps)]
        self.curve.append(row)
        self.interval = Interval()

    def _note(self) -> str:
        last = next((row for row in reversed(self.curve) if row[5] is not None), None)
        return f"return {last[5]:.2f}" if last else ""

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on, as tensors and plain values."""
        self.counters.peak_bytes = max(self.counters.peak_bytes, peak_bytes(self.device))
        return {
            "simulator": self.config.backend,
            "network": self.network.state_dict(),
            "action_sizes": list(self.network.actions.sizes),
            "pretrained": self.pretrained,
            "optimiser": self.learner.optimiser.state_dict(),
            "gradient_quality": self.quality.state() if self.quality else None,
            "truncation": self.truncation.state() if self.truncation else None,
            "carry": self.carry.state_dict(),
            **self.actor.state(),
            "acted": self.acting.state(),
            "started_utc": self.started_utc,
            "processes": self.processes,
            "counters": vars(self.counters),
            "interval": vars(self.interval),
            "curve": self.curve,
        }

    def restore(self, state: dict[str, Any]) -> str:
        """If the simulator cannot be restored, its slots begin anew.

        The record says so, and also if device, threads or versions have changed. Raises ConfigError if the simulator in
        which the run began cannot run here.
        """
        if state["simulator"] != self.config.backend:
            config = in_simulator(self.config, state["simulator"], "this run began in")
            self.close()
            self._set_up(config, None)
        self.network.load_state_dict(state["network"])
        self.pretrained = state["pretrained"]
        self.learner.optimiser.load_state_dict(state["optimiser"])
        self._carry = Carry.from_state_dict(state["carry"]).to(self.device)
        if self.quality is not None:
            self.quality.restore(state["gradient_quality"])
        if self.truncation is not None:
            self.truncation.restore(state["truncation"])
        self.counters, self.interval = Counters(**state["counters"]), Interval(**state["interval"])
        self.curve, self.started_utc = state["curve"], state["started_utc"]
        same = self.processes[-1] == state["processes"][-1]
        if self.finished:  # only the evaluation is left
            self.processes = state["processes"]
            return self._how(same)
        self.counters.resumes += 1
        self.counters.exact_resume &= same
        self.processes = state["processes"] + self.processes
        self.counters.exact_resume &= self.acting.restore(state, env_seed(self.config, self.counters.resumes))
        return self._how(same)

    def _how(self, same: bool) -> str:
        how = "exactly"
        if not self.env.can_restore:
            how = "with new episodes (this simulator cannot be restored)"
            how += "" if same else " and another device, other threads or other versions,"
        elif not self.counters.exact_resume:
            how = "not bit for bit (other device, threads or versions)"
        return f"{how} from {self.counters.env_steps:,} steps"

    def unfinished(self) -> dict[str, Content]:
        """The curve so far."""
        return {"curve.part.csv": Table(CURVE_COLUMNS, self.curve)}

    def result(self) -> Result:
        """Greedy play, and what is to be written of it all."""
        evaluation = evaluate(self.network, self.config, self.device)
        files: dict[str, Content] = {"curve.csv": Table(CURVE_COLUMNS, self.curve)}
        if self.quality is not None:
            files["gradient.csv"] = Table(gradient_quality.columns("env_steps"), self.quality.rows)
        if self.truncation is not None:
            files["truncation.csv"] = Table(TRUNCATION_COLUMNS, self.truncation.rows)
        return Result({**files, "evaluation.json": evaluation}, record_of(self, evaluation))
