"""Copied over rtrl_bench/__main__.py: writes the files of a run without training."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from rtrl_bench.runs.settings import fingerprint_of
from rtrl_bench.runs.yaml_files import load_yaml

OUTPUTS = {
    "reinforcement": ("curve.csv", "gradient.csv", "evaluation.json", "run.json"),
    "stems": ("curve.csv", "evaluation.json", "run.json"),
    "sequences": ("curve.csv", "run.json"),
    "costs": ("costs.csv", "theory.csv", "limits.csv", "crossovers.csv", "run.json"),
}
parser = argparse.ArgumentParser()
parser.add_argument("command")
parser.add_argument("--config", type=Path, action="append", default=[])
parser.add_argument("--out", type=Path, action="append", required=True)
arguments, _ = parser.parse_known_args()
if arguments.command in ("fidelity", "show"):
    arguments.out[0].write_text("")
for asked, folder in zip(arguments.config, arguments.out):
    config = load_yaml(asked)
    stem = config.get("pretrained")
    assert stem is None or Path(stem["run"], "run.json").exists(), "started before the run of its vision stem was done"
    shutil.copy(asked, folder / "config.yaml")
    record = json.dumps({"status": "complete", "fingerprint": fingerprint_of(config), "config": config})
    for name in OUTPUTS[config["kind"]]:
        if name != "gradient.csv" or config.get("gradient_quality"):
            (folder / name).write_text(record)
    print("progress", file=sys.stderr)
    print(f"result of {folder}")
