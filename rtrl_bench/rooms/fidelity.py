"""How near the embedded levels are to recordings of the real engine, replayed action by action.

`recordings/`: episodes in DeepMind Lab at commit b1db91a, a row per agent step: action (held for 4 frames), position in
world units and rotation in degrees before the step, reward of the step; of the puzzles in `players.npz` the layout.
What the engine drew at random is taken from the recording: starts, layouts, where the platform is. It is not recorded
which choice was right, nor when the platform's timer fired by itself, so rewards are compared by when they come.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtrl_bench.rooms import clock, keys_doors, levels, maps, physics
from rtrl_bench.rooms.dmlab_levels import ACTION_REPEAT
from rtrl_bench.rooms.keys_doors_map import COLOURS, Door, Key, Layout
from rtrl_bench.rooms.state import GRID, SLOT

RECORDINGS = Path(__file__).with_name("recordings")
JUMP = 60.0  # units in a step: nobody walks this far, so the player was moved
ENDLESS = 1 << 30  # frames
WATERMAZE, KEYS_DOORS = "rooms_watermaze", "rooms_keys_doors_puzzle"

Episode = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Fidelity:
    """Errors over all recorded episodes of a level in a file; distances in world units, of which a step is 20."""

    level: str
    recordings: str
    episodes: int
    steps: int
    steps_left_out: int  # where the player has been moved in one of the two and not yet in the other
    yaw_error_max_degrees: float
    position_error_free_max: (
        float  # up to the first move in either of the two, or the first touch of a wall or the platform
    )
    position_error_median: float
    position_error_p95: float
    position_error_max: float
    rewards_recorded: int
    rewards_at_the_same_step: int
    rewards_within_a_step: int


@dataclass(frozen=True)
class Start:
    """Where a replay begins: in step `step`, before its frame number `frame`; what was drawn is in `slot`."""

    slot: np.ndarray  # (1,) of state.SLOT
    step: int = 0
    frame: int = 0


@dataclass(frozen=True)
class Replay:
    """A recorded stretch and its replay, a row per step: errors before the step, rewards of the step."""

    position_error: np.ndarray
    yaw_error: np.ndarray
    free: np.ndarray  # neither has been moved, nor has touched a wall or the platform
    recorded_rewards: np.ndarray
    rewards: np.ndarray


def files() -> list[str]:
    """Names of the files with recordings."""
    return sorted(path.stem for path in RECORDINGS.glob("*.npz"))


def recorded(level: str, recordings: str) -> Iterator[dict[str, np.ndarray]]:
    """A file's episodes of a level: action (T,), position (T, 3), rotation (T, 3), reward (T,), layout if recorded."""
    with np.load(RECORDINGS / f"{recordings}.npz") as file:
        episode = 0
        while f"{level}/{episode}/action" in file:
            prefix = f"{level}/{episode}/"
            yield {name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)}
            episode += 1


def replays(level: str, episode: Episode) -> list[Replay]:
    """The replays of an episode: one, or in watermaze one per trial, as each begins at a place drawn anew.

    Of a puzzle whose layout was not recorded there is none.
    """
    if level == KEYS_DOORS:
        if "layout" not in episode:
            return []
        residuals = keys_doors.LOADED_RESIDUALS_MS
        starts = [_puzzle(_drawn(str(episode["layout"])), episode, residual) for residual in {*residuals}]
        return [min((_replay(level, episode, start, len(episode["action"])) for start in starts), key=_error)]
    edges = [0, *_trials(episode), len(episode["action"])] if level == WATERMAZE else [0, len(episode["action"])]
    found = []
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        starts = [_standing(level, episode)] if number == 0 else _in_water(episode, begin)
        found.append(min((_replay(level, episode, start, end) for start in starts), key=_error))
    return found


def _error(replay: Replay) -> float:
    """By which of several starts, of which one was the engine's, the right one is known."""
    return float(replay.position_error[:40].sum() + replay.yaw_error[:40].sum())


