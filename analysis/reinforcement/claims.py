"""The paper's claims about agents, and what the memory tasks add to them: which comparisons each consists of."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

from analysis import labels, methods
from analysis.claims import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SHOWN, Claim
from analysis.load import Results
from analysis.reinforcement import paper
from analysis.reinforcement.evidence import Comparison, at, memory, together
from analysis.reinforcement.weighing import refusal, weigh

NONMATCHING, WATERMAZE, KEYS = (
    f"rooms_{level}" for level in ("select_nonmatching_object", "watermaze", "keys_doors_puzzle")
)
GAMES = ("breakout", "gravitar", "qbert", "seaquest")  # Table 2 without MsPacman, where the paper has TBPTT ahead
PAPERS_M = (10, 50, 100)  # on the DMLab memory levels
TRIAL = 27  # env steps between seeing the object and choosing, in select_nonmatching
# Settings that the paper has otherwise: how they are written, and the paper's values.
DEPARTURES: dict[tuple[str, ...], tuple[str, float | None]] = {
    ("retention",): (
        "initial retention, how long new units keep what they saw: {:g} steps (the paper: half is lost in each)",
        None,
    ),
    ("optimiser", "learning_rate"): ("learning rate {:g} (the paper: 0.0006)", 0.0006),
    ("optimiser", "epsilon"): ("ε of RMSProp {:g} (the paper: 0.01)", 0.01),
    ("loss", "discount"): ("discount {:g} (the paper: 0.99)", 0.99),
    ("loss", "entropy_cost"): ("entropy cost {:g} (the paper: 0.01)", 0.01),
}
GAINS = {
    SHOWN: "RTRL gains there too",
    NOT_SHOWN: "RTRL gains nothing that can be told from chance",
    CONTRADICTED: "TBPTT is ahead of RTRL",
}


def claims(results: Results) -> list[Claim]:
    """Each claim with its comparisons weighed; p is corrected for the number of tests in all of them."""
    every = _comparisons(results)
    parts = iter(weigh([one for group in every.values() for one in group]))
    weighed = {name: tuple(next(parts) for _ in group) for name, group in every.items()}
    finding = "".join(
        f"With the paper's own initialisation {GAINS[part.verdict]}: {part.brief}. "
        for part in weighed["initial"]
        if part.verdict != NOT_TESTED
    )
    return [
        Claim(
            1,
            "dmlab",
            "DMLab memory levels",
            "RTRL beats TBPTT on watermaze at every segment length M, and on select_nonmatching only at M = 10.",
            weighed["dmlab"],
            ("table1", "fig1_curves"),
            _departures(every["dmlab"]),
        ),
        Claim(
            2,
            "chaser",
            "ProcGen Chaser",
            "On ProcGen Chaser RTRL beats TBPTT at M = 5 and equals it at M = 50; both beat a network without memory.",
            weighed["chaser"],
            note=_departures(every["chaser"]),
        ),
        Claim(
            3,
            "atari",
            "Atari, and a level without need of memory",
            "On Atari RTRL is at least as good as TBPTT except in MsPacman; on keys_doors all methods are equal.",
            weighed["atari"],
            ("table2", "fig2_atari"),
            _departures(every["atari"]),
        ),
        Claim(
            0,
            "memory",
            "small memory tasks",
            "Beyond the paper: where memory must outlast the segment, RTRL learns what TBPTT does not.",
            weighed["memory"] + weighed["initial"],
            (
                *("memory_delay", "memory_map", "memory_retention", "memory_curves", "profiles", "gain_and_cosine"),
                *("truncation", "cosines", "staleness", "memory_study"),
            ),
            finding + _departures(every["memory"] + every["initial"]),
        ),
        Claim(
            0,
            "exact",
            "RTRL beside full BPTT",
            "Beyond the paper: RTRL, with sensitivities carried over from older parameters, equals full BPTT.",
            weighed["exact"],
            note="Where all seeds end at the same success, the interval has no width: look at success over training. "
            + _departures(every["exact"]),
        ),
    ]


def _comparisons(results: Results) -> dict[str, list[Comparison]]:
    """The comparisons of each claim."""
    runs = results["runs"]
    lengths = runs.loc[runs["environment"] == NONMATCHING, "unroll"]
    # Each M on its own: they are trained with as many steps, so that longer segments get fewer updates.
    tasks = runs[runs["memory_task"] & (runs["layers"] == 1) & (runs["cell"] == methods.CELL)]
    segments = sorted(set(tasks["unroll"])) or [None]
    delayed = tasks[tasks["delay"] >= tasks["unroll"]]
    conditions = sorted({(m, name) for m, name in zip(delayed["unroll"], delayed["environment"], strict=True)})
    others = sorted({m for m in lengths if m < TRIAL} - {10})
    maze = [at(results, WATERMAZE, m, "better than") for m in PAPERS_M]
    without = [
        at(results, "chaser", m, "better than", left, "feedforward") for left in ("rtrl", "tbptt") for m in (5, 50)
    ]
    retained = [
        memory(results, "better than", long=True, retained=True, unroll=m, task=name)
        for m, name in conditions or [(None, None)]
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
            *retained,
            *(memory(results, "equal to", long=False, retained=True, unroll=m, control=True) for m in segments),
            *(at(results, NONMATCHING, m, "better than") for m in others),
        ],
        "initial": _besides(memory(results, "better than", long=True, retained=False), retained),
        "exact": [
            memory(results, "equal to", long, retained=True, right="bptt", in_training=in_training)
            for in_training in (False, True)
            for long in (False, True)
        ]
        + [at(results, NONMATCHING, m, "equal to", right="bptt") for m in _ceilings(results)],
    }


def _ceilings(results: Results) -> list[int]:
    """The M at which nonmatching was run by full BPTT."""
    runs = results["runs"]
    return sorted(set(runs.loc[(runs["environment"] == NONMATCHING) & (runs["gradient"] == "bptt"), "unroll"]))


def _besides(comparison: Comparison, others: Sequence[Comparison]) -> list[Comparison]:
    """The comparison in those of its settings that no other weighs already; none if it has no more."""
    weighed = {one.run["pairing"] for other in others for one in other.settings}
    left = tuple(one for one in comparison.settings if one.run["pairing"] not in weighed)
    return [replace(comparison, settings=left)] if left or not comparison.settings else []


def _departures(comparisons: Sequence[Comparison]) -> str:
    """How the settings of the agents with a memory that are compared depart from the paper's."""
    runs = [setting.run for one in comparisons for setting in one.settings]
    said = _stems([run["pretrained"] for run in runs if run["suite"] == "dmlab"])
    configs = [json.loads(run["config"]) for run in runs]
    for path, (text, papers) in DEPARTURES.items():
        values = [value for config in configs if (value := _value(config, path)) not in (None, papers)]
        some = " in some of the comparisons" if len(values) < len(configs) else ""
        said += [text.replace("{:g}", labels.span(values, "{:g}".format)) + some] if values else []
    return f"Departures from the paper: {'; '.join(said)}." if said else ""


def _stems(pretrained: Sequence[str]) -> list[str]:
    """What has to be said where levels were run with a vision stem that was taught from the simulator's state."""
    taught = [paper.taught(stem) for stem in pretrained]
    if not any(taught):
        return []
    where = "for every method alike" if all(taught) else f"in {sum(taught)} of {len(taught)} comparisons"
    return [
        "on DMLab levels the vision stem (the convolutional layers below the recurrent one) was taught what is in view"
        f" from the simulator's state and then frozen, {where} (the paper: learned from reward)"
    ]


def _value(config: object, path: tuple[str, ...]) -> float | None:
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return float(config) if isinstance(config, int | float) and math.isfinite(config) else None
