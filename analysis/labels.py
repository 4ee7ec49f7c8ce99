"""How numbers are written in every table, figure and on the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from matplotlib.ticker import EngFormatter

NOTHING = "–"
TRAINED = 0.99  # share of the paper's steps with which a run has as good as all

_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


def layered(text: str, layers: int) -> str:
    """`T-maze` -> `T-maze, 2 layers`; of a single layer nothing is said."""
    return f"{text}, {layers} layers" if layers > 1 else text


def p_value(value: float) -> str:
    """Three decimals, or `< 0.001`, rounded away from 0.05; a dash where there is none."""
    if value < 0.001:
        return "< 0.001"
    return "0.049" if 0.0495 <= value < 0.05 else number(value, 3)


def compared(value: float) -> str:
    """As after "p": `= 0.468`, `< 0.001`."""
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def scale_warning(scale: str) -> str:
    """What every output of this scale must say about itself, or an empty string."""
    return "smoke: numbers mean nothing" if scale == "smoke" else ""


def retention(value: float | None) -> str:
    """Initial retention; without one, the paper's initialisation (forget bias about 0)."""
    return "paper's" if value is None or math.isnan(value) else f"{value:g}"


def number(value: float | None, digits: int | None = None) -> str:
    """A score with three significant digits or the given number of decimals; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:z.{_digits(value) if digits is None else digits}f}"  # z: no -0.00


def _digits(value: float) -> int:
    """The decimals with which a score has three significant digits once it is rounded, two at most."""
    return 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2


def whole(value: float) -> str:
    """Without decimals; a dash where there is none."""
    return number(value, 0)


def plus_minus(mean: float | None, std: float | None, digits: int | None = None) -> str:
    """`234 ± 12`; the mean alone where no deviation is known."""
    if mean is None or not math.isfinite(mean):
        return NOTHING
    if std is None or not math.isfinite(std):
        return number(mean, digits)
    digits = _digits(mean) if digits is None else digits
    return f"{number(mean, digits)} ± {number(std, digits)}"


def interval(value: float, low: float, high: float, digits: int | None = None) -> str:
    """`0.98 [0.95, 1.00]`; without an interval the value alone."""
    if not math.isfinite(low):
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def count(value: float | None) -> str:
    """`1.2 M`, `40 k`, `512`: three significant digits."""
    return NOTHING if value is None or not math.isfinite(value) else EngFormatter(sep=" ")(float(f"{value:.3g}"))


def percent(fraction: float | None) -> str:
    """Two significant digits: `0.03 %`, `12 %`, `100 %`; `< 0.001 %` below that."""
    if fraction is None or not math.isfinite(fraction):
        return NOTHING
    value = 100 * fraction
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %" if value >= 1e-3 else "< 0.001 %"


def under_trained(fractions: Iterable[float]) -> str:
    """Which shares of the paper's steps runs have that do not have them all; an empty string where every run has."""
    short = [fraction for fraction in fractions if fraction < TRAINED]
    return span(short, percent) if short else ""


def normalised(fraction: float) -> str:
    """A human-normalised score: `57.0 %`, where a random policy has 0 and a human 100."""
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else NOTHING


def duration(seconds: float) -> str:
    """`0.4 s`, `45 s`, `12 min`, `3.4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def step_time(seconds: float) -> str:
    """`12 µs`, `3.4 ms`, `1.2 s`: three significant digits."""
    return EngFormatter("s", sep=" ")(float(f"{seconds:.3g}")) if math.isfinite(seconds) else NOTHING


def memory(size_bytes: float | None) -> str:
    """Bytes in the unit that fits: `512 B`, `1.2 KiB`, `38 MiB`, `7.5 GiB`; three significant digits."""
    if size_bytes is None or not math.isfinite(size_bytes):
        return NOTHING
    power = next((p for p in (4, 3, 2, 1) if size_bytes >= 1024**p), 0)
    amount = size_bytes / 1024**power
    return f"{amount:.0f} {_BYTES[power]}" if amount >= 100 else f"{amount:.3g} {_BYTES[power]}"


def span(values: Iterable[float], write: Callable[[float], str] = number) -> str:
    """`3` when all are written alike, else `2–3` or `-2 to 3`, each by `write`; a common unit once: `2–3 k`."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return NOTHING
    low, high = write(min(known)), write(max(known))
    if low == high:
        return low
    if low.startswith("-"):
        return f"{low} to {high}"
    amount, _, unit = low.partition(" ")
    return f"{amount if unit and high.endswith(f' {unit}') else low}–{high}"


def counted(count: int | str, noun: str) -> str:
    """`1 seed`, `3 seeds`, and of a span `3–5 seeds`."""
    return f"{count} {noun}{'' if str(count) == '1' else 's'}"


def seeds(numbers: Iterable[float]) -> str:
    """`n = 3–5 seeds`, of the numbers of seeds behind what is drawn."""
    return f"n = {counted(span(numbers, whole), 'seed')}"


def listed(*parts: str) -> str:
    """`T-maze, M = 5`: the parts that are not empty."""
    return ", ".join(filter(None, parts))


def joined(values: Iterable[str]) -> str:
    """Distinct texts in order of appearance, with semicolons."""
    return "; ".join(dict.fromkeys(v for v in values if v)) or NOTHING
