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


def pytest_addoption(parser):
    parser.addoption("--fault-table", metavar="FILE", help="write what the tests of faults saw, as Markdown")


def pytest_configure(config):
    config.pluginmanager.register(FaultTable())


@pytest.fixture
def observed(request):
    """observed(text): a note for the row of the test in the table of faults."""
    return request.node.stash.setdefault(OBSERVED, []).append
