"""Cost of a gradient method as the XLA compiler counts it: operations, bytes moved, peak memory. Nothing is run.

The compiler's `cost_analysis` counts the body of a loop once, however often it runs. So a loop's body is compiled alone
as well, and counted for the rest of its repetitions. Peak memory comes from the buffers that the compiler assigns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtrl_bench.errors import ConfigError, one_of

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr

METHODS = ("bptt", "tbptt", "rtrl_dense", "rtrl_dense_segment", "rtrl_stepwise", "rtrl", "rtrl_layerwise")
CELLS = ("elstm", "gru", "lstm", "rnn")
ANY_CELL = ("bptt", "tbptt", "rtrl_dense", "rtrl_dense_segment")
# Neither changes what is counted: both save time on machine code that will not run.
_COMPILER_OPTIONS: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclass(frozen=True)
class Counts:
    """Per environment step of all B slots together: operations and bytes read and written; peak memory in bytes.

    A multiply-add is 2 operations; exp, tanh and the like are none. The peak is of a whole segment: parameters, their
    gradient, inputs, what is carried (not counted twice: the old one is overwritten) and all that lies between.
    """

    flops_per_step: float
    bytes_per_step: float
    peak_bytes: int


def count(
    method: str, cell: str, layers: int, hidden: int, inputs: int, batch: int, unroll: int, episode: int
) -> Counts:
    """Counts of `method` for L = `layers` of `cell` with N = `hidden`, D = `inputs`, B = `batch`, in float32.

    `unroll` M is the segment length, `episode` T the steps that bptt goes back. A combination of method and cell that
    does not exist raises ConfigError. JAX is told to use the CPU.
    """
    if method not in METHODS:
        raise ConfigError(f"unknown method {method!r}: {one_of(method, METHODS)}")
    if cell not in CELLS:
        raise ConfigError(f"cell = {cell!r}: the compiler's counts are for {', '.join(CELLS)}")
    if method not in ANY_CELL and cell != "elstm":
        raise ConfigError(f"method {method!r}: written in JAX for cell: elstm alone, not {cell}; use one of {ANY_CELL}")
    import jax

    jax.config.update("jax_platforms", "cpu")
    from rtrl_bench.experiments.costs.programs import program

    steps = episode if method == "bptt" else unroll
    run, arguments = program(method, cell, layers, hidden, inputs, batch, steps)
    traced = jax.jit(run, donate_argnums=1).trace(*arguments)
    compiled = traced.lower().compile(_COMPILER_OPTIONS)
    flops, accessed = _cost(compiled)
    for body, repetitions in _loops(traced.jaxpr):
        body_flops, body_accessed = _cost_of(body)
        flops += repetitions * body_flops
        accessed += repetitions * body_accessed
    memory = compiled.memory_analysis()
    both = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    return Counts(flops / steps, accessed / steps, both + memory.temp_size_in_bytes)


def _cost(compiled: Any) -> tuple[float, float]:
    """Operations and bytes accessed, the body of every loop once."""
    cost = compiled.cost_analysis()
    return cost["flops"], cost["bytes accessed"]


def _cost_of(body: ClosedJaxpr) -> tuple[float, float]:
    """The same of the body of a loop, compiled alone."""
    import jax
    from jax.extend.core import jaxpr_as_fun

    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in body.in_avals]
    return _cost(jax.jit(jaxpr_as_fun(body)).lower(*shapes).compile(_COMPILER_OPTIONS))


def _loops(program: ClosedJaxpr, outside: int = 1) -> Iterator[tuple[ClosedJaxpr, int]]:
    """Each loop's body, and how often it runs beyond the once that is counted wherever it stands.

    `outside`: how often all that stands around it runs.
    """
    from jax.extend.core import ClosedJaxpr

    for equation in program.jaxpr.eqns:
        inner = [value for value in equation.params.values() if isinstance(value, ClosedJaxpr)]
        length = equation.params["length"] if equation.primitive.name == "scan" else 1
        for part in inner:
            if length > 1:
                yield part, outside * (length - 1)
            yield from _loops(part, outside * length)
