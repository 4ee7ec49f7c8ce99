"""One method at one size, ready to be counted and timed: random input, segment after segment, the carry kept."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import torch

from rtrl_bench.cells import CELLS
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.costs.counted import Counts, TorchOperators, counted_by_xla
from rtrl_bench.gradients import make_method
from rtrl_bench.layer import RecurrentStack

JAX_METHODS = ("rtrl_dense_segment",)


class Case(Protocol):
    """A method at a size; making it makes nothing large yet."""

    steps: int  # that one `run` takes

    def begin(self) -> None:
        """Make network, input and carry."""

    def run(self) -> None:
        """Forward and gradient of one segment (bptt: of one episode); returns when it is done."""


def make_case(method: str, sizes: Sizes, device: torch.device) -> Case:
    """The case of `method`; those of JAX run on the CPU."""
    return JaxCase(sizes) if method in JAX_METHODS else TorchCase(method, sizes, device)


def counts(method: str, sizes: Sizes) -> Counts:
    """What `run` of a case costs by its operators, on the CPU."""
    if method in JAX_METHODS:
        return counted_by_xla(_traced(sizes)[0], sizes.unroll)
    return TorchCase(method, sizes, torch.device("cpu")).counts()


def refusal(method: str, sizes: Sizes) -> str | None:
    """Why there is no case of `method` at these sizes; None if there is one."""
    if method in JAX_METHODS:
        from rtrl_bench.experiments.costs.jax_cells import JAX_CELLS

        return None if sizes.cell in JAX_CELLS else f"{method}: in JAX there are the cells {', '.join(JAX_CELLS)} alone"
    try:
        make_method(_gradient(method), CELLS[sizes.cell](), sizes.layers)
    except ConfigError as error:
        return str(error)
    return None


def _gradient(method: str) -> str:
    """The gradient method that does it: full BPTT is TBPTT with the whole episode as its segment."""
    return "tbptt" if method == "bptt" else method


class TorchCase:
    """Through `RecurrentStack`; the stack's input gets no gradient."""

    def __init__(self, method: str, sizes: Sizes, device: torch.device):
        self._sizes, self._device, self._gradient = sizes, device, _gradient(method)
        self.steps = sizes.episode if method == "bptt" else sizes.unroll

    def begin(self) -> None:
        z, device = self._sizes, self._device
        torch.manual_seed(0)
        self._stack = RecurrentStack(z.inputs, z.hidden, z.layers, z.cell, self._gradient).to(device)
        self._stack.progress = 1.0  # all layers are there, if the method grows them
        self._carry = self._stack.begin(z.batch)
        self._x = torch.randn(self.steps, z.batch, z.inputs, device=device)
        self._starts = torch.zeros(self.steps, z.batch, dtype=torch.bool, device=device)
        self._v = torch.randn(self.steps, z.batch, self._stack.output_size, device=device)

    def run(self) -> None:
        h, self._carry = self._stack(self._x, self._starts, self._carry)
        h.backward(self._v)
        self._stack.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def counts(self) -> Counts:
        """What `run` costs. Of the second segment: the first has no earlier carry beside its own."""
        with TorchOperators() as counter:
            self.begin()
            self.run()
            counter.flops = counter.bytes = 0
            self.run()
        return Counts(counter.flops / self.steps, counter.bytes / self.steps, counter.peak_bytes)


class JaxCase:
    """Exact RTRL of any cell, once per segment (`generic_rtrl.py`), compiled; the sensitivities are moved in place."""

    def __init__(self, sizes: Sizes):
        import jax

        traced, shapes = _traced(sizes)
        self.steps = sizes.unroll
        self._make = jax.jit(lambda: _filled(*shapes)).lower().compile()
        self._run = traced.lower().compile()

    def begin(self) -> None:
        self._params, self._carry, self._steps = self._make()

    def run(self) -> None:
        import jax

        gradient, self._carry = self._run(self._params, self._carry, self._steps)
        jax.block_until_ready((gradient, self._carry))


def _traced(sizes: Sizes) -> tuple[Any, tuple[Any, Any, Any]]:
    """The program of `JaxCase`, and the shapes of its arguments: parameters, carry, steps."""
    import jax
    import jax.numpy as jnp

    from rtrl_bench.experiments.costs import generic_rtrl
    from rtrl_bench.experiments.costs.jax_cells import JAX_CELLS, stack

    jax.config.update("jax_platforms", "cpu")
    z = sizes
    cell = stack(JAX_CELLS[z.cell], z.layers)
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), z.inputs, z.hidden))
    carry = jax.eval_shape(partial(generic_rtrl.begin_slots, cell, hidden=z.hidden, batch=z.batch), params)
    shapes = (z.unroll, z.batch, z.inputs), (z.unroll, z.batch), (z.unroll, z.batch, z.hidden)
    arrays: Any = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    steps = generic_rtrl.Steps(*arrays)
    # The loss of a step is vdot(h, target), so that its gradient with respect to h is the target.
    segment = partial(generic_rtrl.segment_of_slots, cell, jnp.vdot)
    return jax.jit(segment, donate_argnums=1).trace(params, carry, steps), (params, carry, steps)


def _filled(params: Any, carry: Any, steps: Any) -> tuple[Any, Any, Any]:
    """Arrays of these shapes: parameters of std 0.1, a carry of zeros, inputs and targets of std 1, no new episodes."""
    import jax
    import jax.numpy as jnp

    def random(shape: Any) -> Any:
        return jax.random.normal(jax.random.key(0), shape.shape, shape.dtype)

    steps = jax.tree.map(random, steps)._replace(keep=jnp.ones(steps.keep.shape, steps.keep.dtype))
    zeros = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), carry)
    return jax.tree.map(lambda shape: 0.1 * random(shape), params), zeros, steps
