"""Recurrent layers that learn by a gradient method of choice: what users of the library import."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, Cell
from rtrl_bench.gradients import GRADIENTS, Carry, Layer, Parameters
from rtrl_bench.gradients.episodes import as_mask


class RecurrentStack(nn.Module):
    """`layers` recurrent layers of `cell`, one on the other, trained over segments of a stream by `gradient`.

    carry = stack.begin(batch); h, carry = stack(x, starts, carry); loss(h).backward(); optimiser.step(); and so on.
    inputs D and hidden N are sizes; `window` belongs to gradient="tbptt"; `retention` sets the initial memory in
    steps (None: the cell's own initialisation). Unknown names and unfit combinations raise ValueError.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        layers: int = 1,
        cell: str = "elstm",
        gradient: str = "rtrl",
        window: int | str | None = None,
        retention: float | None = None,
    ):
        super().__init__()
        for name, size in (("inputs", inputs), ("hidden", hidden), ("layers", layers)):
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} = {size!r}: expected an integer >= 1")
        self.cell = CELLS[cell]()
        self.method = GRADIENTS[gradient](self.cell, window, layers)
        self.inputs = inputs
        self.layers = nn.ModuleList()
        x, outputs = torch.empty(0, inputs), list[Tensor]()  # nothing in them: only their sizes are looked at
        for _ in range(layers):
            size = self.method.feed(x, outputs).shape[-1]
            self.layers.append(_Layer(self.cell, size, hidden, retention))
            outputs.append(torch.empty(0, self.cell.output_size(size, hidden)))
        self.output_size = self.method.gather(outputs).shape[-1]

    def parts(self) -> list[Layer]:
        """The layers as the gradient method sees them."""
        return [layer.parts() for layer in self.layers if isinstance(layer, _Layer)]

    def begin(self, batch: int) -> Carry:
        """The carry at the start of `batch` streams."""
        return self.method.begin(batch, self.parts())

    def zero_state(self, batch: int) -> Tensor:
        """State (B, L s, N) at an episode's start, for acting with `step`."""
        return self.method.zero_state(batch, self.parts())

    def forward(self, x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """A segment: x (M, B, D), starts (M, B) bool, True where an episode begins -> h (M, B, output_size), carry.

        Call backward() on a loss of h before the next segment, or run a segment without loss under torch.no_grad().
        """
        batch = carry.state.shape[0]
        starts = as_mask(starts)
        if x.ndim != 3 or x.shape[1:] != (batch, self.inputs) or starts.shape != x.shape[:2]:
            expected = f"x (M, {batch}, {self.inputs}) and starts (M, {batch})"
            raise ValueError(f"x {tuple(x.shape)}, starts {tuple(starts.shape)}: expected {expected}")
        return self.method.segment(self.parts(), x, starts, carry)

    @torch.no_grad()
    def step(self, x: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step of acting: x (B, D), starts (B,) bool, state (B, L s, N) -> h (B, output_size), state."""
        before = state.masked_fill(as_mask(starts)[:, None, None], 0)
        outputs: list[Tensor] = []
        state = torch.zeros_like(state)  # of layers that have not grown yet, if the method grows them
        for number, layer in enumerate(self.parts()[: self.method.grown]):
            read = self.method.feed(x, outputs)
            weight, bias, recurrent = layer.parameters
            u = nn.functional.linear(read, weight.flatten(0, 1), bias.flatten()).unflatten(-1, bias.shape)
            after = self.cell.step(u, self.method.rows(before, number), recurrent)
            self.method.rows(state, number).copy_(after)
            outputs.append(layer.readout(read, after))
        return self.method.gather(outputs), state

    def get_extra_state(self) -> Tensor:
        """What of the method has to be saved beside the parameters: its progress, ()."""
        return torch.tensor(self.method.progress, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` returned."""
        self.method.progress = state.item()


class _Layer(nn.Module):
    """The parameters of one layer with `inputs` inputs."""

    def __init__(self, cell: Cell, inputs: int, hidden: int, retention: float | None):
        super().__init__()
        gates = len(cell.gates)
        self.weight = nn.Parameter(torch.empty(gates, hidden, inputs))
        self.bias = nn.Parameter(torch.empty(gates, hidden))
        self.recurrent = nn.Parameter(torch.empty(cell.recurrent_shape(hidden)))
        with torch.no_grad():
            cell.initialise(self.weight, self.bias, self.recurrent, retention)
        self.readout = cell.readout(inputs, hidden)

    def parts(self) -> Layer:
        return Layer(Parameters(self.weight, self.bias, self.recurrent), self.readout)
