"""Copied over rtrl_bench/__main__.py: writes the files of a run without training."""

import sys
from pathlib import Path

folder = Path(sys.argv[sys.argv.index("--out") + 1])
names = ["curve.csv", "run.json"] + (["evaluation.json"] if sys.argv[1] == "train" else [])
for name in names:
    (folder / name).write_text((folder / "config.yaml").read_text())
print("progress", file=sys.stderr)
print(f"result of {folder}")
