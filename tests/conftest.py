"""Shared settings: reproducible property tests, and one torch thread so that results do not depend on the machine."""

import sys
from pathlib import Path

import torch
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # tests import `oracles` as a package

torch.set_num_threads(1)
settings.register_profile("rtrl", derandomize=True, deadline=None, max_examples=20)
settings.load_profile("rtrl")
