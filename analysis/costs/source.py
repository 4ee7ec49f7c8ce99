"""Where a study's numbers come from."""

from __future__ import annotations

import json
import math

import pandas as pd

from analysis import labels
from analysis.load import Results
from analysis.methods import gradient_label


def source(results: Results) -> str:
    """One line for each study."""
    return " ".join(_of_study(study) for _, study in results["studies"].iterrows())


def _of_study(study: pd.Series) -> str:
    torch, jax = (json.loads(study["versions"]).get(name, "of unknown version") for name in ("torch", "jax"))
    by = f"Counted by the operators of torch {torch}; {gradient_label('rtrl_dense_segment')} by the XLA compiler"
    counted = f"{by} (jax {jax})"
    text = f"{counted}; measured on {study['device_name']} ({study['device']}), threads: {study['threads']}."
    low, median, high = (labels.number(study[f"peak_{which}"]) for which in ("low", "median", "high"))
    if math.isnan(study["peak_low"]):
        return text
    return f"{text} Measured peak memory is {low} to {high} times the predicted one, median {median}."
