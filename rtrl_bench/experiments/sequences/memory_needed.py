"""What memory a run on a sequence task will need."""

from __future__ import annotations

import torch

from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.experiments.sequences.stream import CHUNK
from rtrl_bench.experiments.sequences.tasks import Task
from rtrl_bench.optimisers import Adam
from rtrl_bench.runs.memory_limit import NUMBER, STEP_COPIES, Parts, check_fits
from rtrl_bench.runs.recurrent_memory import recurrent_bytes, replayed, stack_of
from rtrl_bench.shapes_alone import shapes_alone

BESIDE = 4 * NUMBER  # bytes of a step that are used while sequences are made


def check_run(config: SequenceConfig, task: Task, device: torch.device) -> None:
    """Refuse (ConfigError) a run that needs more memory than `device` has free: see `run_parts`."""
    sizes = f"hidden = {config.hidden}, batch = {config.batch}, unroll = {config.unroll}"
    what = f"task: {config.task} with {sizes}, sequences of up to {task.longest:,} steps, "
    what += f"train_size = {config.train_size:,}"
    check_fits(run_parts(config, task), what, "lower one of these", None, device)


def run_parts(config: SequenceConfig, task: Task) -> Parts:
    """Bytes of a run."""
    steps = task.longest if config.update == "sequence" else replayed(config, task.longest)
    with shapes_alone():
        parameters = NUMBER * sum(p.numel() for p in stack_of(config, task.inputs).parameters())
    sequences = config.train_size + config.valid_size + config.test_size * (1 + len(config.test_options))
    tested = min(CHUNK, max(config.valid_size, config.test_size))
    parts = {
        "parameters, gradients and the optimiser": parameters * (2 + len(Adam.slots) + STEP_COPIES),
        "sensitivities and a segment of the recurrent layers": recurrent_bytes(config, task.inputs, steps),
        "sequences": task.longest * (sequences * task.step_bytes + config.train_size * BESIDE),
        "the test of its accuracy": tested * task.longest * (task.step_bytes + NUMBER * task.inputs),
    }
    if config.gradient_quality:
        exact = config.model_copy(update={"gradient": "tbptt"})
        parts["the exact gradient"] = recurrent_bytes(exact, task.inputs, config.unroll + task.longest)
    return parts
