"""`make bench`: what a segment of the recurrent layer costs by each gradient method, and how near that is to the floor.

Forward and gradient of the eLSTM's recurrence (its output gate is outside and costs the same by every method), with
gradients for all its parameters and its input, at B = 32 and the paper's D = 257. Medians of alternating repeats in one
process; ratios mean more than milliseconds. In the rows "last" the loss is that of the last step alone and episodes are
ten times as long: what is multiplied step by step then decays far below the smallest normal number, if it may. The
memory part runs in processes of its own.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rtrl_bench.cells import Readout
from rtrl_bench.gradients import Carry, Layer
from rtrl_bench.gradients.machinery.tape import autograd_states
from rtrl_bench.layer import RecurrentStack
from rtrl_bench.runs.device import peak_bytes
from rtrl_bench.runs.progress import Progress

BATCH, INPUTS = 32, 257
HIDDEN, UNROLLS, REPEATS = (512, 256), (10, 50, 100), 7
TURN_S = 0.1  # so that a short segment is timed often enough for a steady median
AUTOGRAD = "tbptt, plain autograd"
REQUIRED = """required: rtrl/tbptt <= 2 at M=10, <= 1.4 at M=50 and M=100; stepwise/rtrl >= 30 at N=512, M=50 and M=100
(rtrl_stepwise is the oracle, written to be read: with operations in place it would take some eighth of its time)"""
METHODS = {"rtrl": "rtrl", "rtrl_stepwise": "rtrl_stepwise", "tbptt": "tbptt", AUTOGRAD: "tbptt"}


class _States(Readout):
    """In the place of a readout: the states themselves."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return c


class Case:
    """One method at one size, keeping its carry from call to call."""

    def __init__(self, method: str, hidden: int, unroll: int, last: bool = False):
        torch.manual_seed(0)
        self.stack = RecurrentStack(INPUTS, hidden, gradient=METHODS[method])
        self.layers = [Layer(part.parameters, _States()) for part in self.stack.parts()]
        self.plain = method == AUTOGRAD
        self.carry = self.stack.begin(BATCH)
        self.x = torch.randn(unroll, BATCH, INPUTS, requires_grad=True)
        self.starts = torch.rand(unroll, BATCH) < (0.001 if last else 0.01)
        self.v = torch.randn(unroll, BATCH, 1, hidden)
        if last:
            self.v[:-1] = 0

    def segment(self) -> float:
        """Forward and backward over one segment; wall seconds."""
        began = time.perf_counter()
        if self.plain:
            (layer,) = self.layers
            states = autograd_states(self.stack.cell, layer.parameters, self.x, self.starts, self.carry.state)
            self.carry = Carry(states[-1].detach())
        else:
            states, self.carry = self.stack.method.segment(self.layers, self.x, self.starts, self.carry)
        states.backward(self.v)
        return time.perf_counter() - began


def median_times(hidden: int, unroll: int, last: bool) -> dict[str, float]:
    """Median seconds per segment of every method, in turns of at least TURN_S, after one warm-up each."""
    cases = {method: Case(method, hidden, unroll, last) for method in METHODS}
    segments = {method: math.ceil(TURN_S / case.segment()) for method, case in cases.items()}
    times: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(REPEATS):
        for method, case in cases.items():
            times[method] += [case.segment() for _ in range(segments[method])]
    return {method: statistics.median(seconds) for method, seconds in times.items()}


def floor_seconds(hidden: int, unroll: int) -> float:
    """The sensitivities read and written once, and the four matrix products, at this machine's measured rates.

    The products: W x, dW, dx and the sensitivities' Σ_t q ⊗ x, each 2 M B K N D operations.
    """
    rows = 2 * hidden
    sensitivities = torch.randn(BATCH, rows, INPUTS)
    x, weight = torch.randn(unroll * BATCH, INPUTS), torch.randn(INPUTS, rows)
    return _best(lambda: sensitivities.mul_(0.99)) + 4 * _best(lambda: x @ weight)


def _best(work: Callable[[], Tensor]) -> float:
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def peak_bytes_child(unroll: int, segments: int) -> int:
    """Peak resident memory, in bytes, of a fresh process that runs `segments` segments of RTRL at N = 512."""
    words = [sys.executable, "-m", "rtrl_bench.experiments.costs.benchmark", "--child", str(unroll), str(segments)]
    return int(subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stdout)


def main(words: Sequence[str] = ()) -> None:
    """Print the tables; with --child, run one memory case and print its peak."""
    parser = argparse.ArgumentParser(prog="python -m rtrl_bench.experiments.costs.benchmark")
    parser.add_argument("--child", nargs=2, type=int, metavar=("UNROLL", "SEGMENTS"))
    child = parser.parse_args(words).child
    if child:
        case = Case("rtrl", HIDDEN[0], child[0])
        for _ in range(child[1]):
            case.segment()
        print(peak_bytes(torch.device("cpu")))
        return
    threads = torch.get_num_threads()
    print(f"eLSTM recurrence, B={BATCH}, D={INPUTS}, float32, {threads} threads, torch {torch.__version__}")
    print("Median ms per segment (forward + gradient); ratios of the same rows.")
    heads = ["rtrl", "rtrl_stepwise", "tbptt", "autograd", "floor"]
    ratios = ["rtrl/tbptt", "stepwise/rtrl", "rtrl/autograd", "rtrl/floor"]
    print(f"{'N':>4} {'M':>9}" + "".join(f"{h:>14}" for h in heads) + "  |" + "".join(f"{r:>15}" for r in ratios))
    rows = [*((unroll, False) for unroll in UNROLLS), (UNROLLS[-1], True)]
    with Progress("bench", len(HIDDEN) * len(rows), unit="size") as progress:
        for hidden in HIDDEN:
            for unroll, last in rows:
                print(_row(hidden, unroll, last), flush=True)
                progress.advance(1)
    print(REQUIRED)
    print("\nPeak memory of RTRL, N=512, MB of a whole process; beside it what a segment keeps for its backward pass:")
    for unroll in UNROLLS:
        few, many = (peak_bytes_child(unroll, segments) / 1e6 for segments in (2, 40))
        print(f"  M={unroll:<4} 2 segments {few:.0f}, 40 segments {many:.0f}; kept {kept_bytes(unroll) / 1e6:.0f}")


def kept_bytes(unroll: int) -> int:
    """Bytes of a segment's own tensors at N = 512: x and dx, u or p α, ∂L/∂u, states, previous states and their g."""
    per_step = BATCH * (2 * INPUTS + 2 * 2 * HIDDEN[0] + 3 * HIDDEN[0])
    return 4 * unroll * per_step


def _row(hidden: int, unroll: int, last: bool) -> str:
    t = median_times(hidden, unroll, last)
    floor = floor_seconds(hidden, unroll)
    times = [t["rtrl"], t["rtrl_stepwise"], t["tbptt"], t[AUTOGRAD], floor]
    ratios = [t["rtrl"] / t["tbptt"], t["rtrl_stepwise"] / t["rtrl"], t["rtrl"] / t[AUTOGRAD], t["rtrl"] / floor]
    cells = "".join(f"{1e3 * s:14.2f}" for s in times)
    size = f"{hidden:>4} {f'{unroll} last' if last else unroll:>9}"
    return f"{size}{cells}  |" + "".join(f"{r:15.2f}" for r in ratios)


if __name__ == "__main__":
    main(sys.argv[1:])
