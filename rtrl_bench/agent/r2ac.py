"""The R2AC update (Irie et al. 2024, section 3.2): one V-trace actor-critic step from one segment of B slots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.policy import FactorisedActions
from rtrl_bench.agent.vtrace import vtrace
from rtrl_bench.errors import NonFiniteLoss
from rtrl_bench.gradients import Carry
from rtrl_bench.gradients.machinery.episodes import as_mask
from rtrl_bench.optimisers import Optimiser


@dataclass(frozen=True)
class Loss:
    """The V-trace actor-critic loss, summed over time and batch (Espeholt et al. 2018).

    discount: per agent step; entropy_cost, baseline_cost: weights of the negative entropy and of the value function's
    loss; reward_clip: rewards are cut to ± this; rho_bar, c_bar, pg_rho_bar, vtrace_lambda: see `vtrace`.
    """

    discount: float
    entropy_cost: float
    baseline_cost: float
    reward_clip: float
    rho_bar: float
    c_bar: float
    pg_rho_bar: float
    vtrace_lambda: float


@dataclass
class Segment:
    """M steps of acting in B slots.

    Before each action: observations (M, B, ...), as the network encodes them; last_rewards (M, B); starts (M, B) bool,
        True where an episode begins.
    The actions: actions (M, B) int64, or (M, B, K) of K factors; behaviour_log_probs (M, B), log μ(a) of the acting
        policy.
    After each action: rewards (M, B), unclipped; ends (M, B) bool.
    After the segment: next_observation (B, ...), encoded; next_last_reward (B,); next_start (B,).
    cut_values (M, B): where a time limit cut an episode, the acting network's value of the last observation; zero
        elsewhere. If it is zero everywhere, a time limit counts as an end, as in IMPALA.
    """

    observations: Tensor
    last_rewards: Tensor
    starts: Tensor
    actions: Tensor
    behaviour_log_probs: Tensor
    rewards: Tensor
    ends: Tensor
    cut_values: Tensor
    next_observation: Tensor
    next_last_reward: Tensor
    next_start: Tensor

    def __post_init__(self) -> None:
        self.starts, self.ends, self.next_start = map(as_mask, (self.starts, self.ends, self.next_start))

    @classmethod
    def joined(cls, segments: Sequence[Segment]) -> Segment:
        """Segments that follow one another as one."""
        steps = {name: torch.cat([getattr(one, name) for one in segments]) for name in STEPS}
        return cls(**steps, **{name: getattr(segments[-1], name) for name in FOLLOWS})

    def part(self, first: int, stop: int) -> Segment:
        """The segment of the steps from `first` to before `stop`."""
        steps = {name: getattr(self, name)[first:stop] for name in STEPS}
        if stop == len(self.starts):
            return Segment(**steps, **{name: getattr(self, name) for name in FOLLOWS})
        return Segment(**steps, **{name: getattr(self, of)[stop] for name, of in FOLLOWS.items()})


# The fields of a segment that have a row for each step; and what follows it, with the field that has it for each step.
STEPS = "observations last_rewards starts actions behaviour_log_probs rewards ends cut_values".split()
FOLLOWS = {"next_observation": "observations", "next_last_reward": "last_rewards", "next_start": "starts"}


METRICS = ("loss_policy", "loss_baseline", "loss_entropy", "entropy", "grad_norm")


def loss_terms(
    logits: Tensor, values: Tensor, bootstrap: Tensor, segment: Segment, actions: FactorisedActions, loss: Loss
) -> tuple[Tensor, Tensor, Tensor]:
    """Policy-gradient term, baseline term with its cost, and negative entropy; each summed over time and batch.

    logits (M, B, ·) of `actions`; values (M, B); bootstrap (B,), the value of what follows the segment. A step that a
    time limit cut is an end, with the discounted value of the last observation added to its reward (Pardo et al. 2018,
    arXiv:1712.00378): nothing of the next episode reaches it.
    """
    log_probs = actions.log_probs(logits)
    taken = actions.taken(log_probs, segment.actions)
    rewards = segment.rewards.clamp(-loss.reward_clip, loss.reward_clip)
    targets, advantages = vtrace(
        log_ratios=taken.detach() - segment.behaviour_log_probs,
        rewards=rewards + loss.discount * segment.cut_values,
        discounts=loss.discount * (~segment.ends).to(values.dtype),
        values=values.detach(),
        bootstrap=bootstrap,
        rho_bar=loss.rho_bar,
        c_bar=loss.c_bar,
        pg_rho_bar=loss.pg_rho_bar,
        lam=loss.vtrace_lambda,
    )
    policy = -(advantages * taken).sum()
    baseline = loss.baseline_cost * 0.5 * (targets - values).square().sum()
    return policy, baseline, actions.negative_entropy(log_probs).sum()


Comparison = Callable[[Callable[[Tensor, Tensor], Tensor], int, int], None]


class R2AC:
    """The learner: a network, the optimiser of its parameters, and a learning rate that falls linearly to zero.

    learning_rate: at the start; decay_steps: environment steps after which it is zero; gradient_clip: largest global
    norm of the gradient.

    after_backward: None, or what every update calls when the gradient is in the parameters, with three arguments: the
    loss as a function of the core's output and last state, the steps so far, the update's number.
    """

    def __init__(
        self,
        network: AgentNetwork,
        optimiser: Optimiser,
        loss: Loss,
        *,
        learning_rate: float,
        gradient_clip: float,
        decay_steps: int,
    ):
        self.network, self.optimiser, self.loss = network, optimiser, loss
        self.first_learning_rate, self.gradient_clip, self.decay_steps = learning_rate, gradient_clip, decay_steps
        self.after_backward: Comparison | None = None

    def learning_rate(self, env_steps: int) -> float:
        """Linear from the first rate to zero after `decay_steps`."""
        return self.first_learning_rate * max(0.0, 1 - env_steps / self.decay_steps)

    def update(self, segment: Segment, carry: Carry, env_steps: int, number: int) -> tuple[Tensor, Carry]:
        """One gradient step after `env_steps` steps; returns METRICS (5,), on the host, and the carry at its end.

        Raises NonFiniteLoss, with the update's `number` and the term, if a loss or a parameter is not finite. On a CPU
        the loss is checked before the parameters change; on a GPU, which is waited for once, after the step.
        """
        network = self.network
        h, carry = network.recur(segment.observations, segment.last_rewards, segment.starts, carry)
        loss = self._loss(h, carry.state, segment)
        self.optimiser.zero_grad()
        loss[:3].sum().backward()
        if self.after_backward is not None:
            self.after_backward(lambda h, state: self.loss_of(h, state, segment), env_steps, number)
        norm = torch.nn.utils.clip_grad_norm_(self.optimiser.parameters, self.gradient_clip)
        metrics = torch.cat([loss.detach(), norm.detach()[None]])
        if metrics.device.type == "cpu":
            _check(metrics, number)
        self.optimiser.step(self.learning_rate(env_steps))
        *_, largest = numbers = torch.cat([metrics, self.optimiser.largest()[None]]).cpu()
        _check(numbers[:-1], number)
        if not math.isfinite(largest):
            raise NonFiniteLoss(f"update {number}: its step made a parameter infinite; lower optimiser.learning_rate")
        return numbers[:-1], carry

    def loss_of(self, h: Tensor, state: Tensor, segment: Segment) -> Tensor:
        """What an update descends, given the core's output h (M, B, ·) of the segment and its last state."""
        return self._loss(h, state, segment)[:3].sum()

    def _loss(self, h: Tensor, state: Tensor, segment: Segment) -> Tensor:
        """The first four of METRICS, three terms and the entropy, given the core's output h and its last state."""
        logits, values = self.network.heads(h)
        follows = segment.next_observation, segment.next_last_reward, segment.next_start
        _, bootstrap, _ = self.network.act(*follows, state)
        policy, baseline, negative_entropy = loss_terms(
            logits, values, bootstrap, segment, self.network.actions, self.loss
        )
        entropy = -negative_entropy.detach() / segment.rewards.numel()  # nats per decision
        return torch.stack([policy, baseline, self.loss.entropy_cost * negative_entropy, entropy])


def _check(metrics: Tensor, number: int) -> None:
    bad = ", ".join(f"{n} = {v}" for n, v in zip(METRICS, metrics.tolist()) if not math.isfinite(v))
    if bad:
        raise NonFiniteLoss(f"update {number}: {bad}; lower optimiser.learning_rate or check the rewards")
