"""The fused kernels of every element-wise cell, run by Triton's interpreter, give what autograd and selection give."""

from __future__ import annotations

import pytest
import torch
from oracles.cells import ELEMENTWISE
from oracles.fused import Layer
from oracles.scan import random_case

from rtrl_bench.cells.elstm import ELSTM
from rtrl_bench.cells.mingru import MinGRU
from rtrl_bench.cells.rtu import RTU
from rtrl_bench.gradients.machinery.fused import kernels


def named(value):
    """A cell by its class."""
    return str(value) if isinstance(value, float) else getattr(value, "__name__", type(value).__name__)


def of(kinds):
    """For one cell of each kind."""
    return pytest.mark.parametrize("cell", [kind() for kind in kinds], ids=named)


each_cell, one_of_each_size = of(ELEMENTWISE), of([ELSTM, RTU])
SHAPES = {  # steps, slots, units, and where episodes begin: (step, slot)
    "no start": (6, 2, 3, ()),
    "one step, one slot": (1, 1, 1, ()),
    "first step": (3, 2, 2, ((0, 0),)),
    "last step": (4, 1, 2, ((3, 0),)),
    "several, two blocks": (5, 2, 34, ((0, 1), (2, 0), (3, 0), (4, 1))),
}
NAN, INF = float("nan"), float("inf")
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@pytest.fixture(autouse=True)
def interpreter(monkeypatch):
    """Kernels that Triton's interpreter runs."""
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    kernels.module_of.cache_clear()
    yield
    kernels.module_of.cache_clear()


def assert_close(found, expected):
    """Every tensor of a dict equals that of another."""
    for name, value in found.items():
        torch.testing.assert_close(
            value, expected[name], rtol=1e-10, atol=1e-10, msg=lambda text, n=name: f"{n}: {text}"
        )


@each_cell
def test_a_segment_equals_autograd(cell):
    layer = Layer(cell, random_case(cell, 4, 1, 2, [(2, 0)]), ahead=2)
    expected = layer.expected()
    assert_close(layer.run(), expected)


@one_of_each_size
def test_without_a_past_it_is_back_propagation_inside_the_segment(cell):
    layer = Layer(cell, random_case(cell, 5, 2, 2, ((0, 1), (2, 0), (3, 0))))
    assert_close(layer.run(past=False), layer.expected(past=False))


@one_of_each_size
@each_shape
def test_a_segment_of_any_shape_equals_autograd(cell, shape):
    layer = Layer(cell, random_case(cell, *shape))
    expected = layer.expected()
    assert_close(layer.run(), expected)


@one_of_each_size
def test_a_segment_without_loss_moves_the_sensitivities(cell):
    layer = Layer(cell, random_case(cell, *SHAPES["several, two blocks"]))
    expected = layer.expected()
    assert_close(layer.run(learning=False), expected)


@one_of_each_size
def test_the_input_can_get_the_gradient_of_the_same_step_alone(cell):
    layer = Layer(cell, random_case(cell, 4, 2, 3, [(2, 1)]))
    case, truth = layer.case, layer.truth()
    previous = torch.cat([case.state[None], truth.states[:-1]])
    alpha = cell.partials(case.u, torch.where(case.starts[..., None, None], 0, previous), case.w)[1]
    a = torch.einsum("tbikn,tbin->tbkn", alpha, case.g)
    expected = torch.einsum("tbkn,knd->tbd", a, layer.weight)
    assert_close({"x": layer.run(same_step=True)["x"]}, {"x": expected})


@pytest.mark.parametrize(
    ("kind", "poison"), [(ELSTM, NAN), (RTU, NAN), (MinGRU, NAN), (ELSTM, INF), (RTU, INF)], ids=named
)
def test_what_is_not_finite_ends_with_its_episode(kind, poison):
    slots = 2 if kind is ELSTM else 1
    clean, broken = (Layer(kind(), random_case(kind(), 3, slots, 2, [(2, slots - 1)]), ahead=2) for _ in range(2))
    broken.case.state[-1], broken.case.u[1, -1], broken.x[:2, -1] = poison, poison, poison
    for trace in broken.traces.values():
        trace[-1] = poison
    expected, found = clean.run(), broken.run()
    assert torch.equal(found["states"][2:], expected["states"][2:])
    assert torch.equal(found["states"][:, :-1], expected["states"][:, :-1])
    for name in ("weight", "bias", "recurrent"):
        assert torch.equal(found[f"trace.{name}"], expected[f"trace.{name}"])


@one_of_each_size
def test_what_is_not_finite_has_no_part_in_an_episode_that_starts_with_the_segment(cell):
    clean, broken = (Layer(cell, random_case(cell, 3, 2, 3, [(0, 1)])) for _ in range(2))
    broken.case.state[1] = NAN
    for trace in broken.traces.values():
        trace[1] = NAN
    expected = clean.run()
    for name, value in broken.run().items():
        assert torch.equal(value, expected[name])


@one_of_each_size
def test_a_loss_that_is_not_finite_does_not_flow_back_over_a_start(cell):
    case = random_case(cell, 5, 2, 3, [(3, 1)])
    expected = Layer(cell, case).run(past=False)
    case.g[3:, 1] = NAN
    found = Layer(cell, case).run(past=False)
    assert torch.equal(found["x"][:3], expected["x"][:3])
    assert torch.equal(found["state"], expected["state"])
    assert not torch.isfinite(found["x"][3:, 1]).any()


def test_sensitivities_in_another_order_are_refused():
    cell = ELEMENTWISE[0]()
    layer = Layer(cell, random_case(cell, 2, 1, 3))
    layer.traces["weight"] = layer.traces["weight"].contiguous()
    with pytest.raises(ValueError, match="expected rows without gaps"):
        layer.run()
