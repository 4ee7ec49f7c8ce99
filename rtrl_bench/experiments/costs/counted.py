"""What a program costs by its own operators: operations, bytes moved, peak memory.

Of torch's, while it runs on the CPU; of JAX's, as the XLA compiler counts them, and nothing is run.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr
    from jax.stages import Traced

aten = torch.ops.aten
_TWO_EACH = {aten.addcmul, aten.lerp}  # operations for a number of the result; any other element-wise operator: one
_NO_ARITHMETIC = {aten.clone, aten.where, aten.masked_fill}
# Neither changes what is counted: both save time on machine code that will not run.
_COMPILER_OPTIONS: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclass(frozen=True)
class Counts:
    """Per environment step of all B slots together: operations and bytes read and written; peak memory in bytes.

    A multiply-add is 2 operations. The peak has the parameters, their gradient, inputs, what is carried, and all that
    lies between.
    """

    flops_per_step: float
    bytes_per_step: float
    peak_bytes: int


class TorchOperators(TorchDispatchMode):
    """Counts what torch computes in its context: `flops`, `bytes` read and written, `peak_bytes` of tensors alive.

    Matrix products by torch's own formulas; an element-wise operator makes one operation (exp and tanh, too) for each
    number of its result, a sum one for each number that it reads. Temporary memory inside an operator is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.bytes = self.peak_bytes = self._bytes_alive = 0
        self._alive: set[int] = set()  # storages

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.namespace not in ("aten", "prims"):
            raise NotImplementedError(f"operator {func}: only those of torch itself can be counted")
        read, written = _tensors((args, kwargs)), _tensors(result)
        if not func.is_view:
            self.bytes += sum(tensor.nbytes for tensor in read + written)
            self.flops += _flops(func, args, kwargs or {}, read, written)
        for tensor in written:
            self._hold(tensor.untyped_storage())
        return result

    def _hold(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._alive:
            self._alive.add(key)
            self._bytes_alive += size
            self.peak_bytes = max(self.peak_bytes, self._bytes_alive)
            weakref.finalize(storage, self._release, key, size)

    def _release(self, key: int, size: int) -> None:
        self._alive.remove(key)
        self._bytes_alive -= size


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _flops(func: Any, args: Any, kwargs: Any, read: list[Tensor], written: list[Tensor]) -> int:
    name = func._schema.name.removeprefix("aten::")
    packet = getattr(aten, name.removesuffix("_"), func.overloadpacket)  # in place or not is the same
    if packet in flop_registry:
        return int(flop_registry[packet](*args, **kwargs, out_val=written[0]))
    if packet is aten.addmv:
        return 2 * read[1].numel()
    if torch.Tag.reduction in func.tags:
        return read[0].numel()
    element_wise = torch.Tag.pointwise in func.tags or func.namespace == "prims"  # as which torch.func.jvp writes them
    if element_wise and packet not in _NO_ARITHMETIC:
        return (2 if packet in _TWO_EACH else 1) * sum(tensor.numel() for tensor in written)
    return 0


def counted_by_xla(traced: Traced, steps: int) -> Counts:
    """Of a traced JAX program over `steps` steps.

    The compiler's `cost_analysis` counts the body of a loop once, however often it runs. So a loop's body is compiled
    alone as well, and counted for the rest of its repetitions. Peak memory comes from the buffers that the compiler
    assigns; exp, tanh and the like are no operations.
    """
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