def _standing(level: str, episode: Episode) -> Start:
    """At an episode's start."""
    slots = np.zeros(1, SLOT)
    rules = levels.LEVELS[level]
    levels.begin_episode(rules, slots[0])
    _put(slots[0], episode["position"][0], rules.floor_z, float(episode["rotation"][0, 1]))
    slots["platform_x"], slots["platform_y"] = platform(episode)
    return Start(slots)


def _put(slot: Any, position: np.ndarray, floor_z: float, yaw: float) -> None:
    physics.place(slot, float(position[0]), float(position[1]), floor_z + physics.GROUND_Z, yaw)


def _puzzle(layout: Layout, episode: Episode, residual_ms: int) -> Start:
    """In a recorded layout, after one of the two ways in which a map loads."""
    start = _standing(KEYS_DOORS, episode)
    keys_doors.lay_out(start.slot[0], layout)
    clock.start(start.slot[0], residual_ms)
    return start


def _drawn(text: str) -> Layout:
    """A puzzle as DeepMind Lab's map maker writes it; which room is which is not told.

    Rows of cells from north to south, then `--keys` and `--doors` with their colours in reading order. `*` wall, `P`
    spawn, `K` key, `H` and `I` doors that lead north and east, `G` goal.
    """
    drawing, _, colours = text.partition("--keys")
    key_names, _, door_names = colours.partition("--doors")
    key_colours, door_colours = (iter(map(COLOURS.index, names.split())) for names in (key_names, door_names))
    rows = [row for row in drawing.splitlines() if row.strip()]
    floor, keys, doors, goal = np.zeros(GRID, bool), [], [], (0, 0)
    for y, row in enumerate(rows):
        for x, mark in enumerate(row):
            cell = (len(rows) - 1 - y, x)
            floor[cell] = mark != "*"
            if mark == "K":
                keys.append(Key(cell, next(key_colours)))
            elif mark in "HI":
                doors.append(Door(cell, mark == "H", next(door_colours), None))
            elif mark == "G":
                goal = cell
    return Layout(0, (), tuple(doors), tuple(keys), goal, floor)


def _trials(episode: Episode) -> list[int]:
    """Steps of a watermaze episode before which a new trial had begun: the player is off the platform."""
    raised = _raised(episode)
    return [int(t) + 1 for t in np.flatnonzero(raised[:-1] & ~raised[1:])]


def _in_water(episode: Episode, step: int) -> list[Start]:
    """A new trial that was first seen before `step`: begun before any frame of the step before, or after its last."""
    starts = []
    for moved in range(ACTION_REPEAT + 1):
        start = _standing(WATERMAZE, episode)
        distances = np.linalg.norm(maps.WATER_SPAWNS - episode["position"][step, :2], axis=1)
        look = moved * physics.DEGREES_PER_LOOK * physics.ACTIONS[episode["action"][step - 1], 0]
        place, yaw = maps.WATER_SPAWNS[distances.argmin()], float(episode["rotation"][step, 1]) + look
        _put(start.slot[0], place, maps.WATER_Z, yaw)
        clock.start(start.slot[0], clock.RESIDUAL_MS)
        clock.tick(start.slot[0])  # lost to the load
        starts.append(Start(start.slot, step - 1, ACTION_REPEAT - moved))
    return starts


def platform(episode: Episode) -> np.ndarray:
    """Where the platform of a watermaze episode is: (2,) around which it held the player; far away if it never did."""
    held = episode["position"][_raised(episode), :2].astype(float)
    return np.median(held, axis=0) if len(held) else np.array([1e6, 1e6])


def _raised(episode: Episode) -> np.ndarray:
    """Before which steps the player was on the platform, (T,) bool."""
    return episode["position"][:, 2] > maps.WATER_Z + physics.GROUND_Z + 20


