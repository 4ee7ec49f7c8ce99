"""When to act: before each update with the newest parameters, or beside it with those from before it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.r2ac import Segment
from rtrl_bench.experiments.reinforcement.actor import Acted, Actor


class InTurn:
    """Act, learn, act, learn: every segment is made with the parameters that learn from it."""

    lag = 0  # updates that the acting parameters may be behind

    def __init__(self, actor: Actor):
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

    V-trace takes up the lag, which is one update and never more: both are waited for, so that what comes out depends on
    no timing. The actor goes on from its own recurrent state, as IMPALA's actors do, the learner from its carry.
    Torch's threads are shared out between the two; on a GPU each of them has a stream of work of its own.
    """

    lag = 1

    def __init__(self, actor: Actor, network: AgentNetwork):
        self.actor, self.network = actor, network
        actor.network = copy.deepcopy(network)
        self._acted: Acted | None = None
        self._stream = torch.cuda.Stream(actor.device) if actor.device.type == "cuda" else None
        self._threads = torch.get_num_threads()
        learning = max(1, self._threads // 2)
        acting = max(1, self._threads - learning)
        self._thread = ThreadPoolExecutor(1, "actor", initializer=torch.set_num_threads, initargs=(acting,))
        self._thread.submit(torch.get_num_threads).result()  # begun: what it sets must not come after the next line
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
        ahead: Future[Acted] = self._thread.submit(self._act_beside, self._now(), acted.state, number + 1)
        try:
            yield acted
        finally:
            wait([ahead])  # nobody else may use the simulator before
        self._acted = ahead.result()
        self._keep_for_learning(self._acted)

    def close(self) -> None:
        """End the thread and give its share of torch's threads back."""
        self._thread.shutdown()
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

    def _act_beside(self, ready: torch.cuda.Event | None, state: Tensor, number: int) -> Acted:
        """Act in the thread, on a GPU from where the learner's stream was when it recorded `ready`."""
        if self._stream is None or ready is None:
            return self.actor.act(state, number)
        with torch.cuda.stream(self._stream):
            ready.wait()
            acted = self.actor.act(state, number)
            self._stream.synchronize()  # whoever goes on with it need not wait again
        return acted

    def _now(self) -> torch.cuda.Event | None:
        """Where the learner's stream of a GPU is now: the actor's parameters and its first state are there."""
        return None if self._stream is None else torch.cuda.current_stream(self.actor.device).record_event()

    def _keep_for_learning(self, acted: Acted) -> None:
        """Let a GPU use the memory of `acted` again when the learner's stream, too, has done with it."""
        if self._stream is not None:
            for tensor in (acted.state, *vars(acted.segment).values()):
                tensor.record_stream(torch.cuda.current_stream(self.actor.device))

    def _follow(self) -> None:
        """Act with the parameters that are the learner's now."""
        self.actor.network.load_state_dict(self.network.state_dict())
