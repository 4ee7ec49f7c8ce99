"""How near the embedded levels are to recordings of the real engine, replayed action by action.

`recordings.npz`: episodes of a wandering agent in DeepMind Lab at commit b1db91a, a row per agent step: action (held
for 4 frames), position in world units and rotation in degrees before the step, reward of the step.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from rtrl_bench.envs.rooms import levels, physics
from rtrl_bench.envs.rooms.state import SLOT
from rtrl_bench.errors import ConfigError
from rtrl_bench.files import write_whole

RECORDINGS = Path(__file__).with_name("recordings.npz")
JUMP = 60.0  # units in a step: nobody walks this far, so the player was moved
FREE_STEPS = 100
REPLAYED = ("rooms_select_nonmatching_object", "rooms_watermaze")  # in the third level the unknown layout matters


@dataclass(frozen=True)
class Fidelity:
    """Errors over all recorded episodes of a level; distances in world units, of which a player walks 20 in a step."""

    level: str
    episodes: int
    steps: int
    steps_left_out: int  # where one of the two has been moved and the other not yet
    yaw_error_max_degrees: float  # from the episode's start until the player is moved somewhere else
    position_error_free_max: float  # of these steps, in the first 100 and before a wall is touched
    position_error_median: float
    position_error_p95: float
    rewards_recorded: int
    rewards_at_the_same_step: int


@dataclass(frozen=True)
class Replay:
    """One recorded stretch and its replay: a row per step, before the step."""

    position_error: np.ndarray
    yaw_error: np.ndarray
    unmoved: np.ndarray  # so far neither teleported nor put back to a start
    free: np.ndarray  # of these, before a wall is touched
    recorded_rewards: np.ndarray
    rewards: np.ndarray


def recorded(level: str) -> Iterator[dict[str, np.ndarray]]:
    """The recorded episodes of a level: action (T,), position (T, 3), rotation (T, 3), reward (T,)."""
    with np.load(RECORDINGS) as file:
        episode = 0
        while f"{level}/{episode}/action" in file:
            yield {key: file[f"{level}/{episode}/{key}"] for key in ("action", "position", "rotation", "reward")}
            episode += 1


def stretches(level: str, episode: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The parts that are reproducible: all of an episode of nonmatching; in watermaze from start to start."""
    if level != "rooms_watermaze":
        yield episode
        return
    raised = episode["position"][:, 2] > episode["position"][:, 2].min() + 20  # on the platform
    edges = [0, *(np.flatnonzero(raised[:-1] & ~raised[1:]) + 1).tolist(), len(raised)]
    for start, end in itertools.pairwise(edges):
        yield {key: values[start:end] for key, values in episode.items()}


def platform(episode: dict[str, np.ndarray]) -> np.ndarray:
    """Where the platform of a watermaze episode is: (2,) where it first held the player; far away if it never did."""
    position = episode["position"].astype(float)
    moved = np.linalg.norm(np.diff(position[:, :2], axis=0), axis=1) > JUMP
    return position[1:][moved][0, :2] if moved.any() else np.array([1e6, 1e6])


def replay(level: str, episode: dict[str, np.ndarray], place: np.ndarray) -> Replay:
    """Take the recorded actions from the recorded start; `place` (2,): of the platform in watermaze."""
    rules = levels.LEVELS[level]
    slots = np.zeros(1, SLOT)
    slot: Any = slots[0]
    levels.begin_episode(rules, slot)
    x, y = episode["position"][0, :2].astype(float)
    physics.place(slot, x, y, rules.floor_z + physics.GROUND_Z, float(episode["rotation"][0, 1]))
    slot["platform_x"], slot["platform_y"] = place
    steps = len(episode["action"])
    at, rewards, touched = np.zeros((steps, 3)), np.zeros(steps, np.float32), np.zeros(steps, bool)
    for t, action in enumerate(episode["action"].astype(np.int64)):
        at[t] = slot["x"], slot["y"], slot["yaw"]
        touched[t] = _clearance(rules, slot["x"], slot["y"]) < 1.0
        levels.advance(
            *(slots, 0, 1, np.array([action]), rewards[t:], rules.number, 1 << 30),
            *(rules.floor_z, rules.boxes, rules.planes),
        )
    yaw_error = (at[:, 2] - episode["rotation"][:, 1].astype(float) + 180) % 360 - 180
    unmoved = _not_yet(np.linalg.norm(np.diff(at[:, :2], axis=0, prepend=at[:1, :2]), axis=1) > JUMP)
    return Replay(
        position_error=np.linalg.norm(at[:, :2] - episode["position"][:, :2], axis=1),
        yaw_error=np.abs(yaw_error),
        unmoved=unmoved,
        free=unmoved & _not_yet(touched),
        recorded_rewards=episode["reward"],
        rewards=rewards,
    )


def _not_yet(happened: np.ndarray) -> np.ndarray:
    """True up to the first True, exclusive."""
    before: np.ndarray = ~np.logical_or.accumulate(happened)
    return before


def _clearance(rules: levels.Level, x: float, y: float) -> float:
    """Distance, in units, from the player's box to the nearest solid."""
    boxes, planes, half = rules.boxes, rules.planes, physics.HALF_WIDTH
    gaps = [np.maximum(boxes[:, 0] - x, x - boxes[:, 2]), np.maximum(boxes[:, 1] - y, y - boxes[:, 3])]
    to_boxes = np.maximum(*gaps) - half
    to_planes = planes[:, 2] - planes[:, 0] * x - planes[:, 1] * y - half * np.abs(planes[:, :2]).sum(1)
    return float(np.concatenate([to_boxes, to_planes]).min())


def measure(level: str) -> Fidelity:
    """Replay every recording of a level.

    Positions are recorded from the engine's client, which learns of a teleport up to a step later: such steps, in which
    the two are a room apart, are left out. A stretch that begins inside an episode starts with an unknown velocity and
    fraction of a turn: it counts for the positions only.
    """
    episodes = list(recorded(level))
    replays = [[replay(level, part, platform(episode)) for part in stretches(level, episode)] for episode in episodes]
    everything = [r for parts in replays for r in parts]
    position = np.concatenate([r.position_error[r.position_error < JUMP] for r in everything])
    starts = [parts[0] for parts in replays]
    free = [r.position_error[:FREE_STEPS][r.free[:FREE_STEPS]].max() for r in starts]
    # Whether a choice is right depends on draws that are not recorded: compared is when rewards come.
    scored = [(r.recorded_rewards != 0, r.rewards != 0) for r in everything]
    return Fidelity(
        level=level,
        episodes=len(episodes),
        steps=len(position),
        steps_left_out=sum(int((r.position_error >= JUMP).sum()) for r in everything),
        yaw_error_max_degrees=float(max(r.yaw_error[r.unmoved].max() for r in starts)),
        position_error_free_max=float(max(free)),
        position_error_median=float(np.median(position)),
        position_error_p95=float(np.percentile(position, 95)),
        rewards_recorded=sum(int(there.sum()) for there, _ in scored),
        rewards_at_the_same_step=sum(int((there & here).sum()) for there, here in scored),
    )


def write(path: Path) -> None:
    """The errors of all levels that can be replayed, as CSV with a column per field of `Fidelity`.

    ConfigError, before anything is measured, if no file can be written there.
    """
    check_output(path)
    rows = [astuple(measure(level)) for level in REPLAYED]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Fidelity))
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def check_output(path: Path) -> None:
    """ConfigError unless a file can be written at `path`."""
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {path}: expected a file in a folder that exists and can be written")
