"""The text of the kernel that moves the sensitivities to W, in one pass over them."""

from __future__ import annotations

from rtrl_bench.gradients.machinery.fused.text import Lines, dot, indented, names

SLOTS = 4  # whose numbers are asked for at once


def advance(s: int) -> Lines:
    """S_W ← p(0) S_W in place, after adding Σ_b r ⊙ S_W to d_weight.

    sensitivity: (B, D, s, K, N) in memory; d_weight (D, K, N); r (B, s, N) and p (B, s, s, N); starts (M, B);
    begun (B,). An instance goes through all slots for TILE numbers of d_weight, so that their sum is made in the same
    order every time.
    """
    arguments = "sensitivity, d_weight, r, p, starts, begun, B, N, D, ROWS, TILE: tl.constexpr, LOSS: tl.constexpr"
    return [
        "",
        "",
        "@triton.jit(do_not_specialize=['B'])",
        f"def advance({arguments}):",
        *indented(
            [
                "number = tl.program_id(0) * TILE + tl.arange(0, TILE)",
                "inside = number < D * ROWS",
                "unit = number % N",
                f"place = sensitivity + (number // ROWS) * {s} * ROWS + number % ROWS",
                "zero = tl.full([TILE], 0.0, sensitivity.dtype.element_ty)",
                "gradient = zero",
                f"for first in range(0, B, {SLOTS}):",
                *indented(line for j in range(SLOTS) for line in _ask(j, s)),
                *indented(line for j in range(SLOTS) for line in _move(j, s)),
                "if LOSS:",
                "    gradient += tl.load(d_weight + number, mask=inside, other=0.0)",
                "    tl.store(d_weight + number, gradient, mask=inside)",
            ]
        ),
    ]


def _ask(j: int, s: int) -> Lines:
    """Load what belongs to slot number `j` of the turn."""
    old, p, r = (names(f"{name}_{j}_", size) for name, size in (("old", s), ("p", s * s), ("r", s)))
    return [
        f"slot = tl.full([], first + {j}, tl.int64)",
        "some = inside & (slot < B)",
        f"at_{j} = place + slot * {s} * D * ROWS",
        *(f"{name} = tl.load(at_{j} + {i} * ROWS, mask=some, other=0.0)" for i, name in enumerate(old)),
        *(f"{name} = tl.load(p + (slot * {s * s} + {i}) * N + unit, mask=some, other=0.0)" for i, name in enumerate(p)),
        f"left_{j} = tl.load(begun + slot, mask=slot < B, other=0) != 0",
        "if LOSS:",
        f"    fresh_{j} = tl.load(starts + slot, mask=slot < B, other=0) != 0",
        *indented(
            f"{name} = tl.load(r + (slot * {s} + {i}) * N + unit, mask=some, other=0.0)" for i, name in enumerate(r)
        ),
    ]


def _move(j: int, s: int) -> Lines:
    """Add its part to the gradient, and store what becomes of it."""
    old, p, r = (names(f"{name}_{j}_", size) for name, size in (("old", s), ("p", s * s), ("r", s)))
    new = [f"tl.where(left_{j}, zero, {dot(p[i * s : (i + 1) * s], old)})" for i in range(s)]
    return [
        "if LOSS:",
        f"    gradient += tl.where(fresh_{j}, zero, {dot(r, old)})",
        f"some = inside & (first + {j} < B)",
        *(f"tl.store(at_{j} + {i} * ROWS, {value}, mask=some)" for i, value in enumerate(new)),
    ]
