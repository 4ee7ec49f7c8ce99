"""Acting: M steps in B slots, from a recurrent state and with parameters that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rtrl_bench.agent.network import AgentNetwork
from rtrl_bench.agent.r2ac import Segment
from rtrl_bench.envs.batch import BatchEnv
from rtrl_bench.errors import NonFiniteLoss
from rtrl_bench.experiments.reinforcement.config import RunConfig


@dataclass
class Acted:
    """A segment, the recurrent state (B, L s, N) behind it, and returns and lengths of the games that ended in it."""

    segment: Segment
    state: Tensor
    returns: list[float]
    lengths: list[int]


class Cut(NamedTuple):
    """Where a time limit cut an episode, (B,) bool, and the observations (B, ...) that were the last there."""

    where: np.ndarray
    observations: np.ndarray


class Actor:
    """B slots of `env`, what is seen in them, and the generator that draws their actions."""

    def __init__(self, network: AgentNetwork, env: BatchEnv, config: RunConfig, device: torch.device, seed: int):
        self.network, self.env, self.config, self.device = network, env, config, device
        self.generator = torch.Generator(device).manual_seed(config.seed)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Begin every slot anew; the recurrent state and the sensitivities are zeroed by the start flags."""
        batch = self.config.batch
        self._see(self.env.reset(seed=seed)[0])
        self.last_reward = torch.zeros(batch)
        self.starts = torch.ones(batch, dtype=torch.bool)
        self.returns, self.lengths = np.zeros(batch), np.zeros(batch, dtype=np.int64)

    def act(self, state: Tensor, number: int) -> Acted:
        """M steps from `state` with the network as it is, for update `number` to learn from.

        Raises NonFiniteLoss where the policy is none, EnvironmentFailed with the simulator.
        """
        steps = self.config.unroll
        shape = (steps, self.config.batch)
        observations = self.encoded.new_empty((steps, *self.encoded.shape))
        last_rewards, rewards, cut_values = torch.empty(shape), torch.empty(shape), torch.zeros(shape)
        starts, ends = torch.empty(shape, dtype=torch.bool), torch.empty(shape, dtype=torch.bool)
        actions: list[Tensor] = []
        log_probs: list[Tensor] = []
        returns: list[float] = []
        lengths: list[int] = []
        for t in range(steps):
            observations[t] = self.encoded
            last_rewards[t], starts[t] = self.last_reward, self.starts
            seen = self.encoded, self.last_reward.to(self.device), self.starts.to(self.device)
            logits, _, state = self.network.act(*seen, state)
            if not torch.isfinite(logits).all():
                raise NonFiniteLoss(f"update {number}: a policy logit is {logits.abs().max()}")
            distribution = self.network.actions.log_probs(logits)
            actions.append(self.network.actions.sample(distribution, self.generator))
            log_probs.append(self.network.actions.taken(distribution, actions[-1]))
            over, cut = self._step(actions[-1].cpu().numpy())
            rewards[t], ends[t] = self.last_reward, self.starts
            if cut is not None:
                cut_values[t] = self._values_of(cut, state)
            if over.any():
                returns += self.returns[over].tolist()
                lengths += self.lengths[over].tolist()
                self.returns[over], self.lengths[over] = 0, 0
        segment = Segment(
            observations,
            last_rewards.to(self.device),
            starts.to(self.device),
            torch.stack(actions),
            torch.stack(log_probs),
            rewards.to(self.device),
            ends.to(self.device),
            cut_values.to(self.device),
            self.encoded,
            self.last_reward.to(self.device),
            self.starts.to(self.device),
        )
        return Acted(segment, state, returns, lengths)

    def _see(self, observation: np.ndarray) -> None:
        """Take over the simulator's present observation; a frozen stem sees it here and nowhere else."""
        self.observation = observation
        self.encoded = self.network.encode(torch.from_numpy(observation).to(self.device))

    def _step(self, actions: np.ndarray) -> tuple[np.ndarray, Cut | None]:
        """One step in every slot; returns where a game is over, (B,) bool, and what is to be bootstrapped, if any."""
        observation, rewards, terminated, truncated, infos = self.env.step(actions)
        self._see(observation)
        ended = terminated | truncated
        self.last_reward = torch.as_tensor(rewards, dtype=torch.float32)
        self.starts = torch.as_tensor(ended)
        self.returns += rewards
        self.lengths += 1
        cut = truncated & ~terminated
        bootstrapped = self.config.loss.bootstrap_truncation and cut.any()
        return infos.get("game_over", ended), Cut(cut, infos["final_observations"]) if bootstrapped else None

    def _values_of(self, cut: Cut, state: Tensor) -> Tensor:
        """V (B,) of the observations at which episodes were cut, from the state before them; 0 where none was."""
        observations = self.network.encode(torch.from_numpy(cut.observations).to(self.device))
        goes_on = torch.zeros(len(cut.where), dtype=torch.bool, device=self.device)
        values = self.network.act(observations, self.last_reward.to(self.device), goes_on, state)[1]
        return torch.where(torch.from_numpy(cut.where), values.cpu(), 0.0)

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as tensors and plain values; `env` is None where the simulator cannot be saved."""
        env = torch.frombuffer(bytearray(self.env.get_state()), dtype=torch.uint8) if self.env.can_restore else None
        return {
            "generator": self.generator.get_state(),
            "generator_device": self.device.type,
            "env": env,
            "observation": torch.from_numpy(self.observation.copy()),
            "last_reward": self.last_reward,
            "starts": self.starts,
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
        }

    def restore(self, state: dict[str, Any], seed: int) -> bool:
        """Go on from `state()`; False where the slots had to begin anew, from `seed`.

        Devices draw their random numbers in ways of their own: on another one the actions' draws begin anew, too.
        """
        if state["generator_device"] == self.device.type:
            self.generator.set_state(state["generator"])
        else:
            self.generator.manual_seed(seed)
        if state["env"] is None:
            self.reset(seed)
            return False
        self.env.set_state(bytes(state["env"].numpy()))
        self._see(state["observation"].numpy())
        self.last_reward, self.starts = state["last_reward"], state["starts"]
        self.returns, self.lengths = np.array(state["returns"]), np.array(state["lengths"], dtype=np.int64)
        return True
