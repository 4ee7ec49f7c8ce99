"""When to act: before each update with the newest parameters, or beside it with those from before it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.r2ac import Segment
from rtrl_bench.experiments.reinforcement.actor import Acted, Actor
from rtrl_bench.experiments.reinforcement.groups import GroupedActor
from rtrl_bench.experiments.reinforcement.lane import Lane, take_over


class InTurn:
    """Act, learn, act, learn: every segment is made with the parameters that learn from it."""

    lag = 0  # updates that the acting parameters may be behind

    def __init__(self, actor: Actor | GroupedActor):
        self.actor = actor

    @contextmanager
    def segment(self, state: Tensor, number: int, last: bool) -> Iterator[Acted]:
        """What update `number` learns from, acted from `state`, the learner's (B, L s, N); learn inside."""
        yield self.actor.act(state, number)

    def close(self) -> None:
        """Nothing is left to end."""

    def state(self) -> dict[str, Any] | None:
        """What was acted and not yet learnt from: nothing."""
        return None

    def restore(self, state: dict[str, Any], seed: int) -> bool:
        """Let the actor go on from a run's `state`, once the network has; False as `Actor.restore` says."""
        return self.actor.restore(state, seed)


class Overlapped:
    """While update k learns, a thread acts for update k + 1 with the parameters that update k began with.

    Both are waited for before the next update, so the lag is exactly one update, which V-trace corrects, and the result
    does not depend on timing. The actor goes on from its own recurrent state, as IMPALA's actors do, and the learner
    from its carry. They share torch's threads; on a GPU each has a stream of its own.
    """

    lag = 1

    def __init__(self, actor: Actor | GroupedActor, network: AgentNetwork):
        self.actor, self.network = actor, network
        actor.network = copy.deepcopy(network)
        self._acted: Acted | None = None
        self._threads = torch.get_num_threads()
        learning = max(1, self._threads // 2)
        self._lane = Lane("actor", actor.device, threads=max(1, self._threads - learning))
        torch.set_num_threads(learning)

    @contextmanager
    def segment(self, state: Tensor, number: int, last: bool) -> Iterator[Acted]:
        """As InTurn's; with `last` nothing is acted for an update after it."""
        self._follow()
        acted = self._acted or self.actor.act(state, number)
        self._acted = None
        if last:
            yield acted
            return
        ahead = self._lane.submit(self.actor.act, acted.state, number + 1)
        try:
            yield acted
        finally:
            wait([ahead])  # nobody else may use the simulator before
        self._acted = ahead.result()
        take_over(self._acted.tensors())

    def close(self) -> None:
        """End the thread and give its share of torch's threads back."""
        self._lane.close()
        torch.set_num_threads(self._threads)

    def state(self) -> dict[str, Any] | None:
        """What was acted and not yet learnt from."""
        if self._acted is None:
            return None
        return {**vars(self._acted), "segment": vars(self._acted.segment)}

    def restore(self, state: dict[str, Any], seed: int) -> bool:
        """As InTurn's, and go on with what had been acted."""
        self._follow()  # first, as the actor's own network encodes what it sees
        exact = self.actor.restore(state, seed)
        acted = state["acted"]
        if acted is not None:
            device = self.actor.device
            segment = Segment(**{name: value.to(device) for name, value in acted["segment"].items()})
            self._acted = Acted(segment, acted["state"].to(device), acted["returns"], acted["lengths"])
        return exact

    def _follow(self) -> None:
        """Act with the parameters that are the learner's now."""
        self.actor.network.load_state_dict(self.network.state_dict())
