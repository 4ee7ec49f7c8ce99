"""How names and numbers are written in every table, figure and on the page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable

NOTHING = "–"

_ENVIRONMENTS = {
    "breakout": "Breakout",
    "gravitar": "Gravitar",
    "mspacman": "MsPacman",
    "qbert": "Qbert",
    "seaquest": "Seaquest",
    "chaser": "Chaser",
    "tmaze": "T-maze",
    "delayed_match": "Delayed match",
}
SUITES = {
    "atari": "Atari",
    "procgen": "ProcGen",
    "dmlab": "DMLab",
    "memory": "Memory tasks",
    "copy_task": "Copy task",
    "gymnasium": "Gymnasium",
}
_WORDS = {"tbptt": "TBPTT", "rtrl": "RTRL", "bptt": "BPTT", "elstm": "eLSTM", "lstm": "LSTM", "gru": "GRU"}
_METHODS = {"feedforward": "Feedforward", "bptt": "full BPTT"}
_METHOD_ORDER = ["feedforward", "tbptt", "tbptt_w", "bptt", "rtrl"]


def simulator(backend: str) -> str:
    """What a name has behind it where the project's own DMLab levels ran, and not DMLab: ` [rooms backend]`."""
    return " [rooms backend]" if backend.split(" ")[0] == "rooms" else ""


def environment(name: str, backend: str = "") -> str:
    """`mspacman` -> `MsPacman`; names that are not listed stay as they are."""
    return _ENVIRONMENTS.get(name, name) + simulator(backend)


def panel(name: str, backend: str = "") -> str:
    """An environment's name short enough for the title of a panel: `select_nonmatching`."""
    return environment(name).removeprefix("rooms_").removesuffix("_object") + simulator(backend)


def variant(name: str, options: str, backend: str = "") -> str:
    """Environment and its options (JSON text): `T-maze, delay 20`."""
    extra = [f"{key} {value}" for key, value in sorted(json.loads(options).items())]
    return ", ".join([environment(name, backend), *extra])


def suite(name: str) -> str:
    """`atari` -> `Atari`."""
    return SUITES.get(name, name)


def method(name: str) -> str:
    """`tbptt_w20` -> `TBPTT (window 20)`; `lstm_tbptt` -> `LSTM TBPTT`."""
    if name in _METHODS:
        return _METHODS[name]
    words, window = [], ""
    for part in name.split("_"):
        if part[0] == "w" and part[1:].isdigit():
            window = f" (window {part[1:]})"
        else:
            words.append(_WORDS.get(part, part))
    return " ".join(words) + window


def method_order(name: str) -> tuple[int, str, int]:
    """Sort key: feedforward, TBPTT, its longer windows by size, full BPTT, RTRL, then all others by name."""
    stem, _, window = name.rpartition("_w")
    stem, size = (f"{stem}_w", int(window)) if stem and window.isdigit() else (name, 0)
    rank = _METHOD_ORDER.index(stem) if stem in _METHOD_ORDER else len(_METHOD_ORDER)
    return (rank, stem, size)


def p_value(value: float) -> str:
    """Three decimals, or `< 0.001`."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


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
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def plus_minus(mean: float | None, std: float | None, digits: int | None = None) -> str:
    """`234 ± 12`; the mean alone where no deviation is known."""
    if mean is None or not math.isfinite(mean):
        return NOTHING
    if std is None or not math.isfinite(std):
        return number(mean, digits)
    if digits is None:
        digits = 0 if abs(mean) >= 100 else 1 if abs(mean) >= 10 else 2
    return f"{number(mean, digits)} ± {number(std, digits)}"


def interval(value: float, low: float, high: float, digits: int | None = None) -> str:
    """`0.98 [0.95, 1.00]`; without an interval the value alone."""
    if not math.isfinite(low):
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def count(value: float | None) -> str:
    """`1.2 M`, `40 k`, `512`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.0f}"


def percent(fraction: float | None) -> str:
    """Two significant digits: `0.03 %`, `12 %`, `100 %`; `< 0.001 %` below that."""
    if fraction is None or not math.isfinite(fraction):
        return NOTHING
    value = 100 * fraction
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %" if value >= 1e-3 else "< 0.001 %"


def normalised(fraction: float) -> str:
    """A human-normalised score: `57.0 %`, where a random policy has 0 and a human 100."""
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else NOTHING


def duration(seconds: float) -> str:
    """`0.4 s`, `45 s`, `12 min`, `3.4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def mebibytes(value: float) -> str:
    """Bytes as MiB."""
    return f"{value / 2**20:.0f} MiB"


def span(values: Iterable[float], write: Callable[[float], str] = number) -> str:
    """`3` when all are equal, else `2–3`, each written by `write`; a common unit is written once."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return NOTHING
    low, high = write(min(known)), write(max(known))
    if low == high:
        return low
    amount, _, unit = low.partition(" ")
    return f"{amount if unit and high.endswith(f' {unit}') else low}–{high}"


def joined(values: Iterable[str]) -> str:
    """Distinct texts in order of appearance, with semicolons."""
    return "; ".join(dict.fromkeys(v for v in values if v)) or NOTHING
