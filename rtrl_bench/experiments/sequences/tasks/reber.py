"""Embedded Reber grammar: the next symbol, the last but one of which is the second (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.sequences.tasks import TASKS, Sequences, Task, one_hot
from rtrl_bench.runs.settings import Count, Settings, Size

SYMBOLS = "BTSXPVE"
# Reber's grammar: from each state the symbols that may follow, each with the next state; the last one is the end.
GRAMMAR = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
END = len(GRAMMAR)


@TASKS.register("reber")
class Reber(Task):
    """`B T <a string of Reber's grammar> T E`, or with P in the place of both T: each step asks for the next symbol.

    A prediction is right if the symbols that may follow have larger outputs than all others.
    """

    answers = "symbols"
    inputs = outputs = len(SYMBOLS)
    step_bytes = 2 * len(SYMBOLS) + 1 + 1

    class Options(Settings):
        """Of the Reber task."""

        strings: Size = Field(default=1, description="strings of Reber's grammar one behind the other inside")
        longest: Count = Field(default=40, description="symbols; longer strings are drawn again")

    def __init__(self, options: Any):
        super().__init__(options)
        shortest = 4 + 5 * options.strings
        if options.longest < shortest:
            given = f"longest = {options.longest}: strings = {options.strings}"
            raise ConfigError(f"{given} has at least {shortest} symbols; raise longest or lower strings")
        self.longest = options.longest - 1  # what follows the last symbol is not asked for

    def sequences(self, count: int, random: np.random.Generator) -> Sequences:
        """Strings without their last symbol."""
        x = np.zeros((count, self.longest, len(SYMBOLS)), np.uint8)
        y = np.zeros((count, self.longest, 1 + len(SYMBOLS)), np.uint8)
        lengths = np.zeros(count, np.int64)
        for number in range(count):
            text, may_follow = self.string(random)
            symbols = np.array([SYMBOLS.index(symbol) for symbol in text])
            steps = lengths[number] = len(text) - 1
            x[number, :steps] = one_hot(symbols[:-1], len(SYMBOLS))
            y[number, :steps, 0] = symbols[1:]
            for step, symbols_there in enumerate(may_follow[1:]):
                y[number, step, [1 + SYMBOLS.index(symbol) for symbol in symbols_there]] = 1
        return Sequences(x, y, np.arange(self.longest) < lengths[:, None], lengths)

    def string(self, random: np.random.Generator) -> tuple[str, list[str]]:
        """A string, and at each of its places the symbols that might stand there."""
        while True:
            kept = random.choice(("T", "P"))
            text, may_follow = f"B{kept}", ["B", "TP"]
            for _ in range(self.options.strings):
                state = 0
                while state != END and len(text) < self.options.longest:
                    there = "".join(GRAMMAR[state])
                    symbol = there[int(random.integers(len(there)))]
                    text, state = text + symbol, GRAMMAR[state][symbol]
                    may_follow.append(there)
            if state == END and len(text) + 2 <= self.options.longest:
                return text + kept + "E", [*may_follow, str(kept), "E"]
