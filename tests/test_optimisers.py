"""Our optimisers against the classes of torch.optim: bit for bit."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from rtrl_bench.optimisers import Adam, RMSProp


def walk(make, steps=25):
    """Parameters after some steps of noisy gradients whose learning rate changes; make(parameters) -> step(lr)."""
    g = torch.Generator().manual_seed(0)
    parameters = [torch.randn(shape, generator=g, dtype=torch.float64, requires_grad=True) for shape in ((3, 4), (5,))]
    step = make(parameters)
    for k in range(steps):
        for p in parameters:
            p.grad = torch.randn(p.shape, generator=g, dtype=torch.float64)
        step(0.1 / (1 + k))
    return parameters


def torch_step(optimiser):
    def step(learning_rate):
        optimiser.param_groups[0]["lr"] = learning_rate
        optimiser.step()

    return step


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_equals_torch(momentum):
    found = walk(lambda p: RMSProp(p, alpha=0.97, epsilon=0.01, momentum=momentum).step)
    truth = walk(lambda p: torch_step(torch.optim.RMSprop(p, alpha=0.97, eps=0.01, momentum=momentum)))
    assert all(torch.equal(a, b) for a, b in zip(found, truth))


def test_adam_equals_torch():
    found = walk(lambda p: Adam(p, betas=(0.9, 0.995), epsilon=1e-9).step)
    truth = walk(lambda p: torch_step(torch.optim.Adam(p, betas=(0.9, 0.995), eps=1e-9)))
    assert all(torch.equal(a, b) for a, b in zip(found, truth))


@pytest.mark.parametrize(
    "make", [lambda p: Adam(p, (0.9, 0.999), 1e-8), lambda p: RMSProp(p, alpha=0.9, epsilon=0.01, momentum=0.9)]
)
def test_a_parameter_without_a_gradient_stays_as_torchs_do(make):
    kept, moved = (torch.ones(3, requires_grad=True) for _ in range(2))
    optimiser = make([kept, moved])
    kept.grad = moved.grad = torch.ones(3)
    optimiser.step(0.1)
    before = kept.clone()
    kept.grad = None
    optimiser.step(0.1)
    assert torch.equal(kept, before)
    assert not torch.equal(moved, before)


@pytest.mark.parametrize("extreme", [-9.0, 9.0, float("inf"), float("-inf"), float("nan")])
def test_largest_is_the_size_of_the_extreme_parameter(extreme):
    optimiser = RMSProp([torch.zeros(0), torch.randn(5).clamp(-3, 3), torch.tensor([[1.0, extreme]])], 0.9, 1e-8, 0.0)
    torch.testing.assert_close(optimiser.largest(), torch.tensor(extreme).abs(), equal_nan=True)


def test_a_run_does_not_import_the_compiler(tmp_path):
    code = (
        "import sys; from rtrl_bench.experiments import execute, load_run;"
        "values = {'environment': 'tmaze', 'env_steps': 20, 'vision': 'flat', 'unroll': 2, 'batch': 2, 'retention': 9,"
        " 'evaluation': {'sets': 1, 'episodes': 2, 'max_steps': 20}};"
        f"execute(load_run(None, 'reinforcement', values), __import__('pathlib').Path({str(tmp_path)!r}));"
        "print('torch._dynamo' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_shapes_alone_of_no_cell_import_the_compiler():
    code = (
        "import sys; from rtrl_bench.cells import CELLS; from rtrl_bench.layer import RecurrentStack;"
        "from rtrl_bench.shapes_alone import shapes_alone;\n"
        "with shapes_alone():\n"
        "    for name in CELLS:\n"
        "        for retention in (None, 9.0) if CELLS[name]().retentive else (None,):\n"
        "            RecurrentStack(3, 4, cell=name, gradient='tbptt', retention=retention)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
