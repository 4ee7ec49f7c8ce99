"""Writes the text of the Triton kernels of a cell: a scan over a segment's steps, and the scan back.

One instance of a kernel holds some units of one slot from the first step to the last, with what it carries in
registers. Its loop takes AHEAD steps at a turn and asks for the numbers of the next turn before it computes, so that
memory is not waited for. The scan back makes the derivatives anew at each step, from u and from the state before it, as
reading them would take longer. Products with a derivative that is 0 or 1 for every unit are left out of the text.

Notation as in `elementwise.py` and `rtrl.py`. In the scan back r is λ(t+1)ᵀ e(t+1), in the end that of the state before
the segment, and `cut` tells whether an episode begins with a later step, so that the segment's end owes nothing to
this one. What lies before a start is left behind by selection, see `episodes.py`.
"""

from __future__ import annotations

from rtrl_bench.gradients.machinery.fused.advance import advance
from rtrl_bench.gradients.machinery.fused.program import Program
from rtrl_bench.gradients.machinery.fused.text import (
    CellText,
    Lines,
    Read,
    Sizes,
    Tensor,
    column,
    dot,
    indented,
    kernel,
    loop,
    names,
)
from rtrl_bench.gradients.machinery.fused.trace import PARTIALS

AHEAD = 4  # steps


def source(program: Program, sizes: Sizes, ahead: int = AHEAD) -> str:
    """The text of a module with the kernels `forward`, `backward` and `advance`."""
    kernels = [_forward(program, sizes, ahead), _backward(program, sizes, ahead), advance(sizes.state)]
    return "\n".join(["import triton", "import triton.language as tl", *(line for k in kernels for line in k), ""])


def _forward(program: Program, sizes: Sizes, ahead: int) -> Lines:
    """u (M, B, K, N), w, state (B, s, N) -> states (M, B, s, N) and those before the steps, zero at starts."""
    cell = CellText(program, ["step"])
    states, previous, c = Tensor("states", sizes.state), Tensor("previous", sizes.state), names("c", sizes.state)

    def step(j: int) -> Lines:
        return [
            *(f"{name} = {name}_{j}" for name in names("u", sizes.gates)),
            *(f"{name} = tl.where(start_{j}, zero, {name})" for name in c),
            *previous.store(c, "at", "inside & live"),
            *cell.in_the_loop(),
            f"{', '.join(c)} = {', '.join(cell.column('step'))}",
            *states.store(c, "at", "inside & live"),
        ]

    state = (
        f"{name} = tl.load(state + slot * STRIDE + {i} * N + unit, mask=inside, other=0.0)" for i, name in enumerate(c)
    )
    body = [*state, *loop([Read("u", Tensor("u", sizes.gates))], "done", ahead, step)]
    arguments = "u, w, state, starts, previous, states, M, B, N, STRIDE, BLOCK: tl.constexpr"
    return kernel("forward", arguments, cell, sizes, body)


BACKWARD = (
    "u, w, previous, starts, g, d_u, d_input, d_sums, d_state, q, p, begun, dropped, s_bias, s_recurrent, M, B, N, "
    "BLOCK: tl.constexpr, LOSS: tl.constexpr, SAME_STEP: tl.constexpr, PAST: tl.constexpr"
)


def _backward(program: Program, sizes: Sizes, ahead: int) -> Lines:
    """What a loss in the segment owes to u, w and the state before it, and what the segment does to the past.

    previous (M, B, s, N) as `forward` made it. LOSS: from g (M, B, s, N) to d_u (M, B, K, N), d_sums
    (B, K + K', N), the sums over t of d_u and of ωᵀ e, and d_state (B, s, N); SAME_STEP: d_input (M, B, K, N) becomes
    αᵀ g. PAST: q (M, B, s, K, N), p(0) (B, s, s, N); dropped (M, B), whether an episode begins with a later step, and
    begun (B,), with any; the sensitivities s_bias (B, s, K, N) and s_recurrent (B, s, K', N), which after their part in
    d_sums move on.
    """
    scan = _Backward(program, sizes)
    reads = [
        Read("u", Tensor("u", sizes.gates)),
        Read("c", Tensor("previous", sizes.state)),
        Read("g", Tensor("g", sizes.state), when="LOSS"),
    ]
    body = [*scan.before(), *loop(reads, "M - 1 - done", ahead, scan.step), *scan.after()]
    return kernel("backward", BACKWARD, scan.cell, sizes, body)


