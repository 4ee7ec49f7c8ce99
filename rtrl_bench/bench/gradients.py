"""What a segment of the recurrent layer costs by each gradient method, and how near that is to the floor.

Forward and gradient of the eLSTM's recurrence (its output gate is outside and costs the same by every method), with
gradients for all its parameters and its input, at the paper's D = 257, in float32 without TF32. Beside our methods the
same TBPTT written step by step under autograd, and torch's own LSTM (cuDNN's on a GPU), which has twice the gates and a
dense recurrence. Ratios mean more than milliseconds. In the rows "last" the loss is that of the last step alone and
episodes are ten times as long: what is multiplied step by step then decays far below the smallest normal number, if it
may.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from rtrl_bench.bench.sections import Column, Item, Row, Section, Setup
from rtrl_bench.cells import Readout
from rtrl_bench.gradients import Carry, Layer
from rtrl_bench.gradients.machinery import fused
from rtrl_bench.gradients.machinery.tape import autograd_states
from rtrl_bench.layer import RecurrentStack
from rtrl_bench.runs import timing
from rtrl_bench.runs.timing import REPEATS, Work, medians

INPUTS = 257
UNROLLS = (10, 50, 100)
BATCHES = {"cpu": (32,), "cuda": (32, 128)}
HIDDEN = {"cpu": (512, 256), "cuda": (512, 256, 2048)}
METHODS = {"rtrl": "rtrl", "stepwise": "rtrl_stepwise", "tbptt": "tbptt", "autograd": "tbptt"}
TURN_S = {"cpu": timing.TURN_S, "cuda": timing.TURN_S / 2}
SMALL_TURN_S = 0.001
TURNS = {"cpu": 3 * REPEATS, "cuda": REPEATS}  # one turn on a CPU can be a fifth slower than the next
SLOW_TURNS = 3  # of the textbook form, which takes seconds
REQUIRED = {
    "cpu": """required: rtrl/tbptt <= 2 at M=10, <= 1.4 at M=50 and M=100; stepwise/rtrl >= 30 at N=512, M=50 and M=100