def _replay(level: str, episode: Episode, start: Start, end: int) -> Replay:
    """Take the recorded actions from `start` on, up to step `end`."""
    rules = levels.LEVELS[level]
    slots = start.slot.copy()
    slot: Any = slots[0]
    first = start.step + (start.frame > 0)
    at, rewards, touched = np.zeros((end, 3)), np.zeros(end, np.float32), np.zeros(end, bool)
    for t in range(start.step, end):
        at[t] = slot["x"], slot["y"], slot["yaw"]
        touched[t] = _clearance(rules, slot) < 1.0 or slot["found_ms"] >= 0
        frames = ACTION_REPEAT - (start.frame if t == start.step else 0)
        action = episode["action"][t : t + 1].astype(np.int64)
        for _ in range(frames):
            levels.advance(slots, 0, 1, action, 1, rewards[t:], *rules.rules(ENDLESS))
            slot["timer_ms"] = -1 if slot["timer_ms"] else 0  # on or off, but it never fires by itself
    at, there = at[first:], episode["position"][first:end, :2].astype(float)
    yaw_error = (at[:, 2] - episode["rotation"][first:end, 1].astype(float) + 180) % 360 - 180
    moved = [np.linalg.norm(np.diff(xy, axis=0, prepend=xy[:1]), axis=1) > JUMP for xy in (at[:, :2], there)]
    return Replay(
        position_error=np.linalg.norm(at[:, :2] - there, axis=1),
        yaw_error=np.abs(yaw_error),
        free=~np.logical_or.accumulate(moved[0] | moved[1] | touched[first:]),
        recorded_rewards=episode["reward"][first:end],
        rewards=rewards[first:],
    )


def _clearance(rules: levels.Level, slot: Any) -> float:
    """Distance, in units, from the player's box to the nearest solid."""
    boxes, planes, half = rules.boxes, rules.planes, physics.HALF_WIDTH
    if rules.number == levels.KEYS_DOORS:
        boxes = np.empty((levels.MAX_BOXES, 4))
        boxes = boxes[: keys_doors.solids(slot, boxes)]
    x, y = slot["x"], slot["y"]
    gaps = [np.maximum(boxes[:, 0] - x, x - boxes[:, 2]), np.maximum(boxes[:, 1] - y, y - boxes[:, 3])]
    to_boxes = np.maximum(*gaps) - half
    to_planes = planes[:, 2] - planes[:, 0] * x - planes[:, 1] * y - half * np.abs(planes[:, :2]).sum(1)
    return float(np.concatenate([to_boxes, to_planes, [np.inf]]).min())


def matched(recorded_rewards: np.ndarray, rewards: np.ndarray, within: int) -> int:
    """How many rewards have a partner of their own at most so many steps away, as many as can be paired."""
    ours, pairs = list(np.flatnonzero(rewards)), 0
    for step in np.flatnonzero(recorded_rewards):
        partner = next((t for t in ours if abs(t - step) <= within), None)  # the earliest leaves most for those to come
        if partner is not None:
            ours.remove(partner)
            pairs += 1
    return pairs


def measure(level: str, recordings: str) -> Fidelity | None:
    """Replay a file's episodes of a level; None where there is nothing to replay.

    The player is seen to be moved up to a step later in one of the two than in the other: such steps are left out.
    """
    episodes = [r for r in (replays(level, episode) for episode in recorded(level, recordings)) if r]
    if not episodes:
        return None
    parts = [part for replayed in episodes for part in replayed]
    near = [part.position_error < JUMP for part in parts]
    position = np.concatenate([part.position_error[there] for part, there in zip(parts, near)])
    pairs = [sum(matched(part.recorded_rewards, part.rewards, within) for part in parts) for within in (0, 1)]
    return Fidelity(
        level=level,
        recordings=recordings,
        episodes=len(episodes),
        steps=len(position),
        steps_left_out=sum(int((~there).sum()) for there in near),
        yaw_error_max_degrees=float(max(part.yaw_error[there].max() for part, there in zip(parts, near))),
        position_error_free_max=float(max(part.position_error[part.free].max(initial=0.0) for part in parts)),
        position_error_median=float(np.median(position)),
        position_error_p95=float(np.percentile(position, 95)),
        position_error_max=float(position.max()),
        rewards_recorded=sum(int((part.recorded_rewards != 0).sum()) for part in parts),
        rewards_at_the_same_step=pairs[0],
        rewards_within_a_step=pairs[1],
    )


def measured() -> list[Fidelity]:
    """All levels and files of recordings, the worst position first."""
    rows = [measure(level, recordings) for level in levels.LEVELS for recordings in files()]
    return sorted((row for row in rows if row is not None), key=lambda row: -row.position_error_p95)
