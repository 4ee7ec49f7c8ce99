"""What memory a training run will need, beside the program, its libraries and the simulator."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rtrl_bench.agent.vision import VISION, Stem
from rtrl_bench.envs import registry
from rtrl_bench.experiments.reinforcement.agents import make_network
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.optimisers import RMSProp
from rtrl_bench.runs.memory_limit import NUMBER, STEP_COPIES, Parts, check_fits
from rtrl_bench.runs.recurrent_memory import recurrent_bytes, replayed
from rtrl_bench.shapes_alone import shapes_alone

BESIDE_OBSERVATION = 5 * NUMBER + 2  # of a step in a segment: two rewards, an action, its log-probability, two flags


def check_run(config: RunConfig, shape: tuple[int, ...], actions: Sequence[int], device: torch.device) -> None:
    """Refuse (ConfigError) a training run that needs more memory than it may use: see `run_parts`.

    It may use `config.memory_gb`, or what `device` has free.
    """
    what = f"{_what(config)} on observations of shape {shape}"
    check_fits(run_parts(config, shape, actions), what, _fix(config), config.memory_gb, device)


def check_sizes(config: RunConfig, device: torch.device) -> None:
    """As `check_run`, of what is known before there is a simulator: it is not asked for more slots than can be."""
    inputs = 1 if VISION[config.vision].takes == "vectors" else config.features
    parts = {
        "at least the recurrent layers": recurrent_bytes(config, inputs + 1, config.unroll),
        "and the segments": config.unroll * config.batch * BESIDE_OBSERVATION,
    }
    check_fits(parts, _what(config), _fix(config), config.memory_gb, device)


def _what(config: RunConfig) -> str:
    sizes = f"layers = {config.layers}, hidden = {config.hidden}, batch = {config.batch}, unroll = {config.unroll}"
    return f"gradient: {config.gradient} with {sizes}"


def _fix(config: RunConfig) -> str:
    """What to do about a run that does not fit: of the methods that take its cell, the one that carries less."""
    if config.gradient == "rtrl" and config.layers > 1:
        return "lower one of these, or choose gradient: rtrl_segment, which carries nothing across layers"
    if config.gradient != "tbptt":
        return "lower one of these, or choose gradient: tbptt, which carries the state alone"
    return "lower one of these"


def run_parts(config: RunConfig, shape: tuple[int, ...], actions: Sequence[int]) -> Parts:
    """Bytes of a training run on observations of `shape`, with `actions` of so many values (as in AgentNetwork).

    For full BPTT, which replays episodes, one without a known limit is taken to be as long as a segment.
    """
    episode = registry.validate(config.environment, config.environment_options, config.backend).episode_limit
    with shapes_alone():
        network = make_network(config, shape, actions)
    samples = config.unroll * config.batch
    inputs = network.core.inputs
    steps = replayed(config, episode)
    learning, frozen = _vision_bytes(network.vision, shape, samples), _vision_bytes(network.vision, shape, config.batch)
    seen = NUMBER * (inputs - 1) if config.pretrained else math.prod(shape) * _observation_bytes(network.vision)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    all_parameters = sum(p.numel() for p in network.parameters())
    copies = 1 if config.deterministic else 2  # acting beside learning has parameters and a segment of its own
    parts = {
        "parameters, gradients and the optimiser": NUMBER
        * (copies * all_parameters + (1 + len(RMSProp.slots) + STEP_COPIES) * trained),
        "sensitivities and a segment of the recurrent layers": recurrent_bytes(config, inputs, steps),
        "the vision stem": frozen if config.pretrained else learning,
        "segments": copies * samples * (seen + BESIDE_OBSERVATION),
    }
    if config.gradient_quality:
        exact = config.model_copy(update={"gradient": "tbptt"})
        parts["the exact gradient"] = recurrent_bytes(exact, inputs, config.unroll + (episode or config.unroll))
    if config.truncation:
        exact, longest = config.model_copy(update={"gradient": "rtrl"}), max(config.truncation.unrolls) + config.unroll
        parts["gradients at other M"] = 2 * recurrent_bytes(exact, inputs, longest) + config.batch * (
            longest * (seen + BESIDE_OBSERVATION) + NUMBER * inputs * (episode or config.unroll)
        )
    return parts


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
