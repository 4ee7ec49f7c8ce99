"""Where the time of training goes, what acting beside learning gains, and RTRL beside TBPTT in the whole loop.

Rates are env steps per second, medians of alternating stretches in one process. `stem` is the floor: the update's
vision stem alone, forward for acting, forward and backward for learning. `env+stem` is the share of an update that the
simulator and the stem take: with a frozen stem, how near the loop comes to the speed of these two alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rtrl_bench.bench.sections import Column, Item, Row, Section, Setup
from rtrl_bench.experiments.reinforcement.config import RunConfig
from rtrl_bench.experiments.reinforcement.throughput import (
    FROZEN,
    PARTS,
    REPEATS,
    SETTINGS,
    floor_seconds,
    profile,
    rates,
    settings,
)

Changes = Mapping[str, Any]

SETS: Mapping[str, tuple[str, ...]] = {"cpu": tuple(SETTINGS), "cuda": tuple(n for n in SETTINGS if n[:5] == "paper")}
BESIDE = {"deterministic": False}
BFLOAT16 = {"precision": "bfloat16"}
TBPTT = {"gradient": "tbptt"}
MODES: Mapping[str, Mapping[str, Changes]] = {
    "cpu": {"in_turn": {}, "one_thread": {"threads": 1}, "beside": BESIDE, "bfloat16": BFLOAT16},
    "cuda": {
        "in_turn": BFLOAT16,
        "beside": {**BFLOAT16, **BESIDE},
        "float32": BESIDE,
        "tbptt": {**BFLOAT16, **TBPTT},
        "tbptt_beside": {**BFLOAT16, **TBPTT, **BESIDE},
    },
}
METHODS: Mapping[str, Changes] = {
    "rtrl": {"gradient": "rtrl"},
    "tbptt": TBPTT,
    "feedforward": {"cell": "none", **TBPTT},
}
UNROLLS = (10, 50, 100)  # at the size that the paper uses on DMLab: N = 512, D = 257, B = 32
STRETCH_S = {"cpu": 0.3, "cuda": 0.7}
SMALL_SETS = ("laptop: memory", "paper: DMLab")
SMALL = {"features": 8, "hidden": 8, "batch": 2, "unroll": 2}
REQUIRED = {
    "cpu": """required: beside >= 1.3 in turn where the simulator takes 30 % or more; best >= 85 % of the stem alone;
env+stem >= 85 % with a frozen stem, the nature one too; rtrl/tbptt >= 0.80 at M=10, >= 0.95 at M=50 and M=100""",
    "cuda": "goals: rtrl/tbptt >= 0.97; best >= 85 % of the stem; steps/s: 15,000 on a frozen stem, 8,000 from scratch",
}


def _config(setup: Setup, name: str, changes: Changes) -> RunConfig:
    return settings(name, device=setup.device.type, **{**(SMALL if setup.small else {}), **changes})


def _stretch_s(setup: Setup) -> float:
    """Seconds of a stretch: shorter where the section has little time, of which other work takes a third."""
    stretches = len(SETS[setup.device.type]) * len(MODES[setup.device.type]) * (REPEATS + 1)
    return min(STRETCH_S[setup.device.type], 2 / 3 * setup.seconds / stretches)


def modes_of(setup: Setup, name: str) -> Mapping[str, Changes]:
    """MODES on this device, without low precision where there is no stem that has a use for it."""
    modes = MODES[setup.device.type]
    without = SETTINGS[name]["vision"] == "flat"
    return {mode: changes for mode, changes in modes.items() if not (without and "precision" in changes)}


def shares(setup: Setup, name: str) -> Row:
    """Of one of SETTINGS: the share of every part of an update, in turn, and the rate of every mode and of the stem."""
    device, modes = setup.device, modes_of(setup, name)
    configs = {mode: _config(setup, name, changes) for mode, changes in modes.items()}
    config = configs["in_turn"]
    updates = 1 if setup.small else 3 if name.startswith("paper") else 9
    parts, stem_s = profile(config, updates, device), floor_seconds(config, updates, device)
    whole = sum(parts.values())
    found = rates(configs, 0.01 if setup.small else max(_stretch_s(setup), whole), device)
    row = {f"{mode}_steps_per_s": rate for mode, rate in found.items()}
    row["stem_steps_per_s"] = config.unroll * config.batch / stem_s
    best = max(found["in_turn"], found["beside"])
    row |= {"beside_per_in_turn": found["beside"] / found["in_turn"], "best_per_stem": best / row["stem_steps_per_s"]}
    if "tbptt" in found:
        row["rtrl_per_tbptt"] = best / max(found["tbptt"], found["tbptt_beside"])
    row["env_and_stem_share"] = sum(parts[part] for part in ("env", "act.stem", "learn.stem")) / whole
    return row | {f"share_{part}": seconds / whole for part, seconds in parts.items()} | {"update_s": whole}


def methods(setup: Setup, changes: Changes, unroll: int) -> Row:
    """The rate of every method at one segment length, acting and learning in turn."""
    size = {"features": 256, "hidden": 512, "batch": 32, "unroll": unroll, **(SMALL if setup.small else {}), **changes}
    configs = {method: _config(setup, "laptop: frozen stem", {**size, **keys}) for method, keys in METHODS.items()}
    found = rates(configs, 0.01 if setup.small else 0.02 * unroll, setup.device)
    row = {f"{method}_steps_per_s": rate for method, rate in found.items()}
    return {
        "unroll": unroll,
        "in_turn_steps_per_s": found["rtrl"],
        **row,
        "rtrl_per_tbptt": found["rtrl"] / found["tbptt"],
    }


def items(setup: Setup) -> Iterator[Item]:
    """Every setting, then every segment length."""
    kind = setup.device.type
    for name in SMALL_SETS if setup.small and kind == "cpu" else SETS[kind]:
        yield Item(name, partial(shares, setup, name))
    for stem, changes in (("frozen", FROZEN), ("trained", {"pretrained": None})):
        for unroll in UNROLLS[:1] if setup.small else UNROLLS:
            yield Item(f"{stem} nature stem M={unroll}", partial(methods, setup, changes, unroll))


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    modes = dict.fromkeys([*MODES[setup.device.type], "tbptt", "feedforward", "stem"])
    columns = (
        *(Column(f"share_{part}", title, ".0%") for part, title in PARTS.items()),
        Column("env_and_stem_share", "env+stem", ".0%"),
        *(Column(f"{mode}_steps_per_s", mode.replace("_", " "), ",.0f") for mode in modes),
        Column("beside_per_in_turn", "beside/in turn"),
        Column("best_per_stem", "best/stem", ".0%"),
        Column("rtrl_per_tbptt", "rtrl/tbptt"),
    )
    title = (
        "The whole loop: share of an update, acting and learning in turn; env steps/s of rtrl unless named otherwise"
    )
    return Section(title, items, columns, REQUIRED[setup.device.type])
