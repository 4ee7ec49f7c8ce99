"""What exact RTRL of a segment costs with each element-wise cell, beside the eLSTM, turn by turn in one process.

As in `gradients.py` the recurrence alone, without its readout. All cells have the same number of state rows, so one
with two numbers a unit has half the units. A cell's sensitivities grow with its gates: an even price for each would be
half as many times the eLSTM's as it has gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rtrl_bench.bench.gradients import BATCHES, INPUTS, SMALL_TURN_S, Case
from rtrl_bench.bench.sections import Column, Item, Row, Section, Setup
from rtrl_bench.cells import CELLS, ElementwiseCell
from rtrl_bench.runs.timing import REPEATS, TURN_S, medians

UNROLLS = (10, 50)
STATE_ROWS = 512
REQUIRED = "required: every cell / elstm <= 1.5"


def measure(setup: Setup, name: str) -> Row:
    """The row of one cell."""
    rows, batch = 8 if setup.small else STATE_ROWS, BATCHES[setup.device.type][0]
    cell = CELLS[name]()
    row: dict[str, object] = {"cell": name, "gates": len(cell.gates), "numbers_a_unit": len(cell.state)}
    row |= {"batch": batch, "inputs": INPUTS, "state_rows": rows}
    for unroll in UNROLLS:
        works = {
            other: Case("rtrl", setup.device, batch, rows // len(CELLS[other].state), unroll, cell=other).segment
            for other in dict.fromkeys(("elstm", name))
        }
        t = medians(works, setup.device, *((2, SMALL_TURN_S) if setup.small else (REPEATS, TURN_S)))
        row |= {f"rtrl_m{unroll}_s": t[name], f"per_elstm_m{unroll}": t[name] / t["elstm"]}
    return row


def items(setup: Setup) -> Iterator[Item]:
    """Every registered element-wise cell."""
    for name in CELLS:
        if issubclass(CELLS[name], ElementwiseCell):
            yield Item(name, partial(measure, setup, name))


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    columns = [Column("gates", "gates", "d"), Column("numbers_a_unit", "numbers/unit", "d")]
    for unroll in UNROLLS:
        columns += [
            Column(f"rtrl_m{unroll}_s", f"M={unroll} ms", ",.2f", 1e3),
            Column(f"per_elstm_m{unroll}", f"M={unroll} /elstm"),
        ]
    title = f"Exact RTRL of a segment by cell, {STATE_ROWS} state rows: median ms. D={INPUTS}, float32, TF32 off"
    return Section(title, items, tuple(columns), REQUIRED)
