"""Threads: no more than pay, and none that spins for long."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from small_runs import config
from torch.utils.flop_counter import FlopCounterMode

from rtrl_bench.experiments import execute
from rtrl_bench.experiments.reinforcement.loop import Training
from rtrl_bench.runs.process import FLOPS_PER_THREAD, _Products, use_worthwhile_threads

SPIN_COUNT = """
import os, runpy, sys
sys.argv = ["rtrl_bench", "--version"]
try:
    runpy.run_module("rtrl_bench", run_name="__main__")
except SystemExit:
    with open(os.environ["FOUND"], "w") as found:
        found.write(f"{os.environ.get('GOMP_SPINCOUNT')} {'torch' in sys.modules}")
"""


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("share", "threads"), [(0.1, 1), (1.5, 1), (2.5, 2), (50, 2)])
def test_a_segment_gets_the_threads_that_its_operations_keep_busy(share, threads):
    rows = torch.ones(100, 100)
    times = int(share * FLOPS_PER_THREAD / (2 * 100**3))
    use_worthwhile_threads(lambda: rows @ rows, times, torch.device("cpu"))
    assert torch.get_num_threads() == threads


def test_beside_a_gpu_torch_has_one_thread():
    use_worthwhile_threads(lambda: None, FLOPS_PER_THREAD, torch.device("cuda"))
    assert torch.get_num_threads() == 1


def test_a_run_leaves_the_process_its_threads(tmp_path):
    record = execute(config(threads=1), tmp_path)
    assert record["threads"] == 1
    assert torch.get_num_threads() == 2


def test_operations_are_counted_as_torch_counts_them():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 6 * 6, 5),
    )
    images = torch.zeros(4, 3, 12, 12)
    with FlopCounterMode(display=False) as truth:
        torch.bmm(torch.zeros(2, 3, 4), torch.zeros(2, 4, 5))
        network(images) @ torch.zeros(5, 7)
    with _Products() as counted:
        torch.bmm(torch.zeros(2, 3, 4), torch.zeros(2, 4, 5))
        network(images) @ torch.zeros(5, 7)
    assert counted.flops == truth.get_total_flops() > 0


@pytest.mark.parametrize(("changes", "threads"), [({"threads": 0}, 1), ({"threads": 0, "hidden": 2000}, 2)])
def test_without_a_number_of_threads_a_small_network_is_trained_by_one(changes, threads):
    training = Training(config(**changes), torch.device("cpu"))
    training.close()
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("set_before", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
    ids=str,
)
def test_the_command_line_bounds_how_long_threads_spin_before_torch_is_loaded(tmp_path, set_before, expected):
    kept = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    found = tmp_path / "found"
    environment = {**kept, **set_before, "FOUND": str(found)}
    subprocess.run([sys.executable, "-c", SPIN_COUNT], env=environment, check=True, capture_output=True)
    assert found.read_text() == f"{expected} False"
