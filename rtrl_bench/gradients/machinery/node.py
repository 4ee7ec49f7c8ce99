"""Where gradient methods meet autograd: one node, which answers ∂L/∂c with the gradient that the method holds it to be.

For autograd a layer's segment is one operation, from the layer's input, its parameters and the state at the segment's
start to the states at all of its steps. `run` computes them without a tape. In the backward pass `learn` is called with
the direct derivatives ∂L/∂c(t) of the segment's loss, and returns the gradients that go on from here; what the method
carries, it moves on to the segment's end. So a method is free in how it gets its gradient, while stems, readouts and
losses around it are differentiated by autograd as ever.

Methods that learn each layer by itself are written on `PerLayer` (per_layer.py), which calls this for them. One that
takes the stack as a whole calls it itself: stack.py does, for the state at a segment's start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Run = Callable[[], tuple[Tensor, Sequence[Tensor]]]
Learn = Callable[[Tensor, Sequence[Tensor], Sequence[bool]], Sequence[Tensor | None]]


def recorded(run: Run, learn: Learn, sources: Sequence[Tensor]) -> Tensor:
    """What `run` computes, as something that depends on `sources` by the gradients that `learn` returns.

    run() -> (states, saved): the states, and the tensors that `learn` will need. These are autograd's to keep: it frees
        them after the backward pass, and refuses one that was changed in between.
    learn(g, saved, wanted) -> gradients: g = ∂L/∂states, of the same shape; saved as `run` returned them; wanted: for
        every source whether it needs a gradient. The gradients are those of the sources, in their order, None for none.
        It must not hold on to the sources, which would keep the whole graph alive.
    sources: what `run` reads: input, parameters, state.
    """
    return _Node.apply(run, learn, *sources)


class _Node(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: Run, learn: Learn, *sources: Tensor) -> Tensor:
        states, saved = run()
        ctx.save_for_backward(*saved)
        ctx.learn = learn
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        with no_autocast(g):
            return None, None, *ctx.learn(g, ctx.saved_tensors, ctx.needs_input_grad[2:])


def no_autocast(tensor: Tensor) -> AbstractContextManager[Any]:
    """Inside, operations on the tensor's device compute in their arguments' type, whatever torch.autocast says."""
    device = tensor.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
