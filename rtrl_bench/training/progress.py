"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from types import TracebackType

from tqdm import tqdm

LOG_EVERY_S = 15.0


class Progress:
    """Counts `unit`s towards `total`, showing rate and ETA; `note` is shown behind them."""

    def __init__(self, label: str, total: int, done: int = 0, unit: str = "step"):
        self._label, self._total, self._done, self._unit = label, total, done, unit
        self._began, self._first, self._said = time.monotonic(), done, time.monotonic()
        self._bar: tqdm | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=done, desc=label, unit=unit, unit_scale=True, dynamic_ncols=True)

    def advance(self, count: int, note: str = "") -> None:
        """`count` more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
            self._bar.set_postfix_str(note, refresh=False)
        elif time.monotonic() - self._said >= LOG_EVERY_S:
            self._said = time.monotonic()
            self.say(note)

    def say(self, note: str) -> None:
        """Print one line with the state of things."""
        rate = (self._done - self._first) / max(time.monotonic() - self._began, 1e-9)
        left = max(0, self._total - self._done) / rate if rate > 0 else float("inf")
        line = f"{self._label}: {self._done:,}/{self._total:,} {self._unit}s, {rate:,.0f}/s, ETA {left:,.0f} s"
        with contextlib.suppress(OSError):  # a log that cannot be written any more ends no run
            tqdm.write(f"{line}  {note}".rstrip(), file=sys.stderr)
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
