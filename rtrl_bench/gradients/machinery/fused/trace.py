"""Writes down what a cell computes, by watching it compute.

`step` and `partials` run once on one unit of one slot, on ordinary tensors, and every operator that PyTorch runs for
them is taken down number by number. Beside every tensor's memory lies a second one that holds, for each number, the
line of the program that makes it; so views, writes in place and `out=` come out as they should. What an operator is
made of stands in `rules.py`. The program is then compared with the cell on many units: a cell that it does not
describe, as one that looks at the values or mixes units, is refused.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from rtrl_bench.cells import ElementwiseCell
from rtrl_bench.gradients.machinery.fused.program import Operation, Program
from rtrl_bench.gradients.machinery.fused.rules import MAKERS, MOVES, RULES

PARTIALS = ("lam", "alpha", "omega")


class NotExpressible(Exception):
    """What a cell does that no kernel can be made of."""


def traced(cell: ElementwiseCell, dtype: torch.dtype) -> Program:
    """The cell's program for numbers of type `dtype`; NotExpressible says why there is none."""
    s, gates, recurrent = len(cell.state), len(cell.gates), len(cell.recurrent)
    if cell.recurrent_shape(1) != (recurrent, 1):
        raise NotExpressible("w is not a row of numbers for each name in `recurrent`")
    rows = {
        "u": _numbers(0, dtype, 1, gates, 1),
        "c": _numbers(1, dtype, 1, s, 1),
        "w": _numbers(2, dtype, recurrent, 1),
    }
    watch = _Watch(dtype)
    for name, values in rows.items():
        watch.write(values, [watch.program.line(Operation("input", row=(name, row))) for row in range(values.numel())])
    with torch.no_grad(), watch:
        found = [cell.step(*rows.values()), *cell.partials(*rows.values())]
    shapes = [(1, s, 1), (1, s, s, 1), (1, s, gates, 1), (1, s, recurrent, 1)]
    for name, result, shape in zip(("step", *PARTIALS), found, shapes):
        if tuple(result.shape) != shape:
            raise NotExpressible(f"{name} has shape {tuple(result.shape)}, expected {shape}")
        watch.program.results[name] = watch.read(result).flatten().tolist()
    _compare(cell, watch.program, dtype)
    return watch.program


