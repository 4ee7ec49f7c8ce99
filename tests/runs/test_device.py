"""Where a run would be as fast as another one was."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench.runs.device import made_on_the_same

CPU = {"device": "cpu", "device_name": "a processor"}
H100 = {"device": "cuda", "device_name": "H100"}


@pytest.fixture(params=[None, "H100", "H200"])
def gpu(request, monkeypatch):
    """The name of the GPU here; None: there is none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param is not None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: request.param)
    return request.param


def test_a_run_is_as_fast_as_one_of_the_same_kind_of_device(gpu):
    assert made_on_the_same(CPU, "cpu") and not made_on_the_same(H100, "cpu")
    assert made_on_the_same(CPU, "auto") is (gpu is None)
    assert made_on_the_same(H100, "auto") is (gpu == "H100")


def test_where_cuda_is_wanted_and_absent_any_gpu_will_do(gpu):
    assert not made_on_the_same(CPU, "cuda")
    assert made_on_the_same(H100, "cuda") is (gpu in (None, "H100"))
