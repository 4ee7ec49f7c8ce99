"""A synthetic cost study, written file by file as the harness writes it, from power laws whose exponents are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

SIZES = {"layers": 1, "hidden": 256, "inputs": 256, "batch": 32, "unroll": 50, "episode": 1000}
BYTES = 4
# Numbers in memory and operations per step of all slots: pure powers, so that fits of them are exact.
LAWS = {
    "bptt": (
        lambda n: 10 * n["batch"] * n["episode"] * n["layers"] * n["hidden"],
        lambda n: 24 * n["batch"] * n["layers"] * n["hidden"] * n["inputs"],
    ),
    "tbptt": (
        lambda n: 14 * n["batch"] * n["unroll"] * n["layers"] * n["hidden"],
        lambda n: 24 * n["batch"] * n["layers"] * n["hidden"] * n["inputs"],
    ),
    "rtrl": (
        lambda n: n["batch"] * n["hidden"] * n["inputs"] * (2 if n["layers"] == 1 else n["hidden"] * n["layers"] ** 2),
        lambda n: (
            n["batch"]
            * n["hidden"]
            * n["inputs"]
            * (24 + 60 / n["unroll"] if n["layers"] == 1 else 12 * n["hidden"] * n["layers"] ** 2)
        ),
    ),
    "rtrl_stepwise": (
        lambda n: 3 * n["batch"] * n["hidden"] * n["inputs"],
        lambda n: 90 * n["batch"] * n["hidden"] * n["inputs"],
    ),
    "rtrl_dense": (lambda n: 6 * n["batch"] * n["hidden"] ** 3, lambda n: 4 * n["batch"] * n["hidden"] ** 4),
}
# Sweep: axis, its values, cell, methods, other sizes.
SWEEPS: dict[str, tuple[str, list[int], str, list[str], dict[str, int]]] = {
    "hidden_dense": ("hidden", [16, 32, 64, 128, 256], "rnn", ["rtrl_dense"], {}),
    "hidden": ("hidden", [16, 32, 64, 128, 256, 512, 1024], "elstm", ["tbptt", "rtrl"], {}),
    "hidden_two_layers": ("hidden", [16, 32, 64, 128, 256], "elstm", ["rtrl"], {"layers": 2}),
    "layers": ("layers", [1, 2, 3, 4], "elstm", ["bptt", "rtrl"], {"hidden": 64, "inputs": 64}),
    "unroll": ("unroll", [1, 2, 5, 10, 20, 50, 100], "elstm", ["tbptt", "rtrl", "rtrl_stepwise"], {}),
    "episode": ("episode", [10, 100, 1000, 10_000, 100_000], "elstm", ["bptt", "rtrl"], {}),
}
# Sweep, method, exponent of memory and of operations, read off LAWS.
THEORY = [
    *(("hidden_dense", "rtrl_dense", 3, 4), ("hidden", "tbptt", 1, 2), ("hidden", "rtrl", 2, 2)),
    *(("hidden_two_layers", "rtrl", 3, 3), ("layers", "bptt", 1, 1), ("layers", "rtrl", 2, 2)),
    *(("unroll", "tbptt", 1, 0), ("unroll", "rtrl", 0, 0), ("unroll", "rtrl_stepwise", 0, 0)),
    *(("episode", "bptt", 1, 0), ("episode", "rtrl", 0, 0)),
]


def points() -> pd.DataFrame:
    """The rows of costs.csv; counted and measured numbers are multiples of the predicted ones, time has an overhead."""
    rows = []
    for sweep, (axis, values, cell, methods, others) in SWEEPS.items():
        for value in values:
            sizes = {**SIZES, **others, axis: value}
            if axis == "hidden":
                sizes["inputs"] = value
            rows += [_point(sweep, axis, method, cell, sizes) for method in methods]
    return pd.DataFrame(rows)


def _point(sweep: str, axis: str, method: str, cell: str, sizes: dict[str, int]) -> dict[str, Any]:
    memory, flops = (law(sizes) for law in LAWS[method])
    step_s = 2e-5 + flops / 2e10
    point = {"sweep": sweep, "axis": axis, "method": method, "cell": cell, **sizes}
    point |= {"predicted_state_bytes": BYTES * memory // 2, "predicted_peak_bytes": BYTES * memory}
    point |= {"predicted_flops_per_step": flops, "counted_flops_per_step": 1.1 * flops}
    point |= {"counted_bytes_per_step": 3 * BYTES * memory, "counted_peak_bytes": 1.2 * BYTES * memory}
    point |= {"measured_step_s": step_s, "measured_step_s_low": 0.9 * step_s, "measured_step_s_high": 1.15 * step_s}
    point |= {"repeats": 7, "measured_peak_bytes": 2**20 + 1.3 * BYTES * memory}
    return point | {"implementation": "jax" if "dense" in method else "torch", "device": "cpu", "note": ""}


def theory() -> pd.DataFrame:
    """The rows of theory.csv."""
    return pd.DataFrame(
        {
            **{"sweep": sweep, "method": method, "cell": SWEEPS[sweep][2], "axis": SWEEPS[sweep][0]},
            **{"quantity": quantity, "exponent": exponent, "leading_term": f"2 B N^{exponent}"},
        }
        for sweep, method, *both in THEORY
        for quantity, exponent in zip(("memory", "flops"), both)
    )


def limits() -> pd.DataFrame:
    """The rows of limits.csv: what of one slot is cubic in N beyond one layer and for dense RTRL, else square."""
    rows = []
    for method, cell, all_layers in (
        ("rtrl", "elstm", (1, 2, 3)),
        ("rtrl_dense", "rnn", (1,)),
        ("tbptt", "elstm", (1, 2, 3)),
    ):
        for layers in all_layers:
            power = 1 if method == "tbptt" else 2 if method == "rtrl" and layers == 1 else 3
            for gigabytes in (8, 24, 80, 141):
                slot = gigabytes * 1e9 / 32
                largest = int((slot / (8 * layers**2 * (1000 if power == 1 else 1))) ** (1 / power))
                row = {"method": method, "cell": cell, "layers": layers, "inputs": largest, "batch": 32}
                rows.append(row | {"memory_gb": gigabytes, "largest_hidden": largest, "bytes_per_slot": slot})
    return pd.DataFrame(rows)


def crossovers() -> pd.DataFrame:
    """The rows of crossovers.csv: 10 T N = 2 N D at T = 51.2; one M that is never reached."""
    same = {"cell": "elstm", "layers": 1, "hidden": 256, "inputs": 256, "batch": 32}
    said = "RTRL needs less memory than full BPTT for episodes longer than 51 steps"
    near = "from M = 25 on"
    return pd.DataFrame(
        [
            {"kind": "episode", **same, "value": 51.2, "basis": "predicted", "text": said},
            {"kind": "unroll", **same, "value": 25, "basis": "predicted", "text": near},
            {"kind": "unroll", **same, "value": None, "basis": "measured", "text": "never within the range"},
        ]
    )


RECORD = {
    "schema": 1,
    "kind": "costs",
    "status": "complete",
    "config": {},
    "versions": {"python": "3.11.2", "torch": "2.13.0", "jax": "0.7.1"},
    "git_revision": "0123456789abcdef0123456789abcdef01234567",
    "device": "cpu",
    "device_name": "Test processor",
    "threads": 1,
    "machine": {"cpu": "Test processor", "cores": 2},
    "wall_s": 75.0,
}


def write(root: Path, **changes: pd.DataFrame) -> Path:
    """Write the study below a results folder, with other rows for the files named in `changes`; its folder."""
    folder = root / "runs/costs/complexity"
    folder.mkdir(parents=True, exist_ok=True)
    files = {"costs": points(), "theory": theory(), "limits": limits(), "crossovers": crossovers(), **changes}
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "run.json").write_text(json.dumps(RECORD))
    return folder
