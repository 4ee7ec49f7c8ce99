"""A gradient method as readers see it: label, place in a list, colour and mark, all made from four columns, here alone.

The columns: `gradient` (`feedforward` for a network without recurrence, `bptt` where TBPTT's window is the episode),
`cell`, `gradient_options` (JSON; TBPTT's window is one of them where it is longer than the segment) and `layers`. Those
but the first may be missing where all rows have the value in DEFAULTS.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.colors import to_hex, to_rgb

COLUMNS = ["gradient", "cell", "gradient_options", "layers"]
CELL = "elstm"  # the paper's, of which the claims are
DEFAULTS: dict[str, Any] = {"cell": CELL, "gradient_options": "{}", "layers": 1}
CELLS = {
    **{"elstm": "eLSTM", "lstm": "LSTM", "gru": "GRU", "rnn": "tanh RNN", "egru": "eGRU", "qrnn": "QRNN", "sru": "SRU"},
    **{"indrnn": "IndRNN", "mingru": "minGRU", "minlstm": "minLSTM", "selective": "selective SSM", "lru": "LRU"},
    **{"rtu": "RTU", "rtu_nonlinear": "non-linear RTU", "leaky_rnn": "leaky RNN"},
}
Dashes = str | tuple[float, ...]  # as seaborn takes them


class Look(NamedTuple):
    """How something is drawn, and what the legend says of it."""

    label: str
    colour: str
    marker: str
    dashes: Dashes


# In the order of every list. Colours of Okabe & Ito (safe for the colour-blind); colour, line and marker differ
# together, so that a method can be told in grey print as well.
_SOLID, _DASHED, _DOTTED, _MIXED = "", (4, 2), (1, 1.5), (4, 1.5, 1, 1.5)
_GRADIENTS = {
    "feedforward": Look("Feedforward", "#7a7a7a", "s", _DOTTED),
    "tbptt": Look("TBPTT", "#D55E00", "v", _DASHED),
    "bptt": Look("full BPTT", "#009E73", "D", _MIXED),
    "columnar": Look("Columnar", "#8C6D00", "P", _DOTTED),
    "rtrl_segment": Look("RTRL in-segment", "#CC79A7", "X", _DASHED),
    "rtrl_layerwise": Look("RTRL layer-wise", "#56B4E9", "^", _MIXED),
    "rtrl": Look("RTRL", "#0072B2", "o", _SOLID),
    "rtrl_stepwise": Look("RTRL step by step", "#F0A500", "s", _MIXED),
    "rtrl_dense_segment": Look("dense RTRL, segment-wise", "#7B4FA3", "h", _DASHED),
    "snap": Look("SnAp", "#A6761D", "D", _MIXED),
    "random_paths": Look("Random paths", "#2E5C8A", "<", _DOTTED),
    "uoro": Look("UORO", "#4D6B00", "^", _DOTTED),
    "kf_rtrl": Look("KF-RTRL", "#6A8F2B", ">", _DASHED),
    "eprop": Look("e-prop", "#9E1F63", "v", _MIXED),
    "rflo": Look("RFLO", "#B3541E", "P", _DASHED),
    "immediate": Look("Immediate", "#3A7D7C", "s", _DASHED),
    "rtrl_dense": Look("dense RTRL", "#404040", "*", _SOLID),
}
_OTHERS = ("#C44E52", "#5E6B73", "#A05EB5", "#2F7F4F")  # of methods that are not listed, by their name
_DARKER = 0.6  # what a further layer leaves of a colour
# Of a method with an option: share of white in its colour, mark, dashes. A number twice as large has the next one.
_LIGHTER, _OPTION_MARKERS = (0.25, 0.45, 0.65), (">", "<", "^", "d")
_OPTION_DASHES: tuple[Dashes, ...] = ((7, 1.5), (2, 1), (7, 1.5, 2, 1.5), (1.5, 3))
_CELL_MARKERS, _CELL_DASHES = "p*H8hd<>^vsDPX", ((5, 1), (2, 1), (3, 1, 1, 1), (1, 1))


class Method(NamedTuple):
    """What tells methods apart."""

    gradient: str
    cell: str = DEFAULTS["cell"]
    gradient_options: str = DEFAULTS["gradient_options"]
    layers: int = DEFAULTS["layers"]

    @property
    def label(self) -> str:
        """`RTRL`, `TBPTT (window 20)`, `LSTM TBPTT`, `RTRL, 2 layers`."""
        text = gradient_label(self.gradient)
        text = text if self._papers_cell else f"{cell_label(self.cell)} {text}"
        options = ", ".join(f"{key} {value}" for key, value in sorted(self._options.items()))
        text = f"{text} ({options})" if options else text
        return text if self.layers == 1 else f"{text}, {self.layers} layers"

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key: one layer first, then the paper's cell, then as in the list above, larger options last."""
        known = list(_GRADIENTS)
        rank = known.index(self.gradient) if self.gradient in known else len(known)
        options = sorted(self._options.items())
        return (self.layers, not self._papers_cell, rank, self.gradient, options, self.cell)

    @property
    def colour(self) -> str:
        """The gradient method's in every figure; darker with more layers, lighter with options of its own."""
        number, left = self._option_number, _DARKER ** (self.layers - 1)
        white = 0.0 if number is None else _LIGHTER[number % len(_LIGHTER)]
        red, green, blue = (left * (white + (1 - white) * part) for part in to_rgb(self._look.colour))
        return to_hex((red, green, blue))

    @property
    def marker(self) -> str:
        """The gradient method's in every figure, or that of its options, or of a cell that is not the paper's."""
        number = self._option_number
        if number is not None:
            return _OPTION_MARKERS[number % len(_OPTION_MARKERS)]
        return self._look.marker if self._papers_cell else _CELL_MARKERS[self._cell_number % len(_CELL_MARKERS)]

    @property
    def dashes(self) -> Dashes:
        """As seaborn takes them; a cell that is not the paper's has its own, and so has the paper's with options."""
        if not self._papers_cell:
            place = self._cell_number
            return _CELL_DASHES[(place + place // len(_CELL_MARKERS)) % len(_CELL_DASHES)]
        number = self._option_number
        return self._look.dashes if number is None else _OPTION_DASHES[number % len(_OPTION_DASHES)]

    @property
    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = json.loads(self.gradient_options)
        return options

    @property
    def _option_number(self) -> int | None:
        """By which the first option is told apart: one more where an integer is twice as large, a share 0.01 larger."""
        for value in self._options.values():
            if isinstance(value, int) and value > 0:
                return int(math.log2(value))
            return round(100 * value) if isinstance(value, float) else zlib.crc32(repr(value).encode())
        return None

    @property
    def _papers_cell(self) -> bool:
        return self.cell in (CELL, "none")

    @property
    def _cell_number(self) -> int:
        """The same for a cell wherever it is drawn: its place among CELLS, or, of others, by its name."""
        known = [name for name in CELLS if name != CELL]
        place = known.index(self.cell) if self.cell in known else zlib.crc32(self.cell.encode())
        return place % (len(_CELL_MARKERS) * len(_CELL_DASHES))

    @property
    def _look(self) -> Look:
        other = _OTHERS[zlib.crc32(self.gradient.encode()) % len(_OTHERS)]
        return _GRADIENTS.get(self.gradient, Look(self.gradient, other, "d", _DASHED))


def of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The four columns of a run, from its settings."""
    cell, gradient, window = (config.get(key) for key in ("cell", "gradient", "window"))
    options = dict(config.get("gradient_options") or {})
    if cell == "none":
        gradient, options = "feedforward", {}
    elif window == "episode":
        gradient = "bptt"
    elif window not in (None, config.get("unroll")):
        options["window"] = window
    layers = config.get("layers") or 1
    return {
        "gradient": gradient,
        "cell": cell,
        "gradient_options": json.dumps(options, sort_keys=True),
        "layers": layers,
    }


def gradient_label(name: str) -> str:
    """`rtrl_layerwise` -> `RTRL layer-wise`; names that are not listed stay as they are."""
    return _GRADIENTS[name].label if name in _GRADIENTS else name


def cell_label(name: str) -> str:
    """`elstm` -> `eLSTM`; names that are not listed stay as they are."""
    return CELLS.get(name, name)


def methods(frame: pd.DataFrame) -> dict[str, Method]:
    """The methods of a frame with COLUMNS by their labels, in order."""
    return {method.label: method for method in sorted(_each(frame), key=lambda method: method.order)}


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a column `method`: the labels, which sort and group in order."""
    labels = [method.label for method in _each(frame)]
    return frame.assign(method=pd.Categorical(labels, categories=list(methods(frame)), ordered=True))


def _each(frame: pd.DataFrame) -> list[Method]:
    frame = frame.assign(**{column: value for column, value in DEFAULTS.items() if column not in frame})
    columns = zip(*(frame[column] for column in COLUMNS))
    return [Method(gradient, cell, options, int(layers)) for gradient, cell, options, layers in columns]
