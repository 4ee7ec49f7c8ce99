"""What a cell computes is taken down as it is, whatever operators it uses; what cannot be is refused with a reason."""

from __future__ import annotations

import pytest
import torch
from oracles.cells import ELEMENTWISE
from torch.nn import functional as F

from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients.machinery.fused.source import source
from rtrl_bench.gradients.machinery.fused.text import Sizes
from rtrl_bench.gradients.machinery.fused.trace import PARTIALS, NotExpressible, traced


def cell_of(step):
    """A cell with one number a unit and that step; what `partials` returns is of no interest."""

    class Written(ElementwiseCell):
        gates = ("a", "b")
        recurrent = ("w",)

        def step(self, u, c, w):
            return step(u[..., :1, :], u[..., 1:, :], c, w)

        def partials(self, u, c, w):
            return (
                torch.zeros_like(c).unsqueeze(-3),
                torch.zeros_like(u).unsqueeze(-3),
                torch.zeros_like(c).unsqueeze(-3),
            )

    return Written()


def in_place(a, b, c, w):
    out = torch.empty_like(c)
    torch.add(a, b, out=out)
    out.mul_(w).clamp_(min=-0.5)
    out[..., 0, :].addcmul_(c[..., 0, :], c[..., 0, :], value=0.25)
    return out


STEPS = {
    "arithmetic": lambda a, b, c, w: (1 - a) * c / (2 + b**2) - 3 * w + torch.rsub(a, b, alpha=2),
    "gates": lambda a, b, c, w: torch.sigmoid(a) * torch.tanh(b) + F.silu(c) - F.softplus(w) + F.softplus(a, beta=2),
    "roots and powers": lambda a, b, c, w: a.abs().sqrt() + b**-2 + c.square() ** 1.5 + torch.rsqrt(w.abs() + 1) + c**3,
    "exponentials": lambda a, b, c, w: torch.exp(-a.exp()) + torch.log(b.abs()) + torch.log1p(c * c) - torch.expm1(w),
    "logarithms of sums": lambda a, b, c, w: torch.logaddexp(a, b) + torch.erf(c),
    "circles": lambda a, b, c, w: torch.sin(a) * torch.cos(b) + c,
    "bounds": lambda a, b, c, w: torch.relu(a) + torch.maximum(b, c).clamp(-1, 1) + torch.minimum(w, c) + F.hardtanh(a),
    "choices": lambda a, b, c, w: torch.where((a > b) & ~(c < 0) | (w >= 1), a, b.masked_fill(b <= 0.1, 7.0)),
    "flags as numbers": lambda a, b, c, w: (a > 0) * c + (b > 0).to(c.dtype) + torch.heaviside(w, c) + torch.sign(a),
    "rows": lambda a, b, c, w: torch.cat([a, b, c], -2).flip(-2).roll(1, -2).sum(-2, keepdim=True),
    "stacks": lambda a, b, c, w: (
        torch.stack([a, b]).unbind(0)[1] + torch.cat([a, c], -2).split(1, -2)[1].repeat(1, 1, 1)
    ),
    "mixtures": lambda a, b, c, w: (
        torch.lerp(a, b, 0.3) + torch.lerp(a, b, c) + torch.addcdiv(a, b, 2 + c * c, value=3)
    ),
    "constants": lambda a, b, c, w: (
        a + torch.eye(2, dtype=c.dtype)[0, 0] + torch.tensor(0.3, dtype=c.dtype) * c.new_ones(1)
    ),
    "derivatives": lambda a, b, c, w: torch.ops.aten.sigmoid_backward(a, b) + torch.ops.aten.tanh_backward(c, w),
    "in place": in_place,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_operators_are_taken_down(step, dtype):
    g = torch.Generator().manual_seed(7)
    u, c, w = (
        torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype) for shape in ((5, 2, 9), (5, 1, 9), (1, 9))
    )
    cell = cell_of(step)
    (found,) = traced(cell, dtype).run(["step"], u=u, c=c, w=w)
    torch.testing.assert_close(
        found, cell.step(u, c, w), rtol=100 * torch.finfo(dtype).eps, atol=100 * torch.finfo(dtype).eps
    )


@pytest.mark.parametrize("operator", [torch.log1p, torch.expm1, F.softplus], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_what_is_near_zero_or_infinite_is_taken_down_to_full_precision(operator, dtype):
    sizes = torch.cat([torch.logspace(-30, 30, 241, dtype=dtype), torch.tensor([0, 1, torch.inf], dtype=dtype)])
    x = torch.cat([sizes, -sizes])
    u, c, w = x.expand(1, 2, -1), x.expand(1, 1, -1), x.expand(1, -1)
    limits = torch.finfo(dtype)
    (found,) = traced(cell_of(lambda a, b, c, w: operator(c)), dtype).run(["step"], u=u, c=c, w=w)
    torch.testing.assert_close(found, operator(c), rtol=10 * limits.eps, atol=limits.tiny, equal_nan=True)


REFUSED = {
    "has no rule": lambda a, b, c, w: torch.lgamma(a),
    "draws random numbers": lambda a, b, c, w: a + torch.rand_like(c),
    "bernoulli draws random numbers": lambda a, b, c, w: a * torch.bernoulli(torch.sigmoid(c)),
    "gives no tensor": lambda a, b, c, w: a if c.flatten()[0].item() > 0 else b,
    "no fixed line of operations": lambda a, b, c, w: a - a.mean(-1, keepdim=True) if a.shape[-1] > 1 else a - a,
    "complex numbers": lambda a, b, c, w: torch.view_as_complex(torch.stack([a, b], -1)).abs() + c,
    "small whole number": lambda a, b, c, w: a.abs() ** b,
    "gives torch.int64": lambda a, b, c, w: a + c.long(),
    "step has shape": lambda a, b, c, w: a[..., 0, :],
}


@pytest.mark.parametrize(("reason", "step"), REFUSED.items(), ids=REFUSED)
def test_what_is_no_line_of_operations_on_one_unit_is_refused(reason, step):
    with pytest.raises(NotExpressible, match=reason):
        traced(cell_of(step), torch.float64)


@pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.__name__)
def test_every_cell_of_the_project_is_taken_down_the_same_way_every_time(kind):
    cell = kind()
    sizes = Sizes(len(cell.gates), len(cell.state), len(cell.recurrent))
    program = traced(cell, torch.float32)
    assert [len(program.results[name]) for name in PARTIALS] == [
        sizes.state * rows for rows in (sizes[1], sizes[0], sizes[2])
    ]
    assert source(program, sizes) == source(traced(kind(), torch.float32), sizes)


def test_the_callers_random_numbers_stay_as_they_are():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    traced(ELEMENTWISE[0](), torch.float32)
    assert torch.equal(torch.rand(3), expected)
