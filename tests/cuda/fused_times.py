"""What the parts of a segment cost on a GPU, by its own clock: `PYTHONPATH=.:tests python tests/cuda/fused_times.py`.

--cells elstm lru, --ahead 2 4 8, --tile 128 256: of which cells, with how many steps at a turn, and how many rows of
the sensitivities in an instance. Medians in microseconds: the two scans, the pass over the sensitivities, the product
that ends it, the whole segment (forward, gradient, sensitivities) launch by launch and as one captured graph, and
cuDNN's LSTM of the same size.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time

import torch
from oracles.fused import Layer
from oracles.scan import random_case

from rtrl_bench.cells import CELLS
from rtrl_bench.gradients.machinery.fused import kernels as kernels_module
from rtrl_bench.gradients.machinery.fused.source import AHEAD

DEVICE, INPUTS = torch.device("cuda"), 257
SIZES = [(32, 256, 50), (32, 512, 10), (32, 512, 50), (32, 512, 100), (32, 2048, 50), (128, 512, 50)]


def median_us(work, repeats=30):
    """Median of `repeats` calls by CUDA events, each after the memory that a cache could hold has been written over."""
    flush = torch.empty(64 << 20, dtype=torch.int8, device=DEVICE)
    work()
    times = []
    for _ in range(repeats):
        flush.zero_()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(1e3 * begin.elapsed_time(end))
    return statistics.median(times)


def captured(work):
    """The work as one graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def lstm(batch, hidden, steps):
    """Forward and backward of cuDNN's LSTM, from D inputs."""
    net = torch.nn.LSTM(INPUTS, hidden).to(DEVICE)
    x = torch.randn(steps, batch, INPUTS, device=DEVICE, requires_grad=True)
    g = torch.randn(steps, batch, hidden, device=DEVICE)
    return lambda: torch.autograd.grad(net(x)[0], [x, *net.parameters()], g)


def row(cell, batch, hidden, steps, ahead, tile):
    kernels_module.TILE = tile
    case = random_case(cell, steps, batch, hidden, [(steps // 2, 3)], dtype=torch.float32).to(DEVICE)
    layer = Layer(cell, case, INPUTS, ahead)
    kernels = layer.fused.kernels
    began = time.perf_counter()
    layer.run()
    torch.cuda.synchronize()
    made_s = time.perf_counter() - began
    previous, _ = kernels.forward(case.u, case.w, case.state, case.starts)
    rows = (layer.traces["bias"], layer.traces["recurrent"])

    def back(g=case.g, traces=rows):
        return kernels.backward(case.u, case.w, previous, case.starts, g, traces)

    loss, past = back()
    trace, d_weight = layer.traces["weight"], torch.zeros(INPUTS, case.u[0, 0].numel(), device=DEVICE)
    flat, q = trace.flatten(1, 3).transpose(1, 2), past.q.flatten(2).transpose(0, 1)

    def whole(past=True):
        torch.nn.functional.linear(layer.x, layer.weight.flatten(0, 1), layer.weight[..., 0].flatten())  # makes u
        return layer.run(past=past)

    parts = {
        "forward": lambda: kernels.forward(case.u, case.w, case.state, case.starts),
        "back tbptt": lambda: back(traces=None),
        "back rtrl": back,
        "advance": lambda: kernels.advance(trace, past, case.starts, loss.d_state, d_weight),
        "copy S": lambda: trace.mul_(0.5),
        "product": lambda: flat.baddbmm_(layer.x.permute(1, 2, 0), q),
        "rtrl": whole,
        "rtrl graph": captured(whole),
        "tbptt graph": captured(lambda: whole(past=False)),
        "cuDNN": lstm(batch, hidden, steps),
    }
    times = {name: median_us(work) for name, work in parts.items()}
    print(f"{type(cell).__name__:>9} {batch:>4} {hidden:>5} {steps:>4} {ahead:>2} {tile:>4} {made_s:6.1f} s", end="")
    print("".join(f"{value:12.1f}" for value in times.values()), flush=True)
    return list(parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", nargs="*", default=["elstm"])
    parser.add_argument("--ahead", nargs="*", type=int, default=[AHEAD])
    parser.add_argument("--tile", nargs="*", type=int, default=[kernels_module.TILE])
    options = parser.parse_args()
    print(torch.cuda.get_device_name(), torch.__version__, "float32; microseconds")
    for name in options.cells:
        for size in SIZES:
            for ahead, tile in itertools.product(options.ahead, options.tile):
                names = row(CELLS[name](), *size, ahead, tile)
    print(" " * 43 + "".join(f"{name:>12}" for name in names))


if __name__ == "__main__":
    main()
