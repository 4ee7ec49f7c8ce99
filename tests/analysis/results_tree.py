"""A synthetic results folder, written file by file as the harness writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cost_study
import numpy as np
import pandas as pd
import yaml

CURVE_COLUMNS = "env_frames env_steps updates wall_s episode_return_mean episodes".split()

BACKENDS = {
    "atari": "ale-py 0.12.1",
    "procgen": "procgen-mirror 0.10.7",
    "memory": "rtrl_bench 0.1.0",
    "dmlab": "rooms 0.1.0",
}
PAPER_STEPS = {"atari": 200_000_000, "procgen": 200_000_000, "dmlab": 80_000_000}
REAL_LAB = "deepmind_lab 1.0"
VERSIONS = {"python": "3.11.2", "torch": "2.13.0", "numpy": "1.26.4", "gymnasium": "1.4.0", "rtrl_bench": "0.1.0"}
# The paper's settings: the harness's defaults but for the last reward.
CONFIG = {
    "environment_options": {},
    "backend": "auto",
    "cell": "elstm",
    "gradient": "rtrl",
    "window": None,
    "unroll": 50,
    "batch": 32,
    "hidden": 256,
    "vision": "impala",
    "features": 256,
    "last_reward_across_episodes": True,
    "retention": None,
    "optimiser": {"learning_rate": 6e-4, "alpha": 0.99, "epsilon": 0.01, "momentum": 0.0, "gradient_clip": 40.0},
    "loss": {
        "discount": 0.99,
        "entropy_cost": 0.01,
        "baseline_cost": 0.5,
        "reward_clip": 1.0,
        "rho_bar": 1.0,
        "c_bar": 1.0,
        "pg_rho_bar": 1.0,
        "vtrace_lambda": 1.0,
        "bootstrap_truncation": False,
    },
    "evaluation": {"sets": 3, "episodes": 100, "slots": 32, "max_steps": None},
    "precision": "float32",
    "seed": 0,
    "deterministic": True,
    "device": "auto",
    "threads": 0,
    "log_points": 100,
    "checkpoint_minutes": 5.0,
    "tensorboard": False,
}
METHODS: dict[str, dict[str, Any]] = {
    "feedforward": {"cell": "none"},
    "rtrl": {"gradient": "rtrl"},
    "tbptt": {"gradient": "tbptt"},
    "tbptt_w20": {"gradient": "tbptt", "window": 20},
    "bptt": {"gradient": "tbptt", "window": "episode"},
    "tbptt_l2": {"gradient": "tbptt", "layers": 2},
    "columnar_l2": {"gradient": "columnar", "layers": 2},
    "rtrl_segment_l2": {"gradient": "rtrl_segment", "layers": 2},
    "rtrl_layerwise_l2": {"gradient": "rtrl_layerwise", "layers": 2},
    "rtrl_l2": {"gradient": "rtrl", "layers": 2},
}


class Tree:
    """Writes run folders below `root`; every method returns the folder it wrote."""

    def __init__(self, root: Path):
        self.root = root
        (root / "runs").mkdir(parents=True, exist_ok=True)

    def run(
        self,
        suite: str,
        environment: str,
        method: str,
        seed: int,
        *,
        returns: Sequence[float] = (1.0, 2.0, 3.0),
        fraction: float | None = 0.001,
        record: Mapping[str, Any] = {},
        **config: Any,
    ) -> Path:
        """A complete training run whose `returns` are split evenly over three evaluation sets."""
        paper = PAPER_STEPS.get(suite)
        steps = int(paper * fraction) if paper and fraction else 40_000
        full = {"environment": environment, "env_steps": steps, **CONFIG, **METHODS[method], "seed": seed, **config}
        frames_per_step = 4 if suite in ("atari", "dmlab") else 1
        name = "_".join([environment, *(f"{k}{v}" for k, v in full["environment_options"].items())])
        kind = f"{method}_retention{full['retention']}" if full["retention"] else method
        folder = self.root / "runs/reinforcement" / name / kind / f"M{full['unroll']}" / f"seed{seed}"
        folder.mkdir(parents=True)
        sets = [
            {"seed": 1000 + k, "returns": list(map(float, part)), "lengths": [10] * len(part), "truncated": 0}
            for k, part in enumerate(np.array_split(returns, 3))
            if len(part)
        ]
        mean = float(np.mean(returns))
        self._write(folder, "config.yaml", yaml.safe_dump(full))
        self._write(folder, "evaluation.json", json.dumps({"schema": 1, "greedy": True, "split": "test", "sets": sets}))
        curve(steps, frames_per_step, mean, seed).to_csv(folder / "curve.csv", index=False)
        run = {
            "schema": 1,
            "kind": "reinforcement",
            "status": "complete",
            "config": full,
            "fingerprint": "0123456789ab",
            "method": method,
            "environment": environment,
            "suite": suite,
            "backend": BACKENDS.get(suite, "gymnasium 1.4.0"),
            "frames_per_step": frames_per_step,
            "env_steps": steps,
            "env_frames": steps * frames_per_step,
            "updates": steps // 1600,
            "episodes": 500,
            "wall_s": 60.0 + seed,
            "steps_per_s": 1000.0 + seed,
            "peak_bytes": 700 * 2**20,
            "parameters": 1_000_000,
            "device": "cpu",
            "device_name": "Test processor",
            "threads": 2,
            "versions": VERSIONS,
            "git_revision": "0123456789abcdef0123456789abcdef01234567",
            "git_dirty": False,
            "machine": {"cpu": "Test processor", "cores": 2},
            "paper_env_steps": paper,
            "budget_fraction": steps / paper if paper else None,
            "resumes": 0,
            "exact_resume": True,
            "started_utc": "2025-01-01T00:00:00Z",
            "finished_utc": "2025-01-01T00:01:00Z",
            "evaluation": {"sets": len(sets), "episodes": len(returns), "mean": mean, "std_over_sets": 0.0},
            **record,
        }
        self._write(folder, "run.json", json.dumps(run))
        return folder

    def chaser(self, unroll: int, **scores: list[float]) -> None:
        """Runs of Chaser at M = `unroll`, a seed per score of each method."""
        for method, found in scores.items():
            for seed, score in enumerate(found):
                self.run("procgen", "chaser", method, seed, returns=[score], unroll=unroll)

    def level(
        self, environment: str, method: str, seed: int, *, real: bool, record: Mapping[str, Any] = {}, **more: Any
    ) -> Path:
        """A run of a DMLab level in the paper's settings, in DMLab itself or in the project's own levels."""
        record = {**({"backend": REAL_LAB} if real else {}), **record}
        settings = {"fraction": 1.0, "unroll": 100, "hidden": 512, **more}
        return self.run("dmlab", environment, method, seed, record=record, **settings)

    def memory(self, environment: str, delay: int, method: str, seed: int, success: float, **config: Any) -> Path:
        """A run of a memory task with 100 evaluation episodes, `success` of which are solved."""
        solved = round(100 * success)
        returns = [1.0] * solved + [0.0] * (100 - solved)
        options = {"environment_options": {"delay": delay}, "unroll": 5, "retention": 20.0}
        return self.run("memory", environment, method, seed, returns=returns, fraction=None, **{**options, **config})

    def two_layers(self, method: str, seed: int, success: float, cosines: Sequence[float] = (), **config: Any) -> Path:
        """A run of the T-maze (delay 20, M = 5) with two layers, in which the gradient had these cosines if any.

        They are spread over training, at other updates for every seed.
        """
        quality = {"points": len(cosines), "norm_ratio_mean": 0.9} if cosines else None
        if quality is not None:
            quality |= {"cosine_mean": float(np.mean(cosines)), "cosine_min": float(min(cosines))}
            quality["cosine_lowest_mean"] = quality["cosine_mean"] / 2
        record = {"gradient_quality": quality, "carried_bytes": 3 * 2**20}
        folder = self.memory("tmaze", 20, method, seed, success, record=record, **config)
        if cosines:
            span = json.loads((folder / "run.json").read_text())["env_steps"] // len(cosines)
            at = [span * k + 160 * seed for k in range(len(cosines))]
            rows = {"env_steps": at, "update": [steps // 160 for steps in at], "cosine": cosines, "norm_ratio": 0.9}
            frame = pd.DataFrame(rows).assign(cosine_lowest=lambda row: row["cosine"] / 2)
            frame.to_csv(folder / "gradient.csv", index=False)
        return folder

    def copy_task(self, length: int, method: str, seed: int, accuracy: float, reached: int | None) -> Path:
        """A complete copy-task run."""
        place, options = f"copy_task/copy_length{length}", {"length": length, "delay": 0}
        record = {"solved": reached is not None, "steps_to_solve": reached}
        return self.sequence("copy", place, method, seed, accuracy, options, record)

    def recall(self, cell: str, method: str, seed: int, accuracy: float, longer: Mapping[int, float] = {}) -> Path:
        """A complete run of the recall task with delay 10 and M = 5, tested at the delays in `longer` too."""
        tests = [{"options": {"delay": delay}, "accuracy": value} for delay, value in longer.items()]
        settings = {**METHODS[method], "cell": cell, "unroll": 5, "retention": 20.0}
        place = f"cells/recall/{method}_cell{cell}"
        return self.sequence("recall", place, method, seed, accuracy, {"delay": 10}, {"tests": tests}, **settings)

    def sequence(
        self,
        task: str,
        place: str,
        method: str,
        seed: int,
        accuracy: float,
        options: Mapping[str, int],
        record: Mapping[str, Any],
        **settings: Any,
    ) -> Path:
        """A complete run on a sequence task."""
        folder = self.root / "runs/sequences" / place / method / f"seed{seed}"
        folder.mkdir(parents=True)
        config = {
            "task": task,
            "task_options": dict(options),
            "hidden": 128,
            "cell": "elstm",
            "gradient": method,
            "update": "segment",
            "steps": 1000,
            "seed": seed,
        }
        config |= {"learning_rate": 3e-5, "batch": 1, "retention": None, "unroll": 1}
        config |= {"window": 5} if method == "tbptt" else {}
        config |= settings
        whole = {
            "schema": 1,
            "kind": "sequences",
            "status": "complete",
            "config": config,
            "method": method,
            "task": task,
            "task_options": dict(options),
            **{"steps": 1000, "updates": 1000, "sequences": 50, "parameters": 900, "carried_bytes": 4000},
            "wall_s": 12.0,
            "accuracy": accuracy,
            **{"solved": False, "steps_to_solve": None, "tests": [], "gradient_quality": None},
            "versions": VERSIONS,
            "git_revision": None,
            "device": "cpu",
            "peak_bytes": 100 * 2**20,
            **record,
        }
        self._write(folder, "config.yaml", yaml.safe_dump(config))
        self._write(folder, "run.json", json.dumps(whole))
        curve = "".join(f"{step},{accuracy * step / 1000}\n" for step in (100, 500, 1000))
        self._write(folder, "curve.csv", f"steps,valid_accuracy\n{curve}")
        return folder

    def scale(self, *folders: Path, lent: Sequence[Path] = ()) -> None:
        """A scale.json that lists these runs, as the workflow writes it."""

        def names(runs: Sequence[Path]) -> list[str]:
            return [folder.relative_to(self.root).as_posix() for folder in runs]

        summary = {"schema": 1, "scale": self.root.name, "label": "", "studies": {"one": names(folders)}}
        summary |= {"lent": names(lent)}
        self._write(self.root, "scale.json", json.dumps(summary))

    def missing(self, *entries: tuple[str, str, str, str]) -> None:
        """A missing.json with these environments: name, suite, reason, fix."""
        keys = ("name", "suite", "reason", "fix")
        self._write(self.root, "missing.json", json.dumps([dict(zip(keys, entry)) for entry in entries]))

    def small(self) -> Tree:
        """Every kind of run, seeds 0-2, and a cost study: games under-trained, memory tasks, two layers, copy task."""
        cost_study.write(self.root)
        for seed in range(3):
            for method, level in (("feedforward", 2.0), ("tbptt", 4.0), ("rtrl", 6.0)):
                for unroll in (5, 50):
                    self.run("procgen", "chaser", method, seed, returns=[level + seed, level], unroll=unroll)
                for game in ("breakout", "qbert"):
                    self.run("atari", game, method, seed, returns=[10 * level + seed, level])
                self.run(
                    "gymnasium", "gymnasium:CartPole-v1", method, seed, returns=[level + seed, level], fraction=None
                )
            for method, long in (("tbptt", 0.5), ("tbptt_w20", 0.9), ("bptt", 1.0), ("rtrl", 0.97)):
                for task in ("tmaze", "delayed_match"):
                    self.memory(task, 3, method, seed, 1.0)
                    self.memory(task, 20, method, seed, long + 0.01 * (seed - 1) * (long < 1))
                self.memory("tmaze", 20, method, seed, 0.5, retention=None)
            for method, success, cosine in (
                ("tbptt_l2", 0.5, 0.4),
                ("rtrl_layerwise_l2", 0.9, 0.8),
                ("rtrl_l2", 1.0, 1),
            ):
                self.two_layers(method, seed, success, [cosine - (cosine < 1) * 0.01 * (seed + k) for k in range(10)])
            for method in ("rtrl", "tbptt"):
                self.copy_task(50, method, seed, 1.0 if method == "rtrl" else 0.2, 400 if method == "rtrl" else None)
        return self

    @staticmethod
    def _write(folder: Path, name: str, text: str) -> None:
        (folder / name).write_text(text)


def curve(steps: int, frames_per_step: int, level: float, seed: int) -> pd.DataFrame:
    """A noisy rise to `level`; the first log interval has no finished episode."""
    rng = np.random.default_rng(seed)
    done = np.linspace(0.02, 1, 50)
    frame = pd.DataFrame(0.1, index=range(50), columns=list(CURVE_COLUMNS))
    frame["env_steps"] = (done * steps).astype(int)
    frame["env_frames"] = frame["env_steps"] * frames_per_step
    frame["episodes"] = 4
    frame["episode_return_mean"] = level * (1 - np.exp(-3 * done)) + 0.05 * abs(level) * rng.normal(size=50)
    frame.loc[0, ["episodes", "episode_return_mean"]] = [0, np.nan]
    return frame
