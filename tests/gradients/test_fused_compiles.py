"""The kernels' text compiles for a GPU, which needs none: types, constants and loops are as Triton's compiler wants."""

from __future__ import annotations

import pytest
import torch
import triton
from oracles.cells import CELLS

from rtrl_bench.gradients.machinery.fused.kernels import module_of
from rtrl_bench.gradients.machinery.fused.source import source
from rtrl_bench.gradients.machinery.fused.text import Sizes
from rtrl_bench.gradients.machinery.fused.trace import traced

COUNTS = ("M", "B", "N", "STRIDE", "D", "ROWS")
FLAGS = ("starts", "begun", "dropped")
LOSS, PAST = ("g", "d_u", "d_sums", "d_state"), ("q", "p", "begun", "dropped", "s_bias", "s_recurrent")
MODES = {  # what is asked of a kernel, and which of its tensors are not there then
    "forward": ({"BLOCK": 32}, ()),
    "backward, rtrl": ({"BLOCK": 32, "LOSS": True, "SAME_STEP": True, "PAST": True}, ()),
    "backward, tbptt": ({"BLOCK": 32, "LOSS": True, "SAME_STEP": False, "PAST": False}, ("d_input", *PAST)),
    "backward, no loss": ({"BLOCK": 32, "LOSS": False, "SAME_STEP": False, "PAST": True}, ("d_input", *LOSS)),
    "advance": ({"TILE": 256, "LOSS": True}, ()),
    "advance, no loss": ({"TILE": 256, "LOSS": False}, ("d_weight", "r")),
}


@pytest.mark.parametrize(
    ("cell", "number", "mode"),
    [*(("elstm", "fp32", mode) for mode in MODES), ("lru", "fp64", "backward, rtrl"), ("lru", "fp64", "advance")],
)
def test_a_kernel_compiles_for_a_gpu(cell, number, mode, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))  # with a cache of compiled ones that is empty
    program = traced(CELLS[cell](), {"fp32": torch.float32, "fp64": torch.float64}[number])
    sizes = Sizes(*(len(part) for part in (CELLS[cell].gates, CELLS[cell].state, CELLS[cell].recurrent)))
    kernel = getattr(module_of(source(program, sizes, ahead=2)), mode.split(",")[0])
    constants, missing = MODES[mode]
    constants = constants | dict.fromkeys(missing)

    def kind(name):
        if name in constants:
            return "constexpr"
        return "i32" if name in COUNTS else "*u8" if name in FLAGS else f"*{number}"

    signature = {name: kind(name) for name in kernel.arg_names}
    values = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    text = triton.compiler.ASTSource(kernel, signature, values)
    target = triton.backends.compiler.GPUTarget("cuda", 90, 32)
    compiled = triton.compile(text, target=target, options={"num_warps": 1})
    assert compiled.asm["cubin"]
