"""`train`: check everything, resume if there is something to resume, train, evaluate, write the records."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rtrl_bench.agent import vision
from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.cells import CELLS
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError, Interrupted
from rtrl_bench.experiments.reinforcement import gradient_quality
from rtrl_bench.experiments.reinforcement.agents import make_network
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import evaluate
from rtrl_bench.experiments.reinforcement.groups import group_sizes
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.experiments.reinforcement.pretraining import find_stem, remade
from rtrl_bench.experiments.reinforcement.source import with_fingerprint
from rtrl_bench.experiments.reinforcement.watchdog import watched
from rtrl_bench.gradients import make_method
from rtrl_bench.runs import checkpoint, records
from rtrl_bench.runs.device import choose_device, device_name, peak_bytes
from rtrl_bench.runs.folder import Past, examine, set_aside, write_config
from rtrl_bench.runs.lock import sole_writer
from rtrl_bench.runs.process import prepare_process, time_when_done, use_worthwhile_threads
from rtrl_bench.runs.settings import to_dict
from rtrl_bench.runs.signals import collect_signals, undisturbed
from rtrl_bench.system.output import say


def outputs(config: RunConfig) -> tuple[str, ...]:
    """The files that a finished run leaves in its folder beside its configuration and checkpoints."""
    compared = ("gradient.csv",) if config.gradient_quality else ()
    return ("curve.csv", *compared, "evaluation.json", "run.json")


def check_choices(config: RunConfig) -> None:
    """Refuse unknown names and unfit combinations before anything is made (UnknownName, ConfigError)."""
    found = registry.validate(config.environment, config.environment_options, config.backend)
    if config.loss.bootstrap_truncation and not any(backend.truncates for backend in found.backends):
        raise ConfigError(
            f"loss.bootstrap_truncation = true: the simulator of {config.environment} tells no time limit from an end; "
            "remove the key"
        )
    cell = CELLS[config.cell]()
    make_method(config.gradient, cell, config.layers, config.method_options)
    vision.VISION[config.vision]
    gradient_quality.check(config)
    cell.check_retention(config.retention)


def train(config: RunConfig, folder: Path, restart_if_changed: bool = False, wait: bool = False) -> dict[str, Any]:
    """Carry the run `config` in `folder` to its end, from wherever it is; returns the content of run.json.

    Raises ConfigError, UnknownName, EnvironmentUnavailable or CheckpointError before any work starts, Interrupted on
    SIGTERM and SIGINT after a checkpoint; NonFiniteLoss, EnvironmentFailed or Unwritable (a file)
    with the last good checkpoint kept. `restart_if_changed` sets another configuration's run aside; with `wait` a
    process that trains in `folder` is waited for.
    """
    here, folder = Path.cwd(), folder.absolute()  # an environment may change the working directory
    check_choices(config)
    device = choose_device(config.device)
    with sole_writer(folder, wait):
        return _train(with_fingerprint(config, folder, here), folder, here, device, restart_if_changed)


def _train(
    config: RunConfig, folder: Path, here: Path, device: torch.device, restart_if_changed: bool
) -> dict[str, Any]:
    past = _past(config, folder, here, restart_if_changed)
    if past.record is not None:
        say(f"{folder}: already complete, nothing to do")
        return past.record
    stem = find_stem(config, here) if past.state is None else None
    prepare_process(config.threads)
    training = Training(config, device, stem)
    try:
        if past.other is not None:
            set_aside(folder, past.other, config)
        if past.state is not None:
            with checkpoint.fitting(folder / "checkpoint"):
                training.restore(past.state)
            past.state = None  # what of it has been copied need not be held twice
            _say_resumed(training, folder)
        else:
            checkpoint.save(folder / "checkpoint", training.state(), 0)
        write_config(folder, config)
        with watched(training.env):
            _train_to_the_end(training, folder)
        backend = training.env.backend
    finally:
        training.close()
    evaluation = evaluate(training.network, config, device)
    with undisturbed():
        record = _run_record(training, backend, evaluation)
        records.write_csv(folder / "curve.csv", records.CURVE_COLUMNS, training.curve)
        if training.quality is not None:
            records.write_csv(folder / "gradient.csv", gradient_quality.COLUMNS, training.quality.rows)
        records.write_json(folder / "evaluation.json", evaluation)
        records.write_json(folder / "run.json", record)
    return record


def _past(config: RunConfig, folder: Path, here: Path, restart_if_changed: bool) -> Past:
    """As `examine`; a run whose vision stem has been trained anew since it began is another one too."""
    past = examine(folder, config, outputs(config), restart_if_changed)
    origin = (past.record or past.state or {}).get("pretrained")
    change = None if origin is None else remade(config, origin, here)
    if change is None:
        return past
    if not restart_if_changed:
        raise ConfigError(
            f"output folder {folder} holds a run that began with {change}: choose another folder, or "
            "--restart-if-changed to set that run aside"
        )
    return Past(other=config.fingerprint())


def _say_resumed(training: Training, folder: Path) -> None:
    how = "exactly"
    if not training.env.can_restore:
        how = "with new episodes (this simulator cannot be restored)"
    elif not training.counters.exact_resume:
        how = "not bit for bit (other device, threads or versions)"
    say(f"{folder}: going on {how} from {training.counters.env_steps:,} steps")


def _train_to_the_end(training: Training, folder: Path) -> None:
    """Train with a checkpoint every `checkpoint_minutes`, at the end, and on a signal (which raises Interrupted)."""
    saved_at = time.monotonic()
    board = _TensorBoard(folder, training.curve) if training.config.tensorboard else None

    def save() -> None:
        nonlocal saved_at
        checkpoint.save(folder / "checkpoint", training.state(), training.counters.updates)
        records.write_csv(folder / "curve.part.csv", records.CURVE_COLUMNS, training.curve)
        saved_at = time.monotonic()

    def after_update() -> None:
        if board is not None:
            board.write(training.curve)
        if time.monotonic() - saved_at >= 60 * training.config.checkpoint_minutes:
            save()

    with collect_signals() as received:
        try:
            training.run(lambda: bool(received), after_update)
        finally:
            if board is not None:
                board.close()
        save()
    if received:
        raise Interrupted(received[0], folder)
    (folder / "curve.part.csv").unlink(missing_ok=True)


class _TensorBoard:
    """The rows of the curve as TensorBoard scalars, in the run folder's tensorboard/.

    Rows behind those in `written`, of a process that was killed after its last checkpoint, are written again:
    TensorBoard is told to forget them.
    """

    def __init__(self, folder: Path, written: list[list[float | None]]):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("tensorboard = true: tensorboard is not installed; pip install tensorboard") from error
        forget_from = int(written[-1][1] or 0) + 1 if written else None
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=forget_from)
        self._written = len(written)

    def write(self, curve: list[list[float | None]]) -> None:
        for row in curve[self._written :]:
            for name, value in zip(records.CURVE_COLUMNS, row):
                if value is not None:
                    self._writer.add_scalar(name, value, int(row[1] or 0))
        self._written = len(curve)

    def close(self) -> None:
        self._writer.close()


def _run_record(training: Training, backend: str, evaluation: dict[str, Any]) -> dict[str, Any]:
    config, counters = training.config, training.counters
    spec = registry.spec(config.environment)
    means = [float(np.mean(s["returns"])) for s in evaluation["sets"]]
    budget = spec.paper_env_steps
    return {
        "schema": 1,
        "status": "complete",
        "config": to_dict(config),
        "fingerprint": config.fingerprint(),
        "method": config.method,
        "environment": config.environment,
        "suite": spec.suite,
        "backend": backend,
        "frames_per_step": spec.frames_per_step,
        "env_steps": counters.env_steps,
        "env_frames": counters.env_steps * spec.frames_per_step,
        "updates": counters.updates,
        "episodes": counters.episodes,
        "wall_s": counters.wall_s,
        "steps_per_s": counters.env_steps / counters.wall_s,
        "peak_bytes": max(counters.peak_bytes, peak_bytes(training.device)),
        "parameters": sum(p.numel() for p in training.learner.optimiser.parameters),
        "carried_bytes": counters.carried_bytes,
        "gradient_quality": training.quality.summary() if training.quality else None,
        "pretrained": training.pretrained,
        "device": training.device.type,
        "device_name": device_name(training.device),
        "threads": torch.get_num_threads(),
        "versions": training.versions,
        **records.git_state(),
        "machine": records.machine(),
        "paper_env_steps": budget,
        "budget_fraction": counters.env_steps / budget if budget else None,
        "policy_lag": training.acting.lag,
        "acting": counters.acting,
        "slot_groups": len(group_sizes(config, training.device)),
        "resumes": counters.resumes,
        "exact_resume": counters.exact_resume,
        "processes": training.processes,
        "started_utc": training.started_utc,
        "finished_utc": records.now_utc(),
        "evaluation": {
            "sets": len(means),
            "episodes": sum(len(s["returns"]) for s in evaluation["sets"]),
            "mean": float(np.mean(means)),
            "std_over_sets": float(np.std(means)),
            "truncated": sum(s["truncated"] for s in evaluation["sets"]),
            "max_steps": evaluation["max_steps"],
        },
    }


class TrainedAgent(NamedTuple):
    """A trained network on `device`, for observations of `observation_shape` and actions of `action_sizes`."""

    network: AgentNetwork
    device: torch.device
    observation_shape: tuple[int, ...]
    action_sizes: tuple[int, ...]


def trained_network(config: RunConfig, folder: Path) -> TrainedAgent:
    """The network of the newest checkpoint in a run folder, made without its simulator.

    Raises ConfigError when there is no checkpoint, CheckpointError when it does not fit.
    """
    folder = folder.absolute()
    check_choices(config)
    prepare_process(config.threads)
    device = choose_device(config.device)
    saved = checkpoint.load_newest(folder / "checkpoint")
    if saved is None:
        raise ConfigError(f"{folder}: no checkpoint there; train first")
    with checkpoint.fitting(folder / "checkpoint"):
        shape, sizes = tuple(saved["observation"].shape[1:]), tuple(saved["action_sizes"])
        network = make_network(config, shape, sizes).to(device)
        network.load_state_dict(saved["network"])
        if config.threads == 0:
            use_worthwhile_threads(lambda: network.act_on_zeros(shape, config.batch), config.unroll, device)
    return TrainedAgent(network, device, shape, sizes)


def evaluate_checkpoint(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Evaluate the newest checkpoint in a run folder; ConfigError when there is none. Writes nothing."""
    trained = trained_network(config, folder)
    return evaluate(trained.network, config, trained.device)


def measure_speed(config: RunConfig, seconds: float) -> float:
    """Training speed in env steps per second, from about `seconds` of training after two warm-up updates.

    It takes no longer than the run itself would. A frozen stem has random parameters here, which are as fast as trained
    ones.
    """
    check_choices(config)
    prepare_process(config.threads)
    training = Training(config, choose_device(config.device))
    try:
        for _ in range(2):
            training.update()
        began, updates = time_when_done(training.device), training.counters.updates
        steps = 0
        while steps == 0 or (steps < config.env_steps and time.perf_counter() - began < seconds):
            training.update()
            steps = (training.counters.updates - updates) * training.steps_per_update
        return steps / (time_when_done(training.device) - began)
    finally:
        training.close()
