"""Shared settings: reproducible property tests, one torch thread so that results do not depend on the machine."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # tests import `oracles` as a package

from fault_table import OBSERVED, FaultTable

torch.set_num_threads(1)
settings.register_profile("rtrl", derandomize=True, deadline=None, max_examples=20)
settings.load_profile("rtrl")


CUDA_TESTS = Path(__file__).parent / "cuda"
# Fixtures that take seconds. A test that uses several goes with the first.
COSTLY = ("first_run", "written", "whole", "analysed", "undisturbed", "trained", "project", "program", "measured")
LEFT_OUT = "tests/cuda: left out, torch sees no CUDA device here; --device cpu runs the same tests on the CPU"


def pytest_addoption(parser):
    parser.addoption("--fault-table", metavar="FILE", help="write what the tests of faults saw, as Markdown")
    parser.addoption(
        "--device", choices=("cpu", "cuda"), help="of tests/cuda; without it, cuda, and where there is none, no tests"
    )


def pytest_configure(config):
    config.pluginmanager.register(FaultTable())
    if config.getoption("--device") == "cuda" and not torch.cuda.is_available():
        raise pytest.UsageError("--device cuda: torch sees no CUDA device here; use --device cpu")


def _without_a_device(config):
    return config.getoption("--device") is None and not torch.cuda.is_available()


def pytest_ignore_collect(collection_path, config):
    return True if collection_path == CUDA_TESTS and _without_a_device(config) else None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """With --dist loadgroup, what several tests share and takes seconds to make is made by one worker alone."""
    for item in items:
        shared = next((name for name in COSTLY if name in item.fixturenames), None)
        if shared is not None:
            item.add_marker(pytest.mark.xdist_group(shared))


def pytest_terminal_summary(terminalreporter, config):
    if _without_a_device(config):
        terminalreporter.write_line(LEFT_OUT)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums depend on the number of torch's threads: a test that leaves another number fails itself, not a later one."""
    yield
    left = torch.get_num_threads()
    torch.set_num_threads(1)
    assert left == 1, f"this test leaves torch with {left} threads"


@pytest.fixture
def observed(request):
    """observed(text): a note for the row of the test in the table of faults."""
    return request.node.stash.setdefault(OBSERVED, []).append
