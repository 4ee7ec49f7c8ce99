"""What PyTorch's element-wise operators are made of: for each, a function of a program and of numbers of its lines."""

from __future__ import annotations

from collections.abc import Callable

from rtrl_bench.gradients.machinery.fused.program import PRIMITIVES, Program

Rule = Callable[..., int]

MOVES = set("cat stack clone repeat flip roll index_select _unsafe_view _reshape_alias contiguous".split())
MAKERS = set(
    "empty_like zeros_like ones_like full_like new_empty new_zeros new_ones new_full new_empty_strided".split()
)


def _add(p: Program, a: int, b: int, alpha: int | None = None) -> int:
    return p.apply("add", a, b if alpha is None else p.apply("mul", alpha, b))


def _sub(p: Program, a: int, b: int, alpha: int | None = None) -> int:
    return p.apply("sub", a, b if alpha is None else p.apply("mul", alpha, b))


def _sigmoid(p: Program, x: int) -> int:
    return p.apply("div", p.literal(1), p.apply("add", p.literal(1), p.apply("exp", p.apply("neg", x))))


def _tanh(p: Program, x: int) -> int:
    """2 σ(2 x) - 1: to 2e-7 in float32, as on the CPU; Triton's language has none."""
    two = p.literal(2)
    return p.apply("sub", p.apply("mul", two, _sigmoid(p, p.apply("mul", two, x))), p.literal(1))


def _square(p: Program, x: int) -> int:
    return p.apply("mul", x, x)


def _pow(p: Program, x: int, exponent: int) -> int:
    """With a literal exponent that is a whole number from -4 to 4, or half of one."""
    name, value = p.lines[exponent].name, p.lines[exponent].value
    if name != "literal" or abs(value) > 4 or 2 * value != int(2 * value):
        raise NotImplementedError("pow with an exponent other than a small whole number or half of one")
    result = p.literal(1)
    for _ in range(int(abs(value))):
        result = p.apply("mul", result, x) if p.lines[result].name != "literal" else x
    if value != int(value):
        root = p.apply("sqrt", x)
        result = root if p.lines[result].name == "literal" else p.apply("mul", result, root)
    return _reciprocal(p, result) if value < 0 else result


def _reciprocal(p: Program, x: int) -> int:
    return p.apply("div", p.literal(1), x)


def _log1p(p: Program, x: int) -> int:
    """log y x / (y - 1) with y = 1 + x as rounded: what rounding takes cancels, so that a small x keeps its digits."""
    one = p.literal(1)
    y = p.apply("add", one, x)
    log = p.apply("log", y)
    scaled = p.apply("div", p.apply("mul", log, x), p.apply("sub", y, one))
    of_large = p.apply("where", p.apply("eq", y, x), log, scaled)
    return p.apply("where", p.apply("eq", y, one), x, of_large)


def _expm1(p: Program, x: int) -> int:
    """(e - 1) x / log e with e = exp x rounded, as for log1p."""
    one, e = p.literal(1), p.apply("exp", x)
    less = p.apply("sub", e, one)
    scaled = p.apply("div", p.apply("mul", less, x), p.apply("log", e))
    at_an_end = p.apply("or", p.apply("eq", less, p.literal(-1)), p.apply("eq", less, e))  # log e may be infinite
    return p.apply("where", p.apply("eq", e, one), x, p.apply("where", at_an_end, less, scaled))


def _positive_log1p_exp(p: Program, x: int) -> int:
    """log(1 + e^x) without overflow."""
    small = p.apply("exp", p.apply("neg", p.apply("abs", x)))
    return p.apply("add", p.apply("maximum", x, p.literal(0)), _log1p(p, small))


def _softplus(p: Program, x: int, beta: int | None = None, threshold: int | None = None) -> int:
    beta, threshold = p.literal(1) if beta is None else beta, p.literal(20) if threshold is None else threshold
    scaled = p.apply("mul", beta, x)
    return p.apply("where", p.apply("gt", scaled, threshold), x, p.apply("div", _positive_log1p_exp(p, scaled), beta))


def _clamp(p: Program, x: int, low: int | None = None, high: int | None = None) -> int:
    x = x if low is None else p.apply("maximum", x, low)
    return x if high is None else p.apply("minimum", x, high)


def _sign(p: Program, x: int) -> int:
    zero = p.literal(0)
    return p.apply("sub", p.apply("gt", x, zero), p.apply("lt", x, zero))


def _heaviside(p: Program, x: int, at_zero: int) -> int:
    zero = p.literal(0)
    return p.apply("where", p.apply("eq", x, zero), at_zero, p.apply("gt", x, zero))


RULES: dict[str, Rule] = {
    **{name: (lambda p, *lines, name=name: p.apply(name, *lines)) for name in PRIMITIVES},
    **{f"logical_{name}": (lambda p, *lines, name=name: p.apply(name, *lines)) for name in ("and", "or", "not")},
    **{f"bitwise_{name}": (lambda p, *lines, name=name: p.apply(name, *lines)) for name in ("and", "or", "not")},
    "add": _add,
    "sub": _sub,
    "rsub": lambda p, a, b, alpha=None: _sub(p, b, a, alpha),
    "addcmul": lambda p, addend, a, b, value=None: _add(p, addend, p.apply("mul", a, b), value),
    "addcdiv": lambda p, addend, a, b, value=None: _add(p, addend, p.apply("div", a, b), value),
    "lerp": lambda p, a, b, weight: p.apply("add", a, p.apply("mul", weight, p.apply("sub", b, a))),
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "sigmoid_backward": lambda p, grad, y: p.apply("mul", p.apply("mul", grad, p.apply("sub", p.literal(1), y)), y),
    "tanh_backward": lambda p, grad, y: p.apply("mul", grad, p.apply("sub", p.literal(1), _square(p, y))),
    "silu": lambda p, x: p.apply("mul", x, _sigmoid(p, x)),
    "softplus": _softplus,
    "logaddexp": lambda p, a, b: p.apply("add", b, _positive_log1p_exp(p, p.apply("sub", a, b))),
    "log1p": _log1p,
    "expm1": _expm1,
    "square": _square,
    "pow": _pow,
    "rsqrt": lambda p, x: _reciprocal(p, p.apply("sqrt", x)),
    "reciprocal": _reciprocal,
    "relu": lambda p, x: p.apply("maximum", x, p.literal(0)),
    "threshold_backward": lambda p, grad, x, threshold: p.apply(
        "where", p.apply("le", x, threshold), p.literal(0), grad
    ),
    "clamp": _clamp,
    "clamp_min": lambda p, x, low: _clamp(p, x, low),
    "clamp_max": lambda p, x, high: _clamp(p, x, None, high),
    "hardtanh": _clamp,
    "sign": _sign,
    "sgn": _sign,
    "heaviside": _heaviside,
    "masked_fill": lambda p, x, mask, value: p.apply("where", mask, value, x),
    "copy": lambda p, x, other: other,
    "fill": lambda p, x, value: value,
    "zero": lambda p, x: p.literal(0),
    "_to_copy": lambda p, x: x,
}
