"""Random stacks and streams to learn from, and what the gradient of every registered method equals on them."""

from __future__ import annotations

import copy
import itertools
from typing import NamedTuple

import torch
from hypothesis import strategies as st

from oracles import influence
from oracles import stack as oracle
from oracles.cells import KINDS
from rtrl_bench.cells import CELLS
from rtrl_bench.errors import ConfigError, UnknownName
from rtrl_bench.gradients import Layer, Parameters, make_method

TOLERANCE = 1e-10
SIZES = st.fixed_dictionaries(
    {
        "unroll": st.integers(1, 5),
        "segments": st.integers(1, 4),
        "batch": st.integers(1, 3),
        "inputs": st.integers(1, 4),
        "hidden": st.integers(1, 4),
        "seed": st.integers(0, 10**6),
    }
)


class Problem:
    """A random stack of `depth` layers and a random stream, cut into segments of `unroll` steps."""

    def __init__(self, cell_type, depth, unroll, segments, batch, inputs, hidden, seed, method="rtrl", options=()):
        g = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(*shape, generator=g, dtype=torch.float64)

        self.cell, self.unroll, steps = cell_type(), unroll, unroll * segments
        self.method = make_method(method, self.cell, depth, dict(options))
        self.layers, outputs = [], []
        self.x = normal(steps, batch, inputs)
        for _ in range(depth):
            size = self.method.input_size(inputs, outputs)
            parameters = Parameters(
                normal(len(self.cell.gates), hidden, size),
                normal(len(self.cell.gates), hidden),
                normal(*self.cell.recurrent_shape(hidden)),
            )
            readout = self.cell.readout(size, hidden).double()
            with torch.no_grad():
                for p in readout.parameters():
                    p.copy_(normal(*p.shape))
            self.layers.append(Layer(Parameters(*(p.requires_grad_() for p in parameters)), readout))
            outputs.append(self.cell.output_size(size, hidden))
        self.starts = torch.rand(steps, batch, generator=g) < 0.15
        self.v = normal(steps, batch, self.method.output_size(outputs))

    def to(self, device, dtype=torch.float64):
        """The same problem on another device, its numbers in another type."""
        other = copy.copy(self)
        other.x, other.starts, other.v = self.x.to(device, dtype), self.starts.to(device), self.v.to(device, dtype)
        other.layers = []
        for parameters, readout in self.layers:
            leaves = (p.detach().to(device, dtype, copy=True).requires_grad_() for p in parameters)
            other.layers.append(Layer(Parameters(*leaves), copy.deepcopy(readout).to(device, dtype)))
        return other

    def segments(self):
        return [slice(k, k + self.unroll) for k in range(0, len(self.x), self.unroll)]

    def learn(self, x=None, progress=None):
        """Run the stream with fixed parameters: the summed gradients, by name, and the last carry."""
        x = self.x if x is None else x
        for p in oracle.parameters(self.layers).values():
            p.grad = None
        carry = self.method.begin(x.shape[1], self.layers)
        for number, s in enumerate(self.segments()):
            if progress:
                self.method.progress = progress(number)
            h, carry = self.method.segment(self.layers, x[s], self.starts[s], carry)
            (self.v[s] * torch.tanh(h)).sum().backward()
        named = oracle.parameters(self.layers).items()
        return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in named}, carry

    def truth(self, cut=oracle.never):
        return oracle.gradient(self.cell, self.layers, self.x, self.starts, self.v, cut)

    def truth_by_layer(self, cut_above):
        """For the parameters of layer k, the gradient with cuts in the layers above k: cut_above(step)."""
        found = {}
        for k in range(len(self.layers)):
            gradient = self.truth(lambda step, layer, k=k: layer > k and cut_above(step))
            found |= {name: g for name, g in gradient.items() if name.startswith(f"{k}.")}
        return found


def assert_same(found, expected, tolerance=TOLERANCE):
    """The same names, and each tensor within `tolerance`, relative to its norm, of the expected one.

    A norm below 1e-5 counts as 1e-5: there little is left of terms of size 1, and of them float64 keeps 1e-16.
    """
    assert found.keys() == expected.keys()
    for name, truth in expected.items():
        truth = truth.double()
        error = (found[name].double() - truth).norm() / truth.norm().clamp_min(1e-5)
        assert error < tolerance, f"{name}: relative error {error:.1e}"


def at_segments(problem, by_layer=False):
    cut = lambda step, layer=0: step % problem.unroll == 0
    return problem.truth_by_layer(cut) if by_layer else problem.truth(cut)


class Choice(NamedTuple):
    """A gradient method with options of its own, as pairs of name and value."""

    method: str
    options: tuple[tuple[str, object], ...] = ()

    def __str__(self):
        return " ".join([self.method, *(f"{name}={value}" for name, value in self.options)])


# What the gradient of every method (and window) equals, for stacks of these depths: autograd through the whole stream,
# with the paths cut that the method says it drops. Columnar stacks of more layers: see test_columnar.py.
EQUALS = {
    Choice("rtrl"): ((1, 2, 3), Problem.truth),
    Choice("rtrl_stepwise"): ((1,), Problem.truth),
    Choice("rtrl_segment"): ((1, 2, 3), lambda problem: at_segments(problem, by_layer=True)),
    Choice("rtrl_layerwise"): ((1, 2, 3), lambda problem: problem.truth_by_layer(lambda step: True)),
    Choice("columnar"): ((1,), Problem.truth),
    Choice("immediate"): ((1, 2, 3), lambda problem: problem.truth(lambda step, layer: True)),
    Choice("rtrl_dense"): ((1,), Problem.truth),
    Choice("snap"): ((1, 2, 3), lambda problem: influence.snap(problem, 1, at_segments(problem, by_layer=True))),
    Choice("snap", (("order", 2),)): ((1, 2, 3), lambda problem: at_segments(problem, by_layer=True)),
    Choice("eprop"): ((1, 2, 3), lambda problem: influence.eprop(problem, at_segments(problem, by_layer=True))),
    Choice("rflo"): ((1, 2, 3), lambda problem: influence.rflo(problem, at_segments(problem, by_layer=True))),
    Choice("tbptt"): ((1, 2, 3), at_segments),
    Choice("tbptt", (("window", "episode"),)): ((1, 2, 3), Problem.truth),
}


STANDARD = {"rtrl": (1, 2), "rtrl_dense": (1,), "tbptt": (1,)}  # what every cell is tried with, in so many layers


def combinations(cells):
    """Which of these cells to try with which choice of a method, in how many layers: what comes registered is there.

    Every cell with the standard methods that take it; every method with a cell of each kind, or with all that it takes
    where those are none, in one layer and two; and with one of these cells in three.
    """
    for choice in EQUALS:
        takes = [cell for cell in cells if _taken(cell, choice, 1)]
        kinds = [cell for cell in takes if cell in [CELLS[name] for name in KINDS]] or takes
        for cell, depth in itertools.product(takes, (1, 2, 3)):
            standard = not choice.options and depth in STANDARD.get(choice.method, ())
            chosen = cell in kinds and (depth < 3 or cell is kinds[0])
            if (standard or chosen) and _taken(cell, choice, depth):
                yield cell, choice, depth


def _taken(cell, choice, depth):
    try:
        make_method(choice.method, cell(), depth, dict(choice.options))
    except UnknownName:
        raise
    except ConfigError:
        return False
    return True
