"""Progress of long work: a bar on a terminal, a line now and then in a log. If neither can be written, work goes on."""

from __future__ import annotations

import contextlib
import sys
import time

from tqdm import tqdm

LOG_EVERY_S = 15.0
DRAW_EVERY_S = 0.5


class Progress:
    """Counts `unit`s towards `total`, showing rate and ETA; `note` is shown behind them."""

    def __init__(self, label: str, total: int, done: int = 0, unit: str = "step"):
        self._label, self._total, self._done, self._unit = label, total, done, unit
        self._began, self._first, self._said = time.monotonic(), done, time.monotonic()
        self._bar: tqdm | None = None
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None and sys.stderr.isatty():
                self._bar = tqdm(total=total, initial=done, desc=label, unit=unit, unit_scale=True, dynamic_ncols=True)

    def advance(self, count: int, note: str = "") -> None:
        """`count` more are done; 0 shows that time goes by, and `note`."""
        self._done += count
        now = time.monotonic()
        if self._bar is None:
            if now - self._said >= LOG_EVERY_S:
                self._said = now
                self.say(note)
            return
        with contextlib.suppress(OSError, ValueError):
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
            if now - self._said >= DRAW_EVERY_S:
                self._said = now
                self._bar.refresh()

    def say(self, note: str) -> None:
        """Print one line with the state of things."""
        if sys.stderr is None:  # the process was begun without one
            return
        done = self._done - self._first
        rate = done / max(time.monotonic() - self._began, 1e-9)
        line = f"{self._label}: {self._done:,}/{self._total:,} {self._unit}s"
        if done:  # before the first there is nothing to reckon with
            digits = ",.0f" if rate >= 10 else ".2g"
            line += f", {rate:{digits}}/s, ETA {max(0, self._total - self._done) / rate:,.0f} s"
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(f"{line}  {note}".rstrip(), file=sys.stderr)
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
