"""Copied over rtrl_bench/__main__.py: writes the files of a run without training."""

import sys
from pathlib import Path

import yaml

folder = Path(sys.argv[sys.argv.index("--out") + 1])
if sys.argv[1] == "fidelity":
    folder.write_text("")
    sys.exit()
if sys.argv[1] == "complexity":
    for name in ("costs.csv", "theory.csv", "limits.csv", "crossovers.csv", "complexity.json"):
        (folder / name).write_text("")
    sys.exit()
stem = yaml.safe_load((folder / "config.yaml").read_text()).get("pretrained")
assert stem is None or Path(stem["run"], "run.json").exists(), "started before the run of its vision stem was done"
names = ["curve.csv", "run.json"] + (["evaluation.json"] if sys.argv[1] == "train" else [])
for name in names:
    (folder / name).write_text((folder / "config.yaml").read_text())
print("progress", file=sys.stderr)
print(f"result of {folder}")
