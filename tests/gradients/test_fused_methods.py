"""Every gradient method gives with fused kernels, here in Triton's interpreter, what it gives without."""

from __future__ import annotations

import pytest
import torch
from oracles.methods import FUSED

from rtrl_bench import RecurrentStack
from rtrl_bench.cells import CELLS
from rtrl_bench.gradients.machinery.fused import fused, kernels, segment, why_plain

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def train(options, learning):
    """h, the gradients and the traces of three segments, the second with a loss if `learning`."""
    torch.manual_seed(0)
    stack = RecurrentStack(2, 3, **options).double()
    carry, found = stack.begin(1), {}
    for number in range(3):
        x, starts = torch.randn(3, 1, 2, dtype=torch.float64, requires_grad=True), torch.rand(3, 1) < 0.3
        stack.progress = number / 3
        with torch.set_grad_enabled(learning or number != 1):
            h, carry = stack(x, starts, carry)
        if h.requires_grad:
            h.square().sum().backward()
            found[f"x{number}"] = x.grad
        found[f"h{number}"] = h.detach()
    found |= {name: p.grad for name, p in stack.named_parameters() if p.grad is not None}
    return found | carry.traces | {"state": carry.state}


@pytest.fixture
def interpreter(monkeypatch):
    """interpreter(): from now on Triton's interpreter runs the kernels of segments on the CPU."""
    caches = (segment.segments_of, kernels.module_of)

    def turn_on():
        monkeypatch.setenv("TRITON_INTERPRET", "1")
        for cache in caches:
            cache.cache_clear()

    yield turn_on
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize(
    ("name", "learning"), [*((name, True) for name in FUSED), ("rtrl", False), ("rtrl, two layers", False)]
)
def test_fused_segments_give_what_plain_ones_give(name, learning, interpreter, monkeypatch):
    expected = train(FUSED[name], learning)
    interpreter()
    scans = []
    run = kernels.Kernels.forward
    monkeypatch.setattr(kernels.Kernels, "forward", lambda *args: scans.append(args) or run(*args))
    found = train(FUSED[name], learning)
    assert scans, "the kernels did not run"
    assert found.keys() == expected.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key], rtol=1e-10, atol=1e-10)


class Strange(CELLS["elstm"]):
    """A cell with an operator that the kernels do not know."""

    def step(self, u, c, w):
        return torch.lgamma(super().step(u, c, w))


def test_a_cell_without_kernels_is_told_of_on_a_gpu():
    with pytest.warns(UserWarning, match="Strange on cuda: no fused kernels, but the plain one.*lgamma has no rule"):
        assert fused(Strange(), GPU, torch.float32) is None


def test_without_triton_a_gpu_runs_the_plain_version(monkeypatch):
    monkeypatch.setattr("rtrl_bench.gradients.machinery.fused.find_spec", lambda name: None)
    with pytest.warns(UserWarning, match="Triton is not installed"):
        assert fused(CELLS["elstm"](), GPU, torch.float32) is None


def test_the_cpu_runs_the_plain_version():
    assert fused(CELLS["elstm"](), CPU, torch.float32) is None
    assert why_plain(CELLS["elstm"](), CPU, torch.float32) == "they are for CUDA devices, not cpu"


def test_what_has_no_kernels_says_why():
    assert why_plain(CELLS["elstm"](), GPU, torch.float64) is None
    assert why_plain(CELLS["lstm"](), GPU, torch.float32) == "LSTM is no element-wise cell"
    assert "not torch.bfloat16" in why_plain(CELLS["elstm"](), GPU, torch.bfloat16)
