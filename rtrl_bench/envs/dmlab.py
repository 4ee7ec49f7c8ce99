"""The three DMLab-30 levels of the paper. Their names are known; neither backend is part of this version.

Lengths are those of the levels (60 frames per second, action repeat 4), budgets those of Irie et al. 2024.
"""

from __future__ import annotations

from rtrl_bench.envs.registry import Availability, EnvSpec, register

ACTION_REPEAT = 4
MISSING = Availability(
    False,
    reason="the DMLab suite is not part of this version",
    fix="leave it out; adapters for deepmind_lab and for an embedded backend come with a later version",
)


def _spec(name: str, seconds: int, paper_env_steps: int) -> EnvSpec:
    return EnvSpec(
        name=name,
        suite="dmlab",
        target=f"contributed/dmlab30/{name}",
        backends=(),
        frames_per_step=ACTION_REPEAT,
        episode_limit=seconds * 60 // ACTION_REPEAT,
        paper_env_steps=paper_env_steps,
        missing=MISSING,
        source="Beattie et al. 2016 (DeepMind Lab); settings of Irie et al. 2024",
    )


register(_spec("rooms_select_nonmatching_object", seconds=12, paper_env_steps=30_000_000))
register(_spec("rooms_watermaze", seconds=120, paper_env_steps=100_000_000))
register(_spec("rooms_keys_doors_puzzle", seconds=60, paper_env_steps=100_000_000))
