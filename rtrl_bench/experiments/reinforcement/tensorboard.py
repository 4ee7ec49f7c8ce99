"""The curve as TensorBoard files, for those who look on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtrl_bench.errors import ConfigError


class TensorBoard:
    """The rows of the curve as TensorBoard scalars, in the run folder's tensorboard/.

    A process that was killed after its last checkpoint may have written more rows than `written`. They will be written
    again, so TensorBoard is told to forget them.
    """

    def __init__(self, folder: Path, columns: Sequence[str], written: Sequence[Sequence[float | None]]):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("tensorboard = true: tensorboard is not installed; pip install tensorboard") from error
        forget_from = int(written[-1][1] or 0) + 1 if written else None
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=forget_from)
        self._columns, self._written = columns, len(written)

    def write(self, curve: Sequence[Sequence[float | None]]) -> None:
        for row in curve[self._written :]:
            for name, value in zip(self._columns, row):
                if value is not None:
                    self._writer.add_scalar(name, value, int(row[1] or 0))
        self._written = len(curve)

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()
