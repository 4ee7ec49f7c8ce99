"""Runs the sections one after the other, prints their tables, and keeps all that they measured in one JSON file."""

from __future__ import annotations

import importlib
import math
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from rtrl_bench.bench import BY_DEFAULT, OF_THE_LIBRARY, SHARES
from rtrl_bench.bench.sections import Outcome, Setup, run
from rtrl_bench.runs import records
from rtrl_bench.runs.device import device_name
from rtrl_bench.runs.process import prepare_process


def report(
    device: torch.device,
    only: Sequence[str] | None = None,
    minutes: float | None = None,
    json: Path | None = None,
    small: bool = False,
    revision: str | None = None,
    stem: Path | None = None,
) -> bool:
    """Measure the sections `only` (None: those of the device) within about `minutes`; whether every item went well.

    Each gets a share of the time that is left, and says what it left out. `json` is written anew after every item, so
    that what was measured before a kill is in it. `revision` is that of the code, where git does not tell it; `stem` as
    in `Setup`.
    """
    names = [name for name in SHARES if name in (only or BY_DEFAULT[device.type])]
    left_s = math.inf if minutes is None else 60 * minutes
    config = {"device": device.type, "device_name": device_name(device), "minutes": minutes, "small": small}
    document = {**_head(device), "status": "running", "config": {**config, "only": names}, "wall_s": 0.0}
    document["sections"] = sections = dict[str, Any]()
    if revision is not None:
        document |= {"git_revision": revision, "git_dirty": None}

    def write() -> None:
        document["finished_utc"] = records.now_utc()
        document["wall_s"] = sum(section["took_s"] for section in sections.values())
        if json is not None:
            records.write_json(json, document)

    print(f"{document['device_name']}, {document['threads']} threads, torch {torch.__version__}", flush=True)
    well = True
    for number, name in enumerate(names):
        share = SHARES[name] / sum(SHARES[other] for other in names[number:])

        def keep(outcome: Outcome, name: str = name) -> None:
            sections[name] = asdict(outcome)
            write()

        if name not in OF_THE_LIBRARY:
            prepare_process(0)  # for good, so what is measured as it is in anyone's process comes first
        setup = Setup(device, small, left_s * share, stem)
        outcome = run(importlib.import_module(f"rtrl_bench.bench.{name}").section(setup), setup, keep)
        left_s -= outcome.took_s
        well &= not outcome.failed
    document["status"] = "complete"
    write()
    return well


def _head(device: torch.device) -> dict[str, Any]:
    """What and where: versions, device, revision, date."""
    found: dict[str, Any] = {
        "schema": 1,
        "kind": "bench",
        "started_utc": records.now_utc(),
        "device": device.type,
        "device_name": device_name(device),
        "threads": torch.get_num_threads(),
        "machine": records.machine(),
        "platform": platform.platform(),
        "versions": records.versions(),
        **records.git_state(),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {
            "driver": _driver(),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "device_bytes": properties.total_memory,
            "multiprocessors": properties.multi_processor_count,
        }
    return found


def _driver() -> str | None:
    """The GPU driver's version; None where nvidia-smi does not tell."""
    words = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(words, capture_output=True, encoding="utf-8", check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.splitlines()[0].strip() if said else None
