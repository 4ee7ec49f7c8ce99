"""A recurrent layer that learns by a gradient method of choice: what users of the library import."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS
from rtrl_bench.gradients import GRADIENTS, Carry, Parameters


class RecurrentLayer(nn.Module):
    """One recurrent layer with `cell`, trained over segments of a stream by `gradient`.

    carry = layer.begin(batch); h, carry = layer(x, starts, carry); loss(h).backward(); optimiser.step(); and so on.
    inputs D and hidden N are sizes; `window` belongs to gradient="tbptt"; `retention` sets the initial memory in
    steps (None: the cell's own initialisation). Unknown names and unfit combinations raise ValueError.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        cell: str = "elstm",
        gradient: str = "rtrl",
        window: int | str | None = None,
        retention: float | None = None,
    ):
        super().__init__()
        for name, size in (("inputs", inputs), ("hidden", hidden)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} = {size!r}: expected an integer >= 1")
        self.cell = CELLS[cell]()
        self.method = GRADIENTS[gradient](self.cell, window)
        gates = len(self.cell.gates)
        self.weight = nn.Parameter(torch.empty(gates, hidden, inputs))
        self.bias = nn.Parameter(torch.empty(gates, hidden))
        self.recurrent = nn.Parameter(torch.empty(self.cell.recurrent_shape(hidden)))
        with torch.no_grad():
            self.cell.initialise(self.weight, self.bias, self.recurrent, retention)
        self.readout = self.cell.readout(inputs, hidden)
        self.output_size = self.cell.output_size(inputs, hidden)

    @property
    def parameters_of_recurrence(self) -> Parameters:
        """The parameters that the gradient method answers for (the readout's get autograd's gradient)."""
        return Parameters(self.weight, self.bias, self.recurrent)

    def begin(self, batch: int) -> Carry:
        """The carry at the start of `batch` streams."""
        return self.method.begin(batch, self.parameters_of_recurrence)

    def zero_state(self, batch: int) -> Tensor:
        """State (B, s, N) at an episode's start, for acting with `step`."""
        return self.method.zero_state(batch, self.parameters_of_recurrence)

    def forward(self, x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """A segment: x (M, B, D), starts (M, B) bool, True where an episode begins -> h (M, B, output_size), carry.

        Call backward() on a loss of h before the next segment, or run a segment without loss under torch.no_grad().
        """
        batch = carry.state.shape[0]
        if x.ndim != 3 or x.shape[1:] != (batch, self.weight.shape[2]) or starts.shape != x.shape[:2]:
            expected = f"x (M, {batch}, {self.weight.shape[2]}) and starts (M, {batch})"
            raise ValueError(f"x {tuple(x.shape)}, starts {tuple(starts.shape)}: expected {expected}")
        keep = (~starts.bool()).to(x.dtype)
        states, carry = self.method.segment(self.parameters_of_recurrence, x, keep, carry)
        return self.readout(x, states), carry

    @torch.no_grad()
    def step(self, x: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step of acting: x (B, D), starts (B,) bool, state (B, s, N) -> h (B, output_size), state."""
        u = nn.functional.linear(x, self.weight.flatten(0, 1), self.bias.flatten()).unflatten(-1, self.bias.shape)
        state = self.cell.step(u, state * ~starts[:, None, None], self.recurrent)
        return self.readout(x, state), state
