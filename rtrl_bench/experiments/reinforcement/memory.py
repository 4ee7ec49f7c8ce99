"""What memory a run will need, asked before it is allocated, and whether it is there.

Counted is what a run takes beside the program, its libraries and the simulator: all that its settings decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.vision import VISION, Stem
from rtrl_bench.costs.predict import METHODS, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.envs import registry
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.sequences.config import CopyConfig
from rtrl_bench.experiments.sequences.copy_data import SYMBOLS
from rtrl_bench.optimisers import Adam, RMSProp
from rtrl_bench.shapes_alone import shapes_alone
from rtrl_bench.system.resident import free_bytes

NUMBER = 4  # bytes of float32
INTEGER = 8
BESIDE_OBSERVATION = 5 * NUMBER + 2  # of a step in a segment: two rewards, an action, its log-probability, two flags
STEP_COPIES = 2  # of all parameters, while an optimiser's step is worked out
ACCURACY_CHUNK = 1024  # sequences that the copy task tests at once

FIX = "lower one of these, or choose gradient: rtrl_segment, which carries nothing across layers"

Parts = Mapping[str, int]
"""Bytes by what they are for."""


def check_run(config: RunConfig, shape: tuple[int, ...], actions: Sequence[int], device: torch.device) -> None:
    """Refuse (ConfigError) a training run that needs more memory than it may use: see `run_parts`.

    It may use `config.memory_gb`, or what `device` has free.
    """
    what = f"{_what(config)} on observations of shape {shape}"
    _check(run_parts(config, shape, actions), what, FIX, config.memory_gb, device)


def check_sizes(config: RunConfig, device: torch.device) -> None:
    """As `check_run`, of what is known before there is a simulator: it is not asked for more slots than can be."""
    inputs = 1 if VISION[config.vision].takes == "vectors" else config.features
    parts = {
        "at least the recurrent layers": _recurrent_bytes(config, inputs + 1, config.unroll),
        "and the segments": config.unroll * config.batch * BESIDE_OBSERVATION,
    }
    _check(parts, _what(config), FIX, config.memory_gb, device)


def check_copy_run(config: CopyConfig, device: torch.device) -> None:
    """Refuse (ConfigError) a run of the copy task that needs more memory than `device` has free: see `copy_parts`."""
    sizes = f"max_length = {config.max_length}, hidden = {config.hidden}, batch = {config.batch}"
    what = f"method: {config.method} with {sizes}, train_size = {config.train_size:,}"
    _check(copy_parts(config), what, "lower one of these", None, device)


def _what(config: RunConfig) -> str:
    sizes = f"layers = {config.layers}, hidden = {config.hidden}, batch = {config.batch}, unroll = {config.unroll}"
    return f"gradient: {config.gradient} with {sizes}"


def _check(parts: Parts, what: str, fix: str, memory_gb: float | None, device: torch.device) -> None:
    needed = sum(parts.values())
    allowed, whose = _allowed(memory_gb, device)
    if allowed is not None and needed > allowed:
        each = ", ".join(f"{name} {size / 1e9:.3g}" for name, size in parts.items() if size)
        raise ConfigError(
            f"{what} needs {needed:,} bytes ({needed / 1e9:.3g} GB: {each}), more than the {allowed / 1e9:.3g} GB "
            f"{whose}: {fix}"
        )


def _allowed(memory_gb: float | None, device: torch.device) -> tuple[float | None, str]:
    """Bytes that may be used (None: not known), and who says so."""
    if memory_gb is not None:
        return memory_gb * 1e9, "of memory_gb"
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], "that are free on the GPU"
    return free_bytes(), "that are free on this machine"


def run_parts(config: RunConfig, shape: tuple[int, ...], actions: Sequence[int]) -> Parts:
    """Bytes of a training run on observations of `shape`, with `actions` of so many values (as in AgentNetwork).

    Where episodes are replayed, one without a known end counts as long as a segment.
    """
    episode = registry.validate(config.environment, config.environment_options, config.backend).episode_limit
    with shapes_alone():
        network = AgentNetwork(config, shape, actions)
    samples = config.unroll * config.batch
    inputs = network.core.inputs
    replayed = _replayed(config, episode)
    learning, frozen = _vision_bytes(network.vision, shape, samples), _vision_bytes(network.vision, shape, config.batch)
    seen = NUMBER * (inputs - 1) if config.pretrained else math.prod(shape) * _observation_bytes(network.vision)
    segments = 1 if config.deterministic else 2
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    all_parameters = sum(p.numel() for p in network.parameters())
    copies = 1 if config.deterministic else 2
    parts = {
        "parameters, gradients and the optimiser": NUMBER
        * (copies * all_parameters + (1 + len(RMSProp.slots) + STEP_COPIES) * trained),
        "sensitivities and a segment of the recurrent layers": _recurrent_bytes(config, inputs, replayed),
        "the vision stem": frozen if config.pretrained else learning,
        "segments": segments * samples * (seen + BESIDE_OBSERVATION),
    }
    if config.gradient_quality:
        exact = config.model_copy(update={"gradient": "tbptt"})
        parts["the exact gradient"] = _recurrent_bytes(exact, inputs, config.unroll + (episode or config.unroll))
    return parts


def _replayed(config: RunConfig, episode: int | None) -> int:
    """Steps that a segment's backward pass goes through."""
    if config.window == "episode":
        return config.unroll + (episode or config.unroll)
    return config.window or config.unroll


def _recurrent_bytes(config: RunConfig, inputs: int, steps: int) -> int:
    """Carried, and worked on in `steps` steps; 0 where no formula is known."""
    if config.cell == "none" or config.gradient not in METHODS:
        return 0
    sizes = Sizes(config.cell, config.layers, config.hidden, inputs, config.batch, steps, episode=steps)
    return predict(config.gradient, sizes).peak_bytes


def _observation_bytes(stem: Stem) -> int:
    """Of one number in an observation."""
    return 1 if stem.takes == "images" else NUMBER


def _vision_bytes(stem: Stem, shape: tuple[int, ...], samples: int) -> int:
    """What the stem keeps of `samples` observations for its backward pass, and what that works with.

    The latter is the gradient of the largest output of a layer and, for some layers, a copy of it in another layout: as
    measured, half of one.
    """
    own = {p.untyped_storage()._cdata for p in stem.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    dtype = torch.uint8 if _observation_bytes(stem) == 1 else torch.float32
    observations = torch.zeros(1, *shape, dtype=dtype, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        stem(observations)
    inside = [storage.nbytes() for storage in kept.values()]
    return samples * (sum(inside) + 3 * max(inside, default=0) // 2)


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
