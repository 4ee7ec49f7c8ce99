"""What truncation does to the gradient: TBPTT's at several M against the exact one, on the rollout of one agent."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator, Mapping
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rtrl_bench.agent.r2ac import R2AC, Segment
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.gradients import Carry, GradientMethod, Layer, make_method
from rtrl_bench.runs.gradient_quality import check_comparable, compared, flat, judged

COLUMNS = ("env_steps", "update", "unroll", "segments", "cosine", "norm_ratio")


def check(config: RunConfig) -> None:
    """Refuse (ConfigError) a network whose exact gradient RTRL does not give."""
    if config.truncation is None:
        return
    check_comparable(config, "truncation", "truncation: null")
    try:
        make_method("rtrl", CELLS[config.cell](), config.layers)
    except ConfigError as error:
        raise ConfigError(f"truncation: {error}, or set truncation: null") from error


class Past(NamedTuple):
    """What the layers read in an update's segment, x (M, B, D) and starts (M, B), and the segment while it is new."""

    x: Tensor
    starts: Tensor
    segment: Segment | None


class Truncation:
    """Compares the gradients at the updates `due`, after the update's step.

    The newest max(unrolls) steps are cut into segments of M, for each M of `unrolls`. Each has the loss that a learner
    with this M would have had. Meanwhile the parameters stand still, so that RTRL's gradient is exact: its
    sensitivities are made anew from the start of every slot's episode. TBPTT takes the state before the segment for a
    constant. Inputs are replayed as they were: what lies below the layers is not judged. V-trace corrects for the
    actor's older parameters, as it does for a learner that is some updates ahead.

    `rows` has COLUMNS: cosine (mean over the segments) and norm_ratio (|TBPTT's| / |exact|, mean too) are over the
    parameters for which methods differ, those of the recurrences and of the readouts below the top layer. A segment
    whose exact gradient is zero is left out.
    """

    def __init__(self, learner: R2AC, unrolls: list[int], due: Collection[int]):
        self.learner, self.core = learner, learner.network.core
        self.unrolls, self.due = unrolls, due
        self.exact, self.truncated = (
            make_method(name, self.core.cell, len(self.core.layers)) for name in ("rtrl", "tbptt")
        )
        self.rows: list[list[float]] = []
        self.past: list[Past] = []
        self.x = torch.empty(0)
        self.core.register_forward_pre_hook(self._see)

    def _see(self, core: nn.Module, arguments: tuple[Any, ...]) -> None:
        """Note what the layers are about to learn from."""
        self.x = arguments[0].detach()

    def compare(self, segment: Segment, env_steps: int, update: int) -> None:
        """Call after every update, with the segment that it learned from."""
        self.past.append(Past(self.x, segment.starts, segment))
        self._forget()
        if update in self.due:
            layers = self.core.parts()
            behind = self._behind(layers)
            for unroll in self.unrolls:
                pairs = self._pairs(unroll, layers, copy.deepcopy(behind))
                found = [pair for pair in pairs if all(map(math.isfinite, pair))]
                if found:
                    cosine, norm_ratio = (fmean(values) for values in zip(*found))
                    self.rows.append([env_steps, update, unroll, len(found), cosine, norm_ratio])

    def _forget(self) -> None:
        """Drop what lies before the episode that each slot was in when the newest steps began."""
        old = len(self.past) - -(-max(self.unrolls) // len(self.x))
        begun = torch.zeros_like(self.past[0].starts[0])
        for place in reversed(range(old)):
            self.past[place] = self.past[place]._replace(segment=None)
            begun = begun | self.past[place].starts.any(dim=0)
            if begun.all():
                self.past = self.past[place:]
                return

    def _pairs(self, unroll: int, layers: list[Layer], carry: Carry) -> Iterator[tuple[float, float]]:
        """Cosine and ratio of norms in every segment of `unroll` steps; `carry`: RTRL's before the first."""
        new = [past for past in self.past if past.segment is not None]
        whole = Segment.joined([past.segment for past in new if past.segment is not None])
        x = torch.cat([past.x for past in new])
        for first in range(0, len(x) - unroll + 1, unroll):
            segment = whole.part(first, first + unroll)
            inputs = x[first : first + unroll], segment.starts
            constant = self.truncated.begin(x.shape[1], layers)
            constant.state = constant.traces["start"] = carry.state
            of_tbptt, _ = self._gradient(self.truncated, layers, inputs, constant, segment)
            of_rtrl, carry = self._gradient(self.exact, layers, inputs, carry, segment)
            yield compared(of_tbptt, of_rtrl)

    @torch.no_grad()
    def _behind(self, layers: list[Layer]) -> Carry:
        """RTRL's carry before the newest steps."""
        carry = self.exact.begin(self.x.shape[1], layers)
        for past in self.past:
            if past.segment is None:
                _, carry = self.exact.segment(layers, past.x, past.starts, carry)
        return carry

    def _gradient(
        self, method: GradientMethod, layers: list[Layer], inputs: tuple[Tensor, Tensor], carry: Carry, segment: Segment
    ) -> tuple[Tensor, Carry]:
        h, after = method.segment(layers, *inputs, carry)
        parameters = [p for layer in judged(layers) for p in layer]
        loss = self.learner.loss_of(h, after.state, segment)
        return flat(torch.autograd.grad(loss, parameters, materialize_grads=True)), after

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        past = [{"x": x, "starts": starts, "segment": segment and vars(segment)} for x, starts, segment in self.past]
        return {"rows": self.rows, "past": past}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        device = next(self.core.parameters()).device
        self.rows = state["rows"]
        for past in state["past"]:
            fields = {name: value.to(device) for name, value in (past["segment"] or {}).items()}
            segment = Segment(**fields) if fields else None
            self.past.append(Past(past["x"].to(device), past["starts"].to(device), segment))
