"""On CUDA the fused kernels of every element-wise cell give what autograd gives on the CPU in float64.

The first run has to compile them, which takes some ten seconds a cell; `-k ELSTM` runs those of one.
"""

from __future__ import annotations

import copy

import pytest
import torch
from oracles.cells import ELEMENTWISE
from oracles.fused import Layer
from oracles.methods import METHODS
from oracles.scan import random_case

from rtrl_bench import RecurrentStack

SHAPES = {  # steps, slots, units, and where episodes begin: (step, slot)
    "small": (7, 3, 5, ((0, 1), (3, 0), (4, 0), (6, 2))),
    "one step": (1, 1, 1, ()),
    "wide": (21, 5, 300, ((7, 1), (20, 3))),
}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5}  # of a whole tensor's size
each_cell = pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.__name__)


def on(device, dtype, layer):
    """A copy of the layer there, whose sensitivities lie in memory as they did."""
    moved = copy.copy(layer)
    moved.case = layer.case.to(device, dtype)
    moved.x, moved.weight = layer.x.to(device, dtype), layer.weight.to(device, dtype)
    moved.traces = {name: trace.to(device, dtype) for name, trace in layer.traces.items()}
    return moved


@each_cell
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("mode", ["tbptt", "rtrl", "without loss"])
def test_the_fused_kernels_equal_autograd_on_the_cpu(device, kind, shape, dtype, mode):
    layer = Layer(kind(), random_case(kind(), *shape))
    layer.case.w *= 0.5
    expected = layer.expected(past=mode != "tbptt")
    found = on(device, dtype, layer).run(learning=mode != "without loss", past=mode != "tbptt")
    for name, value in found.items():
        error = (value.cpu().double() - expected[name]).norm() / expected[name].norm().clamp_min(1e-30)
        assert error < TOLERANCE[dtype], f"{name}: relative error {error:.1e}"


@each_cell
def test_what_is_not_finite_ends_with_its_episode(device, kind):
    layers = [on(device, torch.float32, Layer(kind(), random_case(kind(), 6, 2, 40, [(3, 1)]))) for _ in range(2)]
    clean, broken = layers
    broken.case.state[1], broken.case.u[2, 1], broken.x[:3, 1] = float("nan"), float("inf"), float("nan")
    for trace in broken.traces.values():
        trace[1] = float("nan")
    expected, found = clean.run(), broken.run()
    assert torch.equal(found["states"][3:], expected["states"][3:])
    for name in ("weight", "bias", "recurrent"):
        assert torch.equal(found[f"trace.{name}"], expected[f"trace.{name}"])


@each_cell
def test_a_segment_can_be_captured_and_gives_the_same_numbers_every_time(device, kind):
    if device.type != "cuda":
        pytest.skip("graphs are CUDA's")
    layer = on(device, torch.float32, Layer(kind(), random_case(kind(), 12, 8, 70, [(3, 1)])))
    start = {name: trace.clone() for name, trace in layer.traces.items()}

    def again():
        for name, trace in layer.traces.items():
            trace.copy_(start[name])

    with torch.cuda.stream(torch.cuda.Stream()):
        layer.run()
    torch.cuda.synchronize()
    again()
    expected = {name: value.clone() for name, value in layer.run().items()}
    torch.cuda.set_sync_debug_mode("error")
    try:
        again()
        layer.run()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = layer.run()
    for _ in range(2):
        again()
        graph.replay()
        for name, value in found.items():
            assert torch.equal(value, expected[name])


@pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_a_segment_of_a_stack_never_waits_for_the_device(device, options, dtype):
    stack = RecurrentStack(5, 8, **options).to(device, dtype)
    carry = stack.begin(3)
    x, starts = torch.randn(6, 3, 5, device=device, dtype=dtype), (torch.rand(6, 3) < 0.2).to(device)
    for segment in range(3):
        if device.type == "cuda" and segment:  # the first one makes the kernels
            torch.cuda.set_sync_debug_mode("error")
        try:
            h, carry = stack(x, starts, carry)
            h.square().sum().backward()
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
    assert all(torch.isfinite(p.grad).all() for p in stack.parameters() if p.grad is not None)
