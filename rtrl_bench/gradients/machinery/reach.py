"""Which numbers of the state a parameter can reach within n steps, by the structure of the cell's step.

All units of a cell are alike, so three of them show what holds for any number. A number is made NaN, and what it
reaches in one step is NaN afterwards: that is the structure, and no accident of the numbers at hand.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtrl_bench.cells import Cell

UNITS = 3
NAN = float("nan")


def reach(cell: Cell, steps: int) -> dict[str, Tensor]:
    """Which state rows of the own unit and of another one the parameters of a gate's row reach within `steps` steps.

    Returns for "weight" and "bias" (as both act through u) and "recurrent" bool (2, s, K): [0] of the own unit, [1] of
    any other.
    """
    w_shape = cell.recurrent_shape(UNITS)
    sizes = {"u": (len(cell.gates), UNITS), "c": (len(cell.state), UNITS), "w": w_shape}
    with torch.device("cpu"):  # also where layers are made for their shapes alone
        base = {name: torch.full(size, 0.5) for name, size in sizes.items()}
        by = {name: _reached(cell, base, name) for name in sizes}  # (n, rows of it)
    found = {}
    for name, source in (("weight", "u"), ("bias", "u"), ("recurrent", "w")):
        pattern = by[source]
        for _ in range(steps - 1):
            wider = pattern | ((by["c"].float() @ pattern.float()) > 0)
            if torch.equal(wider, pattern):
                break
            pattern = wider
        table = pattern.view(len(cell.state), UNITS, len(base[source]), UNITS)  # (s, unit, K, unit)
        found[name] = torch.stack([table[:, 0, :, 0], table[:, 0, :, 1]])
    return found


def _reached(cell: Cell, base: dict[str, Tensor], name: str) -> Tensor:
    """bool (n, rows): which of the n numbers of the state each row of u, c or w reaches in one step."""
    columns = []
    for row in range(base[name].shape[0]):
        for unit in range(UNITS):
            changed = base | {name: base[name].clone()}
            changed[name][row, unit] = NAN
            columns.append(cell.step(changed["u"], changed["c"], changed["w"]).isnan().flatten())
    return torch.stack(columns, dim=1) if columns else torch.zeros(base["c"].numel(), 0, dtype=torch.bool)


def mask_of_own(table: Tensor, parameter: Tensor) -> Tensor:
    """Of a unit's state by a parameter (K, N, ...) of the same unit: (s, K, 1, ...) of 0 and 1, as `table` says."""
    s, gates = table.shape[1:]
    return table[0].to(parameter).view(s, gates, *(parameter.ndim - 1) * [1])


def mask_of_all(table: Tensor, parameter: Tensor) -> Tensor:
    """Of the whole state by a parameter (K, N, ...): (s, N, K, N, 1, ...) of 0 and 1, as `table` (2, s, K) says."""
    own, other = table.to(parameter)[:, :, None, :, None]
    same = torch.eye(parameter.shape[1], dtype=torch.bool, device=parameter.device)[None, :, None, :]
    found = torch.where(same, own, other)
    return found.view(*found.shape, *(parameter.ndim - 2) * [1])