(rtrl_stepwise is the oracle, written to be read: with operations in place it would take some eighth of its time, and
where a process keeps freed memory, as those of our runs do, half)""",
    "cuda": "goals at M=50: rtrl/lstm <= 1.2, rtrl/floor <= 2",
}


class _States(Readout):
    """In the place of a readout: the states themselves."""

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return c


class Case:
    """One method at one size, keeping its carry from call to call."""

    def __init__(
        self,
        method: str,
        device: torch.device,
        batch: int,
        hidden: int,
        unroll: int,
        last: bool = False,
        cell: str = "elstm",
    ):
        torch.manual_seed(0)
        self.stack = RecurrentStack(INPUTS, hidden, cell=cell, gradient=METHODS[method]).to(device)
        self.layers = [Layer(part.parameters, _States()) for part in self.stack.parts()]
        self.plain = method == "autograd"
        self.carry = self.stack.begin(batch)
        self.x = torch.randn(unroll, batch, INPUTS, device=device, requires_grad=True)
        self.starts = (torch.rand(unroll, batch) < (0.001 if last else 0.01)).to(device)
        self.v = torch.randn(unroll, *self.carry.state.shape, device=device)
        if last:
            self.v[:-1] = 0

    def segment(self) -> None:
        """Forward and backward over one segment."""
        if self.plain:
            (layer,) = self.layers
            states = autograd_states(self.stack.cell, layer.parameters, self.x, self.starts, self.carry.state)
            self.carry = Carry(states[-1].detach())
        else:
            states, self.carry = self.stack.method.segment(self.layers, self.x, self.starts, self.carry)
        states.backward(self.v)

    def graph(self) -> Work:
        """The segment as one captured CUDA graph, which goes on from where it was whenever it is replayed.

        A graph reads and writes where its tensors were, and owns none that was there before it: they live as long as
        what is returned.
        """
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                self.segment()
        torch.cuda.current_stream().wait_stream(beside)
        before, graph = self.carry, torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.segment()
            for old, new in zip(_tensors(before), _tensors(self.carry), strict=True):
                if new is not old:
                    old.copy_(new)

        def replay() -> None:
            """The graph reads what this case holds, so it must live as long."""
            self.carry = before
            graph.replay()

        return replay


def _tensors(carry: Carry) -> list[Tensor]:
    return [carry.state, *carry.traces.values()]


class LSTMCase:
    """torch.nn.LSTM of the same size, which knows no episode starts."""

    def __init__(self, device: torch.device, batch: int, hidden: int, unroll: int):
        self.lstm = nn.LSTM(INPUTS, hidden, device=device)
        self.x = torch.randn(unroll, batch, INPUTS, device=device, requires_grad=True)
        self.v = torch.randn(unroll, batch, hidden, device=device)
        self.state: tuple[Tensor, Tensor] | None = None

    def segment(self) -> None:
        """Forward and backward over one segment."""
        h, (hidden, cell) = self.lstm(self.x, self.state)
        self.state = hidden.detach(), cell.detach()
        h.backward(self.v)


def floor(device: torch.device, batch: int, hidden: int, unroll: int, turn_s: float) -> dict[str, float]:
    """The sensitivities read and written once, and the four matrix products, at this device's measured rates.

    The products: W x, dW, dx and the sensitivities' Σ_t q ⊗ x, each 2 M B K N D operations.
    """
    rows = 2 * hidden
    sensitivities = torch.randn(batch, rows, INPUTS, device=device)
    x, weight = (torch.randn(*shape, device=device) for shape in ((unroll * batch, INPUTS), (INPUTS, rows)))
    works = {"memory": lambda: sensitivities.mul_(0.999), "product": lambda: x @ weight}
    found = medians(works, device, turn_s=turn_s)
    return {
        "floor_s": found["memory"] + 4 * found["product"],
        "floor_memory_s": found["memory"],
        "memory_bytes_per_s": 2 * sensitivities.nbytes / found["memory"],
        "product_flops_per_s": 2 * unroll * batch * INPUTS * rows / found["product"],
    }


def measure(setup: Setup, batch: int, hidden: int, unroll: int, last: bool = False) -> Row:
    """The row of one size."""
    device = setup.device
    turn_s = SMALL_TURN_S if setup.small else TURN_S[device.type]
    works = {method: Case(method, device, batch, hidden, unroll, last).segment for method in METHODS}
    works["lstm"] = LSTMCase(device, batch, hidden, unroll).segment
    slow = works.pop("stepwise")
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        t = medians(works, device, 2 if setup.small else TURNS[device.type], turn_s)
    if device.type == "cpu":
        t |= medians({"stepwise": slow}, device, SLOW_TURNS)
    row = {f"{name}_s": value for name, value in t.items()} | floor(device, batch, hidden, unroll, turn_s)
    row |= {f"rtrl_per_{name}": t["rtrl"] / t[name] for name in ("tbptt", "autograd", "lstm")}
    row["rtrl_per_floor"] = t["rtrl"] / row["floor_s"]
    if "stepwise" in t:
        row["stepwise_per_rtrl"] = t["stepwise"] / t["rtrl"]
    sizes = {"batch": batch, "inputs": INPUTS, "hidden": hidden, "unroll": unroll}
    why_plain = fused.why_plain(RecurrentStack(1, 1).cell, device, torch.float32)
    return {**sizes, "fused": why_plain is None, "loss": "last step" if last else "every step", **row}


def items(setup: Setup) -> Iterator[Item]:
    """Every size; on the CPU with the loss at the last step alone for the longest segment too."""
    kind = setup.device.type
    for batch in BATCHES[kind][:1] if setup.small else BATCHES[kind]:
        for hidden in (8,) if setup.small else HIDDEN[kind]:
            cases = [(unroll, False) for unroll in UNROLLS]
            if kind == "cpu":
                cases.append((UNROLLS[-1], True))
            for unroll, last in cases[:1] if setup.small else cases:
                name = f"B={batch} N={hidden} M={unroll}{' last' if last else ''}"
                yield Item(name, partial(measure, setup, batch, hidden, unroll, last))


def columns(times: Sequence[str], ratios: Sequence[str]) -> tuple[Column, ...]:
    """Of milliseconds, of ratios, and of the rates behind the floor."""
    return (
        *(Column(f"{name}_s", f"{name} ms", ",.2f", 1e3) for name in times),
        *(Column(name, name.replace("_per_", "/")) for name in ratios),
        Column("memory_bytes_per_s", "TB/s", ".2f", 1e-12),
        Column("product_flops_per_s", "TFLOP/s", ".1f", 1e-12),
    )


def section(setup: Setup) -> Section:
    """See the module's docstring."""
    times = ("rtrl", "stepwise", "tbptt", "autograd", "lstm", "floor")
    ratios = ("rtrl_per_tbptt", "rtrl_per_autograd", "rtrl_per_lstm", "rtrl_per_floor", "stepwise_per_rtrl")
    title = f"A segment of the eLSTM's recurrence, forward and gradient: median ms. D={INPUTS}, float32, TF32 off"
    return Section(title, items, columns(times, ratios), REQUIRED[setup.device.type])
