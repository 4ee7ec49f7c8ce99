"""Marks that several test files share."""

import pytest

from rtrl_bench.envs.procgen import missing_libraries

needs_procgen = pytest.mark.skipif(
    bool(missing_libraries()), reason="needs libgl1 and libglib2.0-0: ProcGen's library links them"
)
