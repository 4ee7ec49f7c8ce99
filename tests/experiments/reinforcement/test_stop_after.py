"""`--stop-after`: a process that ends by itself, with a checkpoint, for queues that limit the time of a job."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from small_runs import config

from rtrl_bench.experiments.sequences.config import SequenceConfig
from rtrl_bench.runs import checkpoint
from rtrl_bench.runs.settings import dump

ENDLESS = {
    "train": config(env_steps=10**10),
    "run": SequenceConfig(task="copy", task_options={"length": 5}, hidden=8, steps=10**9, train_size=50, threads=1),
}


@pytest.mark.parametrize("command", ENDLESS)
def test_the_command_stops_in_time_with_142_and_a_checkpoint(tmp_path, command):
    (tmp_path / "run.yaml").write_text(dump(ENDLESS[command]))
    call = [sys.executable, "-m", "rtrl_bench", command, "--config", str(tmp_path / "run.yaml"), "--out", str(tmp_path)]
    for seconds in (3, 6, 12, 24):  # a busy machine may need more than the first to start
        done = subprocess.run([*call, "--stop-after", str(seconds)], capture_output=True, text=True, timeout=60)
        if "the checkpoint in" in done.stderr:
            break
    assert done.returncode == 128 + signal.SIGALRM, done.stderr
    assert f"stopped by SIGALRM; the checkpoint in {tmp_path} is complete" in done.stderr
    checkpoint.load_newest(tmp_path / "checkpoint")
    assert max(int(path.stem) for path in (tmp_path / "checkpoint").glob("*.ckpt")) > 0
