"""DeepMind Lab for tests: a strict stand-in of the module, and the real one where that is installed."""

import pytest
from dmlab_simulators import SIMULATORS, calls, lab


@pytest.fixture(params=SIMULATORS)
def simulator(request, tmp_path):
    """`deepmind_lab` is the stand-in during the test, and then the real one if there is one."""
    with lab(request.param, tmp_path):
        yield


@pytest.fixture(scope="module", params=SIMULATORS)
def simulator_of_module(request, tmp_path_factory):
    """As `simulator`, for all tests of a file."""
    with lab(request.param, tmp_path_factory.mktemp("lab")):
        yield


@pytest.fixture
def stand_in(tmp_path):
    """`deepmind_lab` is the stand-in during the test; stand_in(name): see `calls`."""
    with lab("stand-in", tmp_path):
        yield lambda name: calls(tmp_path, name)
