"""What memory a run of the copy task will need."""

from __future__ import annotations

import torch

from rtrl_bench.costs.predict import predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.sequences.copy_data import SYMBOLS
from rtrl_bench.optimisers import Adam
from rtrl_bench.runs.memory_limit import INTEGER, NUMBER, STEP_COPIES, Parts, check_fits

ACCURACY_CHUNK = 1024  # sequences that are tested at once


def check_copy_run(config: CopyConfig, device: torch.device) -> None:
    """Refuse (ConfigError) a run of the copy task that needs more memory than `device` has free: see `copy_parts`."""
    sizes = f"max_length = {config.max_length}, hidden = {config.hidden}, batch = {config.batch}"
    what = f"method: {config.method} with {sizes}, train_size = {config.train_size:,}"
    check_fits(copy_parts(config), what, "lower one of these", None, device)


def copy_parts(config: CopyConfig) -> Parts:
    """Bytes of a run of the copy task."""
    longest = 2 * config.max_length  # steps of a sequence
    steps = {"rtrl": 1, "tbptt": config.unroll or 1, "bptt": longest}[config.method]
    if config.update == "sequence":
        steps = longest
    gradient = "rtrl" if config.method == "rtrl" else "tbptt"
    sizes = Sizes("elstm", 1, config.hidden, SYMBOLS, config.batch, steps, episode=steps)
    cost = predict(gradient, sizes)
    parameters = cost.parameter_bytes // 2
    sequences = config.train_size + config.valid_size + config.test_size
    tested = min(ACCURACY_CHUNK, max(config.valid_size, config.test_size))
    of_a_step = 2 * (NUMBER * (SYMBOLS + 1) + 1)  # inputs, target and whether it is asked for, twice while stacked
    return {
        "parameters, gradients and the optimiser": parameters * (2 + len(Adam.slots) + STEP_COPIES),
        "sensitivities and a segment of the recurrent layer": cost.peak_bytes,
        "sequences": INTEGER * sequences * (config.max_length + 1),
        "the test of its accuracy": tested * longest * of_a_step,
    }