class _Backward:
    """The lines of the scan back."""

    def __init__(self, program: Program, sizes: Sizes):
        self.sizes, self.cell = sizes, CellText(program, PARTIALS)
        K, s, R = sizes
        self.lam, self.alpha, self.omega = (self.cell.matrix(name, width) for name, width in zip(PARTIALS, (s, K, R)))
        self.r, self.d_bias, self.d_recurrent = names("r", s), names("d_bias", K), names("d_recurrent", R)
        self.p = [names(f"p{i}_", s) for i in range(s)]
        self.q_sum, self.o_sum = names("q_sum", s, K), names("o_sum", s, R)

    def before(self) -> Lines:
        """All that is carried, at the segment's end."""
        sums = (*self.r, *self.d_bias, *self.d_recurrent, *self.q_sum, *self.o_sum)
        return [
            *(f"{name} = zero" for name in sums),
            *(f"{name} = zero + {int(i == j)}" for i, row in enumerate(self.p) for j, name in enumerate(row)),
            "cut = slot < 0",
        ]

    def step(self, j: int) -> Lines:
        """One step back."""
        return [
            *(f"{name} = {name}_{j}" for name in names("u", self.sizes.gates) + names("c", self.sizes.state)),
            *self.cell.in_the_loop(),
            "if LOSS:",
            *indented(self._loss(j)),
            "if PAST:",
            *indented(self._past(j)),
        ]

    def _loss(self, j: int) -> Lines:
        """Ordinary back-propagation."""
        K, s, R = (range(rows) for rows in self.sizes)
        e, g, a, flow = names("e", len(s)), [f"g{i}_{j}" for i in s], names("a", len(K)), names("flow", len(s))
        return [
            *(f"{e[i]} = {g[i]} + {self.r[i]}" for i in s),
            *(f"{a[k]} = {dot(column(self.alpha, k), e)}" for k in K),
            *Tensor("d_u", len(K)).store(a, "at", "inside & live"),
            *(f"{self.d_bias[k]} += tl.where(live, {a[k]}, zero)" for k in K),
            *(f"{self.d_recurrent[k]} += tl.where(live, {dot(column(self.omega, k), e)}, zero)" for k in R),
            *(f"{flow[i]} = tl.where(start_{j}, zero, {dot(column(self.lam, i), e)})" for i in s),
            *(f"{self.r[i]} = tl.where(live, {flow[i]}, {self.r[i]})" for i in s),
            "if SAME_STEP:",
            *indented(f"{a[k]} = {dot(column(self.alpha, k), g)}" for k in K),
            *indented(Tensor("d_input", len(K)).store(a, "at", "inside & live")),
        ]

    def _past(self, j: int) -> Lines:
        """The suffix products, and what they make of the step."""
        q, o = names("q", *self.sizes[1::-1]), names("o", self.sizes.state, self.sizes.recurrent)
        further, p = names("further", self.sizes.state, self.sizes.state), [name for row in self.p for name in row]
        return [
            *(f"{name} = tl.where(cut, zero, {value})" for name, value in zip(q, self._p_times(self.alpha))),
            *(f"{name} = tl.where(cut, zero, {value})" for name, value in zip(o, self._p_times(self.omega))),
            *Tensor("q", len(q)).store(q, "at", "inside & live"),
            "tl.store(dropped + at, cut, mask=live)",
            *(f"{name} += tl.where(live, {new}, zero)" for name, new in zip(self.q_sum + self.o_sum, q + o)),
            *(f"{name} = {value}" for name, value in zip(further, self._p_times(self.lam))),
            f"cut = cut | start_{j}",
            *(f"{name} = tl.where(live, tl.where(cut, zero, {new}), {name})" for name, new in zip(p, further)),
        ]

    def _p_times(self, matrix: list[list[str]]) -> list[str]:
        """p times a derivative, row by row."""
        return [dot(row, column(matrix, k)) for row in self.p for k in range(len(matrix[0]))]

    def after(self) -> Lines:
        """At the segment's start: the sensitivities' part in the gradient, and their move to the segment's end."""
        s, sums = self.sizes.state, [*self.d_bias, *self.d_recurrent]
        past = [
            "fresh = tl.load(starts + slot) != 0",
            *Tensor("p", s * s).store([name for row in self.p for name in row], "slot"),
            "tl.store(begun + slot, cut)",
            *self._move("s_bias", self.q_sum, self.d_bias),
            *self._move("s_recurrent", self.o_sum, self.d_recurrent),
        ]
        loss = [*Tensor("d_state", s).store(self.r, "slot"), *Tensor("d_sums", len(sums)).store(sums, "slot")]
        return ["if PAST:", *indented(past), "if LOSS:", *indented(loss)]

    def _move(self, trace: str, inside: list[str], gradient: list[str]) -> Lines:
        """Sensitivities (s, R) of the slot; `inside` is what the segment adds to them."""
        s, columns = self.sizes.state, range(len(gradient))
        tensor, old, new = Tensor(trace, len(inside)), names("old", s, len(gradient)), names("new", s, len(gradient))
        matrix = [old[i * len(gradient) : (i + 1) * len(gradient)] for i in range(s)]
        add = [f"{gradient[k]} += tl.where(fresh, zero, {dot(self.r, column(matrix, k))})" for k in columns]
        moved = zip(new, inside, self._p_times(matrix))
        return [
            *tensor.load(old, "slot"),
            *(["if LOSS:", *indented(add)] if add else []),
            *(f"{name} = {added} + tl.where(cut, zero, {carried})" for name, added, carried in moved),
            *tensor.store(new, "slot"),
        ]
