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
from rtrl_bench.experiments.reinforcement.replay import Replayed
from rtrl_bench.experiments.reinforcement.transfer import FromDevice, ToDevice


@dataclass
class Acted:
    """A segment, the recurrent state (B, L s, N) behind it, and returns and lengths of the games that ended in it."""

    segment: Segment
    state: Tensor
    returns: list[float]
    lengths: list[int]

    def tensors(self) -> list[Tensor]:
        """All that is on the device."""
        return [self.state, *vars(self.segment).values()]


class Cut(NamedTuple):
    """Where a time limit cut an episode, (B,) bool, and the observations (B, ...) that were the last there."""

    where: np.ndarray
    observations: np.ndarray


class _Rows:
    """Tensors of which step after step writes a row, on the device and in the layout of the first row's."""

    def __init__(self, steps: int):
        self._steps = steps
        self.rows: list[Tensor] = []

    def put(self, step: int, *values: Tensor) -> None:
        """Write one row, the same tensors' at every step."""
        self.rows = self.rows or [self._empty(value) for value in values]
        for row, value in zip(self.rows, values, strict=True):
            row[step] = value

    def _empty(self, value: Tensor) -> Tensor:
        layout = torch.empty_like(value, device="meta").stride()
        return value.new_empty_strided((self._steps, *value.shape), (value.numel(), *layout))


