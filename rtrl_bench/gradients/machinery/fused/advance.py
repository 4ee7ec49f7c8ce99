"""The text of the kernel that moves the sensitivities to W, in one pass over them."""

from __future__ import annotations

from rtrl_bench.gradients.machinery.fused.text import Lines, dot, indented, names

SLOTS, DEPTH = 4, 2  # slots and inputs whose numbers are asked for at once; r and p are the same for all inputs


def advance(s: int) -> Lines:
    """S_W ← p(0) S_W in place, after adding Σ_b r ⊙ S_W to d_weight.

    sensitivity: (B, D, s, K N) in memory; d_weight (D, K N); r (B, s, N) and p (B, s, s, N); starts (M, B); begun (B,).
    An instance goes through all slots for TILE rows and DEPTH inputs of d_weight, so that their sum over slots is made
    in the same order every time.
    """
    arguments = "sensitivity, d_weight, r, p, starts, begun, B, N, D, ROWS, TILE: tl.constexpr, LOSS: tl.constexpr"
    depths = range(DEPTH)
    body = [line for j in range(SLOTS) for line in _ask(j, s)] + [line for j in range(SLOTS) for line in _move(j, s)]
    return [
        "",
        "",
        "@triton.jit(do_not_specialize=['B', 'D'])",
        f"def advance({arguments}):",
        *indented(
            [
                "row = tl.program_id(0) * TILE + tl.arange(0, TILE)",
                "unit = row % N",
                "zero = tl.full([TILE], 0.0, sensitivity.dtype.element_ty)",
                *(f"input_{d} = tl.program_id(1) * {DEPTH} + {d}" for d in depths),
                *(f"inside_{d} = (row < ROWS) & (input_{d} < D)" for d in depths),
                *(f"gradient_{d} = zero" for d in depths),
                f"for first in range(0, B, {SLOTS}):",
                *indented(body),
                "if LOSS:",
                *indented(line for d in depths for line in _add(d)),
            ]
        ),
    ]


def _add(d: int) -> Lines:
    """Add the sum over slots to d_weight."""
    return [
        f"at = d_weight + input_{d} * ROWS + row",
        f"gradient_{d} += tl.load(at, mask=inside_{d}, other=0.0)",
        f"tl.store(at, gradient_{d}, mask=inside_{d})",
    ]


def _ask(j: int, s: int) -> Lines:
    """Load what belongs to slot number `j` of the turn."""
    p, r = names(f"p_{j}_", s * s), names(f"r_{j}_", s)
    loads = [
        line
        for d in range(DEPTH)
        for line in (
            f"at_{j}_{d} = sensitivity + (slot * D + input_{d}) * {s} * ROWS + row",
            *(
                f"{name} = tl.load(at_{j}_{d} + {i} * ROWS, mask=inside_{d} & there, other=0.0)"
                for i, name in enumerate(_old(j, d, s))
            ),
        )
    ]
    return [
        f"slot = tl.full([], first + {j}, tl.int64)",
        "there = slot < B",
        *loads,
        "some = (row < ROWS) & there",
        *(f"{name} = tl.load(p + (slot * {s * s} + {i}) * N + unit, mask=some, other=0.0)" for i, name in enumerate(p)),
        f"left_{j} = tl.load(begun + slot, mask=there, other=0) != 0",
        "if LOSS:",
        f"    fresh_{j} = tl.load(starts + slot, mask=there, other=0) != 0",
        *indented(
            f"{name} = tl.load(r + (slot * {s} + {i}) * N + unit, mask=some, other=0.0)" for i, name in enumerate(r)
        ),
    ]


def _move(j: int, s: int) -> Lines:
    """Add its part to the gradient, and store what becomes of it."""
    p, r = names(f"p_{j}_", s * s), names(f"r_{j}_", s)
    lines = [f"there = first + {j} < B"]
    for d in range(DEPTH):
        old = _old(j, d, s)
        new = [f"tl.where(left_{j}, zero, {dot(p[i * s : (i + 1) * s], old)})" for i in range(s)]
        lines += [
            "if LOSS:",
            f"    gradient_{d} += tl.where(fresh_{j}, zero, {dot(r, old)})",
            *(f"tl.store(at_{j}_{d} + {i} * ROWS, {value}, mask=inside_{d} & there)" for i, value in enumerate(new)),
        ]
    return lines


def _old(j: int, d: int, s: int) -> list[str]:
    return names(f"old_{j}_{d}_", s)
