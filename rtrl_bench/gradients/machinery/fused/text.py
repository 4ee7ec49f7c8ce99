"""Pieces of a kernel's text: a cell's program, and a loop over steps that asks for what it reads a turn ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rtrl_bench.gradients.machinery.fused.program import PRIMITIVES, Program

Lines = list[str]


class Sizes(NamedTuple):
    """Rows of a cell: K of u, s of the state, K' of w."""

    gates: int
    state: int
    recurrent: int


class CellText:
    """A cell's program as text. Its line 7 is called `v7`, or `k7` if it is the same at every step."""

    def __init__(self, program: Program, results: Iterable[str]):
        self._program = program
        self._constants = program.constants()
        self._made = [line for line in program.needed(results) if program.lines[line].name != "input"]

    def before_the_loop(self) -> Lines:
        """What is the same at every step, of the rows `w0` and so on."""
        return [self._assignment(line) for line in self._made if line in self._constants]

    def in_the_loop(self) -> Lines:
        """What is made at every step, of the rows `u0`, `c0` and so on."""
        return [self._assignment(line) for line in self._made if line not in self._constants]

    def column(self, result: str) -> list[str]:
        """The names of a result's rows."""
        return [self._name(line) for line in self._program.results[result]]

    def matrix(self, result: str, columns: int) -> list[list[str]]:
        """The names of a result's entries, row by row; "0" or "1" where one is that for every unit."""
        entries = [self._entry(line) for line in self._program.results[result]]
        rows = len(self._program.results["step"])
        return [entries[row * columns : (row + 1) * columns] for row in range(rows)]

    def _name(self, line: int) -> str:
        source, row = self._program.lines[line].row
        return f"{source}{row}" if source else f"{'k' if line in self._constants else 'v'}{line}"

    def _entry(self, line: int) -> str:
        operation = self._program.lines[line]
        known = operation.name == "literal" and operation.value in (0.0, 1.0)
        return f"{operation.value:.0f}" if known else self._name(line)

    def _assignment(self, line: int) -> str:
        name, arguments, _, value = self._program.lines[line]
        if name == "literal":
            text = repr(value) if abs(value) < float("inf") else f'float("{value}")'
            return f"{self._name(line)} = tl.full([BLOCK], {text}, TYPE)"
        return f"{self._name(line)} = {PRIMITIVES[name].triton.format(*map(self._name, arguments))}"


def times(one: str, other: str) -> str:
    """A product: "0" if a factor is, and without a factor that is 1."""
    if "0" in (one, other):
        return "0"
    return other if one == "1" else one if other == "1" else f"{one} * {other}"


def total(terms: Iterable[str]) -> str:
    """A sum without the terms that are 0."""
    return " + ".join(term for term in terms if term != "0") or "zero"


def dot(ones: Sequence[str], others: Sequence[str]) -> str:
    """The sum of the products of two rows."""
    return total(times(one, other) for one, other in zip(ones, others, strict=True))


def column(matrix: Sequence[Sequence[str]], number: int) -> list[str]:
    """One column of a matrix of names."""
    return [row[number] for row in matrix]


def indented(lines: Iterable[str]) -> Lines:
    """One step deeper."""
    return ["    " + line for line in lines]


def names(prefix: str, rows: int, columns: int | None = None) -> list[str]:
    """prefix0, prefix1 and so on; for a matrix prefix0_0, prefix0_1 and so on, row by row."""
    if columns is None:
        return [f"{prefix}{row}" for row in range(rows)]
    return [f"{prefix}{row}_{column}" for row in range(rows) for column in range(columns)]


class Tensor(NamedTuple):
    """A tensor argument of a kernel that has `rows` rows of N units for every slot (and step)."""

    name: str
    rows: int

    def load(self, targets: Sequence[str], at: str, mask: str = "inside") -> Lines:
        """Load all rows; `at` is the number of the slot (and step), of which every one has such rows."""
        return [f"{name} = tl.load({self._row(at, row)}, mask={mask}, other=0.0)" for row, name in enumerate(targets)]

    def store(self, values: Sequence[str], at: str, mask: str = "inside") -> Lines:
        """Store a value in every row."""
        return [f"tl.store({self._row(at, row)}, {value}, mask={mask})" for row, value in enumerate(values)]

    def _row(self, at: str, row: int) -> str:
        return f"{self.name} + ({at} * {self.rows} + {row}) * N + unit"


def kernel(name: str, arguments: str, cell: CellText, sizes: Sizes, body: Lines) -> Lines:
    """A kernel for BLOCK units of one slot."""
    begin = [
        "TYPE: tl.constexpr = u.dtype.element_ty",
        "slot = tl.program_id(1).to(tl.int64)",
        "unit = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
        "inside = unit < N",
        "zero = tl.full([BLOCK], 0.0, TYPE)",
        "none = M * 0",
        *(f"w{k} = tl.load(w + {k} * N + unit, mask=inside, other=0.0)" for k in range(sizes.recurrent)),
        *cell.before_the_loop(),
    ]
    return [
        "",
        "",
        "@triton.jit(do_not_specialize=['M', 'B', 'N', 'STRIDE'])",
        f"def {name}({arguments}):",
        *indented([*begin, *body]),
    ]


class Read(NamedTuple):
    """Rows that a loop reads at every step, as `<prefix>0_<j>` and so on at step j of a turn, if `when` is true."""

    prefix: str
    tensor: Tensor
    when: str = ""

    def rows(self, j: int) -> list[str]:
        """What the rows of step j of a turn are called."""
        return [f"{name}_{j}" for name in names(self.prefix, self.tensor.rows)]

    def only_when(self, lines: Lines) -> Lines:
        """Lines that are of use only where the rows are read."""
        return [f"if {self.when}:", *indented(lines)] if self.when and lines else lines


def loop(reads: list[Read], time: str, ahead: int, step: Callable[[int], Lines]) -> Lines:
    """All M steps, `ahead` of them at a turn; `time` is the number of a step that comes after `done` others.

    The text of a step finds in `live` whether there is such a step, in `at` its number among all slots' steps, in
    `start_<j>` whether an episode begins with it.
    """

    def place(turn: str, j: int) -> Lines:
        return [f"done = {turn} + {j}", "live = done < M", f"at = ({time}) * B + slot"]

    def ask(prefix: str, turn: str, first: int) -> Lines:
        lines = []
        for j in range(ahead):
            lines += [*place(turn, first + j), f"{prefix}start_{j} = tl.load(starts + at, mask=live, other=0) != 0"]
            for read in reads:
                targets = [prefix + row for row in read.rows(j)]
                lines += read.only_when(read.tensor.load(targets, "at", "inside & live"))
        return lines

    def take(j: int) -> Lines:
        lines = [f"start_{j} = next_start_{j}"]
        for read in reads:
            lines += read.only_when([f"{row} = next_{row}" for row in read.rows(j)])
        return lines

    steps = range(ahead)
    body = [
        *ask("next_", "turn", ahead),
        *(line for j in steps for line in (*place("turn", j), *step(j))),
        *(line for j in steps for line in take(j)),
    ]
    return [*ask("", "none", 0), f"for turn in range(0, M, {ahead}):", *indented(body)]
