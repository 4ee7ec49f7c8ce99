"""A run's B slots and who acts in them: one group, or two beside a GPU.

While the network decides for one of two groups, the simulator plays the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import wait
from typing import Any

import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.r2ac import Segment
from rtrl_bench.envs import registry
from rtrl_bench.envs.batch import BatchEnv
from rtrl_bench.experiments.reinforcement.actor import Acted, Actor
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.evaluate import derived_seed
from rtrl_bench.experiments.reinforcement.lane import Lane, take_over
from rtrl_bench.experiments.reinforcement.transfer import apart


def group_sizes(config: RunConfig, device: torch.device) -> list[int]:
    """Slots of each group: all in one, but where acting need not take its turn, on a device beside the CPU."""
    if config.deterministic or config.batch == 1 or not apart(device):
        return [config.batch]
    return [config.batch - config.batch // 2, config.batch // 2]


def group_seed(seed: int, group: int) -> int:
    """What stands for `seed` in group 0, 1, ..."""
    return derived_seed(seed, group) if group else seed


def env_seed(config: RunConfig, resumes: int) -> int:
    """Seed of the training environments; a resume that cannot restore them must not replay the same episodes."""
    return derived_seed(config.seed, 0, resumes)


class SlotGroups:
    """The environments of the groups, as far as a run looks at them as one."""

    def __init__(self, envs: Sequence[BatchEnv]):
        self.envs, first = envs, envs[0]
        self.spec_name, self.backend, self.can_restore = first.spec_name, first.backend, first.can_restore
        self.single_observation_space, self.action_sizes = first.single_observation_space, first.action_sizes

    @property
    def steps(self) -> int:
        """Completed in all groups."""
        return sum(env.steps for env in self.envs)

    def close(self) -> None:
        """End the simulators."""
        for env in self.envs:
            env.close()


class GroupedActor:
    """Several Actors behind the interface of one: each acts for its group of slots in a thread of its own.

    While the GPU computes actions for one group, the CPU steps the simulators of another. The groups share nothing, so
    the result does not depend on timing.
    """

    def __init__(self, actors: Sequence[Actor]):
        self.actors, self.device = actors, actors[0].device
        self._lanes = [Lane(f"actor of group {k}", self.device) for k in range(len(actors))]

    @property
    def network(self) -> AgentNetwork:
        """What all of them act with."""
        return self.actors[0].network

    @network.setter
    def network(self, network: AgentNetwork) -> None:
        for actor in self.actors:
            actor.network = network

    @property
    def mode(self) -> str:
        """As Actor's."""
        return "graph" if all(actor.mode == "graph" for actor in self.actors) else "eager"

    def act(self, state: Tensor, number: int) -> Acted:
        """As Actor's, for the slots of all groups, one group's behind the other's."""
        shares = state.split([actor.slots for actor in self.actors])
        acting = [lane.submit(a.act, share, number) for lane, a, share in zip(self._lanes, self.actors, shares)]
        wait(acting)
        parts = [part.result() for part in acting]
        for part in parts:
            take_over(part.tensors())
        return joined(parts)

    def close(self) -> None:
        """End the threads."""
        for lane in self._lanes:
            lane.close()

    def state(self) -> dict[str, Any]:
        """As Actor's: the first group's, and in it the others'."""
        first, *others = (actor.state() for actor in self.actors)
        return {**first, "other_groups": others}

    def restore(self, state: dict[str, Any], seed: int) -> bool:
        """As Actor's; a state of other groups has other slots."""
        states = [state, *state.get("other_groups", [])]
        found = [states[k] if k < len(states) else state for k in range(len(self.actors))]
        restored = [a.restore(s, group_seed(seed, k)) for k, (a, s) in enumerate(zip(self.actors, found))]
        return all(restored)


def joined(parts: Sequence[Acted]) -> Acted:
    """What was acted in groups of slots as if it had been in one."""
    fields = {}
    for name in vars(parts[0].segment):
        slots = 0 if name.startswith("next_") else 1  # their dimension: what follows a segment has no time
        fields[name] = torch.cat([vars(part.segment)[name] for part in parts], dim=slots)
    returns, lengths = ([value for part in parts for value in vars(part)[name]] for name in ("returns", "lengths"))
    return Acted(Segment(**fields), torch.cat([part.state for part in parts]), returns, lengths)


def make_env(config: RunConfig, device: torch.device, seed: int) -> Any:
    """The run's training environments, B slots in all: a BatchEnv, or SlotGroups of several."""
    envs: list[BatchEnv] = []
    try:
        for group, slots in enumerate(group_sizes(config, device)):
            made = registry.make(
                config.environment,
                slots,
                seed=group_seed(seed, group),
                split="train",
                options=config.environment_options,
                backend=config.backend,
                threads=config.threads,
            )
            envs.append(made)
    except BaseException:
        for env in envs:
            env.close()
        raise
    return envs[0] if len(envs) == 1 else SlotGroups(envs)


def make_actor(network: AgentNetwork, env: Any, config: RunConfig, device: torch.device) -> Actor | GroupedActor:
    """Who acts in the slots of `make_env`."""
    actors = [
        Actor(network, one, config, device, group_seed(env_seed(config, 0), group), group_seed(config.seed, group))
        for group, one in enumerate(env.envs if isinstance(env, SlotGroups) else [env])
    ]
    return actors[0] if len(actors) == 1 else GroupedActor(actors)