class _Watch(TorchDispatchMode):
    """Takes down the operators that run inside of it."""

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.program, self.dtype = Program(), dtype
        self._lines: dict[int, tuple[Any, Tensor]] = {}  # by storage, which is kept so that no other takes its place

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Asked by PyTorch, which else imports its compiler to keep it out: some four seconds."""
        return False

    def read(self, tensor: Tensor) -> Tensor:
        """The lines that make a tensor's numbers, as a view; numbers never seen before are literals."""
        if tensor.is_complex():
            raise NotExpressible("it computes with complex numbers: write their two parts")
        if tensor.untyped_storage()._cdata not in self._lines:
            self._remember(tensor, [self.program.literal(value) for value in _everything(tensor).tolist()])
        lines = self._lines[tensor.untyped_storage()._cdata][1]
        return lines.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())

    def write(self, tensor: Tensor, lines: list[int] | Tensor) -> None:
        """Let a tensor's numbers be made by `lines`, in the order of its rows."""
        if tensor.untyped_storage()._cdata not in self._lines:
            self._remember(tensor, len(_everything(tensor)) * [self.program.literal(0)])
        self.read(tensor).copy_(torch.as_tensor(lines, dtype=torch.int64).view(tensor.shape))

    def _remember(self, tensor: Tensor, lines: list[int]) -> None:
        storage = tensor.untyped_storage()
        self._lines[storage._cdata] = (storage, torch.tensor(lines, dtype=torch.int64))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.is_view:
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        name = name if name == "_to_copy" else name.rstrip("_")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise NotExpressible(f"{name} draws random numbers")
        given = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)]
        symbolic = any(self._is_symbolic(tensor) for tensor in given) and name not in MAKERS
        lines = tree_map(self._lines_of, (args, kwargs))  # before it runs, as it may write over what it reads
        result = func(*args, **kwargs)
        if not isinstance(result, Tensor):
            raise NotExpressible(f"{name} gives no tensor")
        if "empty" in name:
            self.write(result, result.numel() * [self.program.literal(0)])
        elif not symbolic:
            self.write(result, [self.program.literal(value) for value in result.flatten().tolist()])
        elif name in MOVES:
            self.write(result, self._moved(func, args, kwargs))
        elif name == "sum":
            self.write(result, self._sum(*args, **kwargs))
        else:
            self.write(result, self._by_rule(name, result, *lines))
        return result

    def _is_symbolic(self, tensor: Tensor) -> bool:
        return any(self.program.lines[line].name != "literal" for line in self.read(tensor).flatten().tolist())

    def _lines_of(self, value: Any) -> Any:
        """The lines of an argument's numbers."""
        if isinstance(value, Tensor):
            return self.read(value).clone()
        if isinstance(value, bool | int | float):
            return torch.tensor(self.program.literal(value))
        return value

    def _moved(self, func: Any, args: Any, kwargs: Any) -> Tensor:
        """The lines of what an operator copies from its arguments: it is run on their lines."""
        options = {name: value for name, value in kwargs.items() if name not in ("out", "dtype", "memory_format")}

        def lines(value: Any) -> Any:
            floating = isinstance(value, Tensor) and (value.is_floating_point() or value.dtype == torch.bool)
            return self.read(value).clone() if floating else value

        return func.overloadpacket(*tree_map(lines, args), **tree_map(lines, options))

    def _sum(self, values: Tensor, dim: Any = None, *_: Any, **__: Any) -> list[int]:
        lines, total = self.read(values), self.program.literal(0)
        dims = list(range(lines.ndim)) if dim is None else [d % lines.ndim for d in dim]
        rows = lines.permute([d for d in range(lines.ndim) if d not in dims] + dims)
        count = rows[(0,) * (lines.ndim - len(dims))].numel()
        made = []
        for row in rows.reshape(-1, count).tolist():
            line = row[0] if row else total
            for other in row[1:]:
                line = self.program.apply("add", line, other)
            made.append(self.program.number(line))
        return made

    def _by_rule(self, name: str, result: Tensor, args: Any, kwargs: Any) -> list[int]:
        if name not in RULES:
            raise NotExpressible(f"{name} has no rule in {RULES_FILE}")
        if result.dtype not in (self.dtype, torch.bool):
            raise NotExpressible(f"{name} gives {result.dtype}, the cell's numbers are {self.dtype}")
        kwargs = {key: value for key, value in kwargs.items() if key not in NOT_NUMBERS}
        if not all(value is None or isinstance(value, Tensor) for value in (*args, *kwargs.values())):
            raise NotExpressible(f"{name} has an argument that is no number")
        made = []
        for i in range(result.numel()):
            row, named = tree_map(lambda a, i=i: None if a is None else _at(a, result.shape, i), (args, kwargs))
            try:
                line = RULES[name](self.program, *row, **named)
            except (NotImplementedError, TypeError) as error:
                raise NotExpressible(f"{name}: {error}") from error
            made.append(self.program.number(line) if result.is_floating_point() else line)
        return made


def _everything(tensor: Tensor) -> Tensor:
    """All numbers of the memory that a tensor is a view of."""
    return tensor.as_strided((tensor.untyped_storage().nbytes() // tensor.element_size(),), (1,), 0)


def _at(lines: Tensor, shape: torch.Size, i: int) -> int:
    """Entry number `i`, row by row, of an argument whose result has that shape."""
    return int(lines.expand(shape).flatten()[i])


RULES_FILE = "gradients/machinery/fused/rules.py"
NOT_NUMBERS = ("out", "grad_input", "dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking", "copy")


def _numbers(seed: int, dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def _compare(cell: ElementwiseCell, program: Program, dtype: torch.dtype) -> None:
    """NotExpressible unless the program computes what the cell does, for several units and slots, small and large."""
    s, gates, recurrent, n = len(cell.state), len(cell.gates), len(cell.recurrent), 64
    tolerance = 1e3 * torch.finfo(dtype).eps
    for scale in (0.3, 3.0):
        u, c = scale * _numbers(3, dtype, 2, gates, n), scale * _numbers(4, dtype, 2, s, n)
        w = scale * _numbers(5, dtype, recurrent, n)
        found = program.run(("step", *PARTIALS), u=u, c=c, w=w)
        with torch.no_grad():
            expected = [cell.step(u, c, w), *(part.flatten(-3, -2) for part in cell.partials(u, c, w))]
        for name, ours, truth in zip(("step", *PARTIALS), found, expected):
            if ours.shape != truth.shape or not torch.allclose(ours, truth, tolerance, tolerance, equal_nan=True):
                raise NotExpressible(f"{name} is no fixed line of operations on the numbers of one unit")