class Actor:
    """Plays the slots of `env` with `network`. `seed` starts the episodes, `draws` the generator of actions.

    A step has two halves: `stem` makes features of observations, `decide` makes actions of features. On a GPU both are
    replayed CUDA graphs, and the host waits for the actions alone.
    """

    def __init__(
        self, network: AgentNetwork, env: BatchEnv, config: RunConfig, device: torch.device, seed: int, draws: int
    ):
        self.network, self.env, self.config, self.device = network, env, config, device
        self.slots = env.num_envs
        self.generator = torch.Generator(device).manual_seed(draws)
        self.stem, self.decide = Replayed(self._stem, device), Replayed(self._decide, device)
        self._grown = network.core.grown
        self._to_device, self._numbers_to_device, self._actions = ToDevice(device), ToDevice(device), FromDevice(device)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Begin every slot anew; the recurrent state and the sensitivities are zeroed by the start flags."""
        slots = self.slots
        self._see(self.env.reset(seed=seed)[0], np.zeros(slots, np.float32), np.ones(slots, dtype=bool))
        self.returns, self.lengths = np.zeros(slots), np.zeros(slots, dtype=np.int64)

    def close(self) -> None:
        """Nothing is left to end."""

    def act(self, state: Tensor, number: int) -> Acted:
        """M steps from `state` with the network as it is, for update `number` to learn from.

        Raises NonFiniteLoss if the policy's logits are not finite, EnvironmentFailed if the simulator fails.
        """
        if self._grown != self.network.core.grown:
            self._grown = self.network.core.grown
            self.decide.forget()
        steps, slots = self.config.unroll, self.slots
        seen, done = _Rows(steps + 1), _Rows(steps)
        received, begun = np.empty((steps + 1, slots), np.float32), np.empty((steps + 1, slots), bool)
        cut_values = self.last_reward.new_zeros(steps, slots)
        returns: list[float] = []
        lengths: list[int] = []
        for t in range(steps):
            features = self.encoded if self.network.frozen_vision else self.stem.run(self.encoded)[0]
            noise = self.network.actions.noise(slots, self.generator)
            actions, log_probs, state = self.decide.run(features, self.last_reward, self.starts, state, noise)
            self._actions.send(actions)
            seen.put(t, self.encoded)
            done.put(t, actions, log_probs)
            received[t], begun[t] = self.told
            over, cut = self._step(self._actions.wait())
            if cut is not None:
                cut_values[t] = self._values_of(cut, state)
            if over.any():
                returns += self.returns[over].tolist()
                lengths += self.lengths[over].tolist()
                self.returns[over], self.lengths[over] = 0, 0
        seen.put(steps, self.encoded)
        received[steps], begun[steps] = self.told
        last_rewards, starts = (numbers.clone() for numbers in self._numbers_to_device(received, begun))
        (observations,), (taken, log_probs) = seen.rows, done.rows
        if not torch.isfinite(log_probs).all():
            raise NonFiniteLoss(f"update {number}: the policy's logits are not finite; lower optimiser.learning_rate")
        segment = Segment(
            observations=observations[:-1],
            last_rewards=last_rewards[:-1],
            starts=starts[:-1],
            actions=taken,
            behaviour_log_probs=log_probs,
            rewards=last_rewards[1:],
            ends=starts[1:],
            cut_values=cut_values,
            next_observation=observations[-1],
            next_last_reward=last_rewards[-1],
            next_start=starts[-1],
        )
        return Acted(segment, state.clone(), returns, lengths)

    @property
    def mode(self) -> str:
        """How a step's work reaches a GPU: as a `graph`, or `eager`, as always on a CPU."""
        return "graph" if {self.stem.mode, self.decide.mode} == {"graph"} else "eager"

    @torch.no_grad()
    def _stem(self, observation: Tensor) -> tuple[Tensor]:
        features = self.network.see(observation)
        return (features.clone() if features is observation else features,)  # a graph has to do something

    @torch.no_grad()
    def _decide(
        self, features: Tensor, last_reward: Tensor, starts: Tensor, state: Tensor, noise: Tensor
    ) -> tuple[Tensor, ...]:
        """Actions, their log-probabilities (B,), not finite where the policy is none, and the next state."""
        logits, state = self.network.policy_on(features, last_reward, starts, state)
        log_probs = self.network.actions.log_probs(logits)
        actions = self.network.actions.sample(log_probs, noise)
        return actions, self.network.actions.taken(log_probs, actions), state

    def _see(self, observation: np.ndarray, last_reward: np.ndarray, starts: np.ndarray) -> None:
        """Take over what the simulator shows now; a frozen stem sees it here and nowhere else."""
        self.observation, self.told = observation, (last_reward, starts)
        shown, self.last_reward, self.starts = self._to_device(observation, last_reward, starts)
        self.encoded = self.stem.run(shown)[0] if self.network.frozen_vision else shown

    def _step(self, actions: np.ndarray) -> tuple[np.ndarray, Cut | None]:
        """One step in every slot; returns where a game is over, (B,) bool, and what is to be bootstrapped, if any."""
        observation, rewards, terminated, truncated, infos = self.env.step(actions)
        ended = terminated | truncated
        self._see(observation, rewards, ended)
        self.returns += rewards
        self.lengths += 1
        cut = truncated & ~terminated
        bootstrapped = self.config.loss.bootstrap_truncation and cut.any()
        return infos.get("game_over", ended), Cut(cut, infos["final_observations"]) if bootstrapped else None

    def _values_of(self, cut: Cut, state: Tensor) -> Tensor:
        """V (B,) of the observations at which episodes were cut, from the state before them; 0 where none was."""
        where, observations = (torch.from_numpy(array).to(self.device) for array in cut)
        seen, no_starts = self.network.encode(observations), torch.zeros_like(where)
        return torch.where(where, self.network.act(seen, self.last_reward, no_starts, state)[1], 0.0)

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as tensors and plain values; `env` is None where the simulator cannot be saved."""
        env = torch.frombuffer(bytearray(self.env.get_state()), dtype=torch.uint8) if self.env.can_restore else None
        return {
            "generator": self.generator.get_state(),
            "generator_device": self.device.type,
            "env": env,
            "observation": torch.from_numpy(self.observation.copy()),
            "last_reward": torch.from_numpy(self.told[0].copy()),
            "starts": torch.from_numpy(self.told[1].copy()),
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
        }

    def restore(self, state: dict[str, Any], seed: int) -> bool:
        """Go on from `state()`; False where the slots had to begin anew, from `seed`.

        Each type of device draws random numbers in its own way: on another type the generator of actions starts from
        `seed` too. With another number of slots all of them begin anew.
        """
        if state["generator_device"] == self.device.type:
            self.generator.set_state(state["generator"])
        else:
            self.generator.manual_seed(seed)
        if state["env"] is None or len(state["starts"]) != self.slots:
            self.reset(seed)
            return False
        self.env.set_state(bytes(state["env"].numpy()))
        self._see(*(state[name].numpy() for name in ("observation", "last_reward", "starts")))
        self.returns, self.lengths = np.array(state["returns"]), np.array(state["lengths"], dtype=np.int64)
        return True
