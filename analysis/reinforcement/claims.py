"""The paper's claims about agents, and what the memory tasks add to them: which comparisons each consists of."""

from __future__ import annotations

import json
import math

from analysis import labels
from analysis.claims import NOT_TESTED, SHOWN, Claim
from analysis.load import Results
from analysis.reinforcement import paper
from analysis.reinforcement.evidence import Comparison, at, memory, together
from analysis.reinforcement.weighing import refusal, weigh

NONMATCHING, WATERMAZE, KEYS = (
    f"rooms_{level}" for level in ("select_nonmatching_object", "watermaze", "keys_doors_puzzle")
)
GAMES = ("breakout", "gravitar", "qbert", "seaquest")  # Table 2 without MsPacman, where the paper has TBPTT ahead
TRIAL = 27  # env steps between seeing the object and choosing, in select_nonmatching
# Settings of the memory study that the paper has otherwise: how they are written, and the paper's values.
DEPARTURES = {
    (
        "retention",
    ): "initial retention, how long new units keep what they saw: {:g} steps (the paper: half is lost in each)",
    ("optimiser", "learning_rate"): "learning rate {:g} (the paper: 0.0006)",
    ("optimiser", "epsilon"): "ε of RMSProp {:g} (the paper: 0.01)",
}


def claims(results: Results) -> list[Claim]:
    """Each claim with its comparisons weighed; p is corrected for the number of tests in all of them."""
    every = _comparisons(results)
    parts = iter(weigh([one for group in every.values() for one in group]))
    weighed = {name: tuple(next(parts) for _ in group) for name, group in every.items()}
    initial, memory_parts = weighed["memory"][-1], weighed["memory"]
    finding = ""
    if initial.verdict != NOT_TESTED:
        gains = (
            "RTRL gains there too" if initial.verdict == SHOWN else "RTRL gains nothing that can be told from chance"
        )
        finding = f"With the paper's own initialisation {gains}: {initial.brief}. "
    return [
        Claim(
            1,
            "dmlab",
            "DMLab memory levels",
            "RTRL beats TBPTT on watermaze at every segment length M, and on select_nonmatching only at M = 10.",
            weighed["dmlab"],
            ("table1", "fig1_curves"),
            _stems(results, (WATERMAZE, NONMATCHING)),
        ),
        Claim(
            2,
            "chaser",
            "ProcGen Chaser",
            "On ProcGen Chaser RTRL beats TBPTT at M = 5 and equals it at M = 50; both beat a network without memory.",
            weighed["chaser"],
        ),
        Claim(
            3,
            "atari",
            "Atari, and a level without need of memory",
            "On Atari RTRL is at least as good as TBPTT except in MsPacman; on keys_doors all methods are equal.",
            weighed["atari"],
            ("table2", "fig2_atari"),
            _stems(results, (KEYS,)),
        ),
        Claim(
            0,
            "memory",
            "small memory tasks",
            "Beyond the paper: where memory must outlast the segment, RTRL learns what TBPTT does not.",
            memory_parts,
            (
                *("memory_delay", "memory_map", "memory_retention", "memory_curves", "profiles", "gain_and_cosine"),
                *("truncation", "cosines", "staleness", "memory_study"),
            ),
            finding + _departures(results),
        ),
        Claim(
            0,
            "exact",
            "RTRL beside full BPTT",
            "Beyond the paper: RTRL, with sensitivities carried over from older parameters, equals full BPTT.",
            weighed["exact"],
            note="Where all seeds end at the same success, the interval has no width; that over training tells more.",
        ),
    ]


def _comparisons(results: Results) -> dict[str, list[Comparison]]:
    """The comparisons of each claim."""
    runs = results["runs"]
    lengths = runs.loc[runs["environment"] == NONMATCHING, "unroll"]
    # Each M on its own: they are trained with as many steps, so that longer segments get fewer updates.
    segments = sorted(set(runs.loc[runs["memory_task"] & (runs["layers"] == 1), "unroll"])) or [None]
    others = sorted({m for m in lengths if m < TRIAL} - {10})
    maze = [at(results, WATERMAZE, m, "better than") for m in (10, 50, 100)]
    without = [
        at(results, "chaser", m, "better than", left, "feedforward") for left in ("rtrl", "tbptt") for m in (5, 50)
    ]
    return {
        "dmlab": [
            *([together("watermaze, every M", maze)] if not any(map(refusal, maze)) else maze),
            at(results, NONMATCHING, 10, "better than"),
            *(at(results, NONMATCHING, m, "equal to") for m in (50, 100)),
        ],
        "chaser": [at(results, "chaser", 5, "better than"), at(results, "chaser", 50, "equal to"), *without],
        "atari": [
            *(at(results, game, 50, "at least as good as") for game in GAMES),
            *(at(results, KEYS, 100, "equal to", "rtrl", rival) for rival in ("tbptt", "feedforward")),
        ],
        "memory": [
            *(memory(results, "better than", long=True, retained=True, unroll=m) for m in segments),
            *(memory(results, "equal to", long=False, retained=True, unroll=m, control=True) for m in segments),
            *(at(results, NONMATCHING, m, "better than") for m in others),
            memory(results, "better than", long=True, retained=False),
        ],
        "exact": [
            memory(results, "equal to", long, retained=True, right="bptt", in_training=in_training)
            for in_training in (False, True)
            for long in (False, True)
        ],
    }


def _stems(results: Results, levels: tuple[str, ...]) -> str:
    """What has to be said where levels were run with a vision stem that was taught from the simulator's state."""
    runs = results["runs"]
    if not runs.loc[runs["environment"].isin(levels), "pretrained"].map(paper.taught).any():
        return ""
    return (
        "Departure from the paper: on DMLab levels the vision stem (the convolutional layers below the recurrent one)"
        " was taught what is in view from the simulator's state and then frozen, for every method alike; the paper"
        " trains it by TBPTT."
    )


def _departures(results: Results) -> str:
    """How the memory study's settings depart from the paper's, as its runs have them."""
    runs = results["runs"]
    configs = [json.loads(text) for text in runs.loc[runs["memory_task"] & runs["retention"].notna(), "config"]]
    said = []
    for path, text in DEPARTURES.items():
        values = [value for config in configs if (value := _value(config, path)) is not None]
        said += [text.replace("{:g}", labels.span(values, "{:g}".format))] if values else []
    return f"Departures from the paper: {'; '.join(said)}." if said else ""


def _value(config: object, path: tuple[str, ...]) -> float | None:
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return float(config) if isinstance(config, int | float) and math.isfinite(config) else None
