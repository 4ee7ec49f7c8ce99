"""The paper's claim about the copy task."""

from __future__ import annotations

import json

from analysis import labels, methods
from analysis.claims import NOT_SHOWN, NOT_TESTED, SHOWN, Claim, Part
from analysis.load import Results
from analysis.stats import MINIMUM

LONGEST = 500  # bits of the paper's longest pattern: sequences of 1000 steps


def claims(results: Results) -> list[Claim]:
    """One part per length that RTRL was trained on, and the paper's."""
    runs = results["sequence_runs"]
    runs = runs[(runs["task"] == "copy") & (runs["gradient"] == "rtrl") & (runs["cell"] == methods.CELL)]
    runs = runs[(runs["layers"] == 1) & (runs["gradient_options"] == "{}")]
    options = runs["options"].map(json.loads)
    runs = runs.assign(length=options.map(lambda given: given["length"]))
    runs = runs[options.map(lambda given: not given["delay"]).astype(bool)]
    parts = []
    for length in sorted(runs["length"].unique()):
        settings = [seeds for _, seeds in runs[runs["length"] == length].groupby("setting", sort=False)]
        chosen = max(settings, key=lambda seeds: (min(MINIMUM, len(seeds)), len(seeds), seeds["hidden"].iloc[0]))
        accuracy, others = chosen["accuracy"], len(settings) - 1
        n = len(accuracy)
        said = f"{100 * accuracy.mean():.4g} %; in the worst seed {100 * accuracy.min():.4g} %"
        said += f"; {labels.counted(others, 'other setting')} left aside" if others else ""
        if n < MINIMUM:
            verdict, said = NOT_TESTED, f"{labels.counted(n, 'seed')}, {MINIMUM} are needed (so far {said})"
        else:
            verdict = SHOWN if accuracy.min() >= 1 else NOT_SHOWN
        parts.append(Part(_what(length), verdict, said, n=str(n)))
    if not (runs["length"] >= LONGEST).any():
        longest = f"the longest sequences that were run have {2 * runs['length'].max():g} steps"
        tried = longest if len(runs) else "the task has no finished run"
        parts.append(Part(_what(LONGEST), NOT_TESTED, tried))
    sentence = "RTRL solves the copy task completely, with sequences of up to 1000 steps."
    return [Claim(4, "copy", "copy task", sentence, tuple(parts), ("sequence_tasks",))]


def _what(length: float) -> str:
    return f"every test sequence of up to {2 * length:g} steps right"
