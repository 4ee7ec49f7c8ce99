"""A cell as a straight line of operations on single numbers: what a kernel is written from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor


class Primitive(NamedTuple):
    """An operation on numbers of one unit: in PyTorch, and as an expression of Triton's language."""

    torch: Callable[..., Tensor]
    triton: str


NUMBERS = {
    "add": Primitive(torch.add, "{} + {}"),
    "sub": Primitive(torch.sub, "{} - {}"),
    "mul": Primitive(torch.mul, "{} * {}"),
    "div": Primitive(torch.div, "{} / {}"),
    "neg": Primitive(torch.neg, "-{}"),
    "exp": Primitive(torch.exp, "tl.exp({})"),
    "log": Primitive(torch.log, "tl.log({})"),
    "sqrt": Primitive(torch.sqrt, "tl.sqrt({})"),
    "sin": Primitive(torch.sin, "tl.sin({})"),
    "cos": Primitive(torch.cos, "tl.cos({})"),
    "abs": Primitive(torch.abs, "tl.abs({})"),
    "erf": Primitive(torch.erf, "tl.erf({})"),
    "maximum": Primitive(torch.maximum, "tl.maximum({}, {}, propagate_nan=tl.PropagateNan.ALL)"),
    "minimum": Primitive(torch.minimum, "tl.minimum({}, {}, propagate_nan=tl.PropagateNan.ALL)"),
    "where": Primitive(torch.where, "tl.where({}, {}, {})"),
}
FLAGS = {
    "gt": Primitive(torch.gt, "{} > {}"),
    "ge": Primitive(torch.ge, "{} >= {}"),
    "lt": Primitive(torch.lt, "{} < {}"),
    "le": Primitive(torch.le, "{} <= {}"),
    "eq": Primitive(torch.eq, "{} == {}"),
    "ne": Primitive(torch.ne, "{} != {}"),
    "and": Primitive(torch.logical_and, "{} & {}"),
    "or": Primitive(torch.logical_or, "{} | {}"),
    "not": Primitive(torch.logical_not, "{} == 0"),
}
PRIMITIVES = {**NUMBERS, **FLAGS}


class Operation(NamedTuple):
    """One line of a program. `name`: a primitive; "input", with its row; or "literal", with its value."""

    name: str
    arguments: tuple[int, ...] = ()  # the numbers of earlier lines
    row: tuple[str, int] = ("", 0)
    value: float = 0.0


@dataclass
class Program:
    """Lines, each made once, and what they give: `results` holds numbers of lines, by name, row by row.

    Inputs are the rows of u, c and w; results are `step` (s), `lam` (s s), `alpha` (s K) and `omega` (s K').
    """

    lines: list[Operation] = field(default_factory=list)
    results: dict[str, list[int]] = field(default_factory=dict)
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)

    def line(self, operation: Operation) -> int:
        """The number of a line, which is added if the program has none like it."""
        name, arguments, row, value = operation
        key = (name, arguments, row, repr(value))  # as 0 and -0 are two numbers, and NaN is one
        if key not in self._known:
            self._known[key] = len(self.lines)
            self.lines.append(operation)
        return self._known[key]

    def literal(self, value: float) -> int:
        """A number that is the same for all units."""
        return self.line(Operation("literal", value=float(value)))

    def apply(self, name: str, *arguments: int) -> int:
        """A primitive of earlier lines; of literals it is computed at once."""
        if name == "where":
            arguments = (self.flag(arguments[0]), *map(self.number, arguments[1:]))
        else:
            arguments = tuple(map(self.flag if name in ("and", "or", "not") else self.number, arguments))
        if all(self.lines[argument].name == "literal" for argument in arguments):
            values = [torch.tensor(self.lines[argument].value, dtype=torch.float64) for argument in arguments]
            if name == "where":
                values[0] = values[0] != 0
            return self.literal(PRIMITIVES[name].torch(*values).item())
        if name == "where" and self.lines[arguments[0]].name == "literal":
            return arguments[1] if self.lines[arguments[0]].value else arguments[2]
        return self.line(Operation(name, arguments))

    def number(self, line: int) -> int:
        """A flag as 1 or 0; a number as it is."""
        if self.lines[line].name not in FLAGS:
            return line
        return self.line(Operation("where", (line, self.literal(1), self.literal(0))))

    def flag(self, line: int) -> int:
        """Whether a number is not zero; a flag or a literal as it is."""
        return line if self.lines[line].name in (*FLAGS, "literal") else self.apply("ne", line, self.literal(0))

    def needed(self, results: Iterable[str]) -> list[int]:
        """The numbers of the lines that some of the results are made of, in order."""
        found: set[int] = set()
        waiting = [line for name in results for line in self.results[name]]
        while waiting:
            line = waiting.pop()
            if line not in found:
                found.add(line)
                waiting.extend(self.lines[line].arguments)
        return sorted(found)

    def constants(self) -> set[int]:
        """The lines that are the same at every step: those made of literals and of w alone."""
        found: set[int] = set()
        for number, (name, arguments, row, _) in enumerate(self.lines):
            constant = row[0] == "w" if name == "input" else all(argument in found for argument in arguments)
            if constant:
                found.add(number)
        return found

    def run(self, results: Sequence[str], **rows: Tensor) -> list[Tensor]:
        """The results (..., R, N) for u (..., K, N), c (..., s, N) and w (K', N), by PyTorch: for checks."""
        values: dict[int, Tensor] = {}
        like = rows["c"][..., 0, :]
        for number in self.needed(results):
            name, arguments, (source, row), value = self.lines[number]
            if name == "input":
                values[number] = rows[source][..., row, :]
            elif name == "literal":
                values[number] = torch.full_like(like, value)
            else:
                values[number] = PRIMITIVES[name].torch(*(values[argument] for argument in arguments))
        empty = like.new_empty(*like.shape[:-1], 0, like.shape[-1])
        return [
            torch.stack([values[line].expand_as(like) for line in self.results[name]], -2)
            if self.results[name]
            else empty
            for name in results
        ]
