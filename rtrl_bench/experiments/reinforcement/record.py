"""What a training run writes of itself into run.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rtrl_bench.envs import registry
from rtrl_bench.experiments.reinforcement.groups import group_sizes
from rtrl_bench.runs import records
from rtrl_bench.runs.device import peak_bytes

if TYPE_CHECKING:
    from rtrl_bench.experiments.reinforcement.loop import Training


def this_process(device: torch.device, versions: Mapping[str, str]) -> dict[str, Any]:
    """What of a process can change a run's numbers."""
    threads = torch.get_num_threads()
    return {"device": device.type, "threads": threads, "versions": dict(versions), **records.git_state()}


def record_of(training: Training, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What is a training run's own in its record (results/README.md)."""
    config, counters = training.config, training.counters
    spec = registry.spec(config.environment)
    means = [float(np.mean(s["returns"])) for s in evaluation["sets"]]
    budget = spec.paper_env_steps
    return {
        "method": config.method,
        "environment": config.environment,
        "suite": spec.suite,
        "simulator": training.config.backend,
        "backend": training.env.backend,
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
        "versions": training.versions,
        "paper_env_steps": budget,
        "budget_fraction": counters.env_steps / budget if budget else None,
        "policy_lag": training.acting.lag,
        "acting": counters.acting,
        "slot_groups": len(group_sizes(config, training.device)),
        "resumes": counters.resumes,
        "exact_resume": counters.exact_resume,
        "processes": training.processes,
        "started_utc": training.started_utc,
        "evaluation": {
            "sets": len(means),
            "episodes": sum(len(s["returns"]) for s in evaluation["sets"]),
            "mean": float(np.mean(means)),
            "std_over_sets": float(np.std(means)),
            "truncated": sum(s["truncated"] for s in evaluation["sets"]),
            "max_steps": evaluation["max_steps"],
        },
    }
