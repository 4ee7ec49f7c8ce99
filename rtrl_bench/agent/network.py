"""The agent's network: vision stem, last reward, recurrent layer, policy and baseline heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rtrl_bench.agent.policy import FactorisedActions
from rtrl_bench.agent.vision import Stem
from rtrl_bench.gradients import Carry
from rtrl_bench.gradients.machinery.episodes import as_mask
from rtrl_bench.layer import RecurrentStack


class AgentNetwork(nn.Module):
    """Policy π(a | o, r, past) and value V of an agent that sees by `vision` and remembers by `core`.

    The core's input is the F features of the stem and the last reward (D = F + 1, as in the paper).

    action_sizes: the number of values of each of an action's factors.
    frozen_vision: the stem is not trained. Then `encode` runs it once on every observation, and all other methods take
        its features in the place of observations.
    precision: bfloat16 lets the stem, and it alone, compute under autocast; its features are float32 again.
    reward_clip: the last reward is cut to ± this.
    last_reward_across_episodes: what the last reward is at an episode's first step: False for zero, True for the last
        one of the episode before.

    ValueError if `core` has not F + 1 inputs.
    """

    def __init__(
        self,
        vision: Stem,
        core: RecurrentStack,
        action_sizes: Sequence[int],
        *,
        frozen_vision: bool = False,
        precision: torch.dtype = torch.float32,
        reward_clip: float = 1.0,
        last_reward_across_episodes: bool = False,
    ):
        super().__init__()
        if core.inputs != vision.output_size + 1:
            raise ValueError(f"core has {core.inputs} inputs: expected {vision.output_size} features and a reward")
        self.reward_clip = reward_clip
        self.last_reward_across_episodes = last_reward_across_episodes
        self.vision, self.core = vision, core
        self.precision, self.frozen_vision = precision, frozen_vision
        self.vision.requires_grad_(not frozen_vision)
        self.actions = FactorisedActions(action_sizes)
        self.policy = nn.Linear(self.core.output_size, self.actions.logits)
        self.baseline = nn.Linear(self.core.output_size, 1)

    def see(self, observation: Tensor) -> Tensor:
        """The vision stem's features (n, F) of observations (n, ...)."""
        if self.precision == torch.float32:
            return self.vision(observation)
        with torch.autocast(observation.device.type, self.precision):
            return self.vision(observation).float()

    @torch.no_grad()
    def encode(self, observation: Tensor) -> Tensor:
        """What acting and learning need of observations (n, ...): their features (n, F) if the stem is frozen."""
        return self.see(observation) if self.frozen_vision else observation

    def recur(self, observations: Tensor, last_rewards: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """A segment to learn from: encoded observations (M, B, ...), last_rewards and starts (M, B).

        Returns the core's output h (M, B, ·) and the next carry.
        """
        starts = as_mask(starts)
        features = self.features(observations.flatten(0, 1))
        x = self._inputs(features, last_rewards.flatten(), starts.flatten())
        h: Tensor
        h, carry = self.core(x.unflatten(0, starts.shape), starts, carry)
        return h, carry

    def heads(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (..., A) and values (...) of the core's output h."""
        return self.policy(h), self.baseline(h).squeeze(-1)

    def features(self, encoded: Tensor) -> Tensor:
        """The stem's features (n, F) of encoded observations."""
        return encoded if self.frozen_vision else self.see(encoded)

    @torch.no_grad()
    def act(
        self, observation: Tensor, last_reward: Tensor, starts: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step without learning, from an encoded observation: logits (B, A), values (B,), state (B, L s, N)."""
        h, state = self._step(self.features(observation), last_reward, starts, state)
        return *self.heads(h), state

    @torch.no_grad()
    def policy_on(self, features: Tensor, last_reward: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and state of `act`, from an observation's features (B, F)."""
        h, state = self._step(features, last_reward, starts, state)
        return self.policy(h), state

    def _step(self, features: Tensor, last_reward: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        starts = as_mask(starts)
        return self.core.step(self._inputs(features, last_reward, starts), starts, state)

    @torch.no_grad()
    def act_on_zeros(self, shape: tuple[int, ...], batch: int) -> None:
        """One step of acting, to see what it takes, on observations of zeros."""
        device = self.baseline.weight.device
        observation, reward = torch.zeros(batch, *shape, device=device), torch.zeros(batch, device=device)
        starts = torch.ones(batch, dtype=torch.bool, device=device)
        self.act(self.encode(observation), reward, starts, self.core.zero_state(batch))

    def _inputs(self, features: Tensor, last_reward: Tensor, starts: Tensor) -> Tensor:
        reward = last_reward.clamp(-self.reward_clip, self.reward_clip)
        if not self.last_reward_across_episodes:
            reward = reward.masked_fill(starts, 0)
        return torch.cat([features, reward[:, None]], dim=-1)
