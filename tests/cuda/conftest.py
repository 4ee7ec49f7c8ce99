"""What the tests of this folder share: the device, and arithmetic that can be compared with the CPU's."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session")
def device(request):
    """The GPU, or with --device cpu the CPU, to test the tests."""
    device = torch.device(request.config.getoption("--device") or "cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.fail("torch sees no CUDA device here; --device cpu runs the same tests on the CPU")
    return device


@pytest.fixture(autouse=True)
def float32_is_float32():
    """Without the shorter mantissa (TF32) that cuDNN's convolutions have by default; matrix products have it off."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before
