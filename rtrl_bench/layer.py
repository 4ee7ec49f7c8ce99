"""Recurrent layers that learn by a gradient method of choice: what users of the library import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rtrl_bench.cells import CELLS, Cell, check_shapes
from rtrl_bench.checks import real, whole
from rtrl_bench.errors import ConfigError
from rtrl_bench.gradients import Carry, Layer, Parameters, make_method
from rtrl_bench.gradients.machinery.episodes import as_mask
from rtrl_bench.gradients.machinery.node import no_autocast


class RecurrentStack(nn.Module):
    """Recurrent layers, one on the other, that learn from a stream, segment by segment.

        carry = stack.begin(batch)
        h, carry = stack(x, starts, carry)
        loss(h).backward()
        optimiser.step()

    and so on with the next segment. docs/library.md has complete examples.

    inputs, hidden, layers: D, N and L.
    cell: the recurrence, by name (rtrl_bench/cells).
    gradient: the method that computes the recurrent gradient, by name (rtrl_bench/gradients).
    gradient_options: options of the method's own, such as {"window": 200} for "tbptt".
    retention: the longest memory that units begin with, in steps; None: the cell's own initialisation.

    ValueError for unknown names, numbers out of range and combinations that do not fit, saying which.

    Under torch.autocast the stack computes in its parameters' type all the same: sensitivities over a long memory do
    not survive rounding to bfloat16. Call backward() outside of it, as torch recommends.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        layers: int = 1,
        cell: str = "elstm",
        gradient: str = "rtrl",
        gradient_options: Mapping[str, Any] | None = None,
        retention: float | None = None,
    ):
        super().__init__()
        self.inputs, hidden, layers = whole("inputs", inputs), whole("hidden", hidden), whole("layers", layers)
        if retention is not None:
            retention = real("retention", retention, above=1)
        self.cell = CELLS[cell]()
        self.cell.check_retention(retention)
        self.method = make_method(gradient, self.cell, layers, gradient_options)
        self.layers = nn.ModuleList()
        outputs: list[int] = []  # features of each layer
        for _ in range(layers):
            size = self.method.input_size(self.inputs, outputs)
            self.layers.append(_Layer(self.cell, size, hidden, retention))
            outputs.append(self.cell.output_size(size, hidden))
        if not self.parts()[0].parameters.weight.is_meta:  # as in shapes_alone
            check_shapes(self.cell)
        self.output_size = self.method.output_size(outputs)
        options = ", ".join(f"{key} {value}" for key, value in sorted((gradient_options or {}).items()))
        by = f"{gradient} with {options}" if options else gradient
        self._owner = f"cell {cell}, {layers} x {hidden} units, {self.inputs} inputs, gradient {by}"

    def parts(self) -> list[Layer]:
        """The layers as the gradient method sees them."""
        return [layer.parts() for layer in self.layers if isinstance(layer, _Layer)]

    def begin(self, batch: int) -> Carry:
        """The carry at the start of `batch` streams, on the parameters' device and in their type."""
        batch, parts = whole("batch", batch), self.parts()
        self.method.check_type(parts[0].parameters.weight.dtype)
        with _own_arithmetic(parts[0].parameters.weight):
            carry = self.method.begin(batch, parts)
        carry.owner = self._owner
        return carry

    def zero_state(self, batch: int) -> Tensor:
        """State (B, L s, N) at an episode's start, for acting with `step`."""
        return self.method.zero_state(whole("batch", batch), self.parts())

    def forward(self, x: Tensor, starts: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """A segment: x (M, B, D), starts (M, B) bool, True where an episode begins -> h (M, B, output_size), carry.

        Call backward() on a loss of h before the next segment, or run a segment without loss under torch.no_grad().
        ValueError for what does not fit the stack; RuntimeError for a carry that no segment may begin from any more.
        """
        parts = self.parts()
        weight = parts[0].parameters.weight
        _check_kind("x", x, Tensor)
        _check_kind("carry", carry, Carry)
        starts = as_mask(starts)
        self._check_carry(carry, weight)
        batch = carry.state.shape[0]
        if x.ndim != 3 or not len(x) or x.shape[1:] != (batch, self.inputs) or starts.shape != x.shape[:2]:
            expected = f"x (M, {batch}, {self.inputs}) and starts (M, {batch}) with M >= 1"
            raise ValueError(f"x {tuple(x.shape)}, starts {tuple(starts.shape)}: expected {expected}")
        x = _like(weight, "x", x)
        starts = starts.to(weight.device, copy=True)  # the backward pass reads it: the caller may fill its own anew
        with _own_arithmetic(weight):
            h, after = self.method.segment(parts, x, starts, carry)
        after.owner = self._owner
        return h, after

    @torch.no_grad()
    def step(self, x: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A step of acting, no gradient: x (B, D), starts (B,) bool, state (B, L s, N) -> h (B, output_size), state."""
        parts = self.parts()
        weight = parts[0].parameters.weight
        _check_kind("x", x, Tensor)
        _check_kind("state", state, Tensor)
        starts = as_mask(starts)
        rows = (len(parts) * len(self.cell.state), weight.shape[1])
        if x.shape[1:] != (self.inputs,) or starts.shape != x.shape[:1] or state.shape != (len(x), *rows):
            found = f"x {tuple(x.shape)}, starts {tuple(starts.shape)}, state {tuple(state.shape)}"
            raise ValueError(f"{found}: expected x (B, {self.inputs}), starts (B,), state (B, {rows[0]}, {rows[1]})")
        x, state, starts = _like(weight, "x", x), _like(weight, "state", state), starts.to(weight.device)
        with _own_arithmetic(weight):
            return self.method.act(parts, x, starts, state)

    def _check_carry(self, carry: Carry, weight: Tensor) -> None:
        """ValueError for a carry of another stack, type or device; what it would give is no gradient of this one."""
        if carry.owner != self._owner:
            raise ValueError(
                f"this carry is of another stack ({carry.owner or 'unknown'}): expected one of {self._owner}, as "
                "begin(batch) makes it"
            )
        if (carry.state.dtype, carry.state.device) != (weight.dtype, weight.device):
            raise ValueError(
                f"the carry is {carry.state.dtype} on {carry.state.device}, the parameters are {weight.dtype} on "
                f"{weight.device}: move both, as in stack.to(...) and carry = carry.to(...), or begin(batch) anew"
            )
        self.method.check_type(weight.dtype)

    @property
    def progress(self) -> float:
        """Share of the training budget that is spent, from 0 to 1. Set it before a segment.

        `gradient="columnar"` brings in its layers by it: of L layers, another one each time that 1/L of the budget is
        spent. Other methods take no notice. It is saved with the parameters.
        """
        return self.method.progress

    @progress.setter
    def progress(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise ConfigError(f"progress = {share!r}: expected a share of the training budget, from 0 to 1")
        self.method.progress = float(share)

    @property
    def grown(self) -> int:
        """How many of the layers are in use by now: all, but with `gradient="columnar"`."""
        return self.method.grown

    def get_extra_state(self) -> Tensor:
        """What is to be saved beside the parameters: the progress, ()."""
        return torch.tensor(self.progress, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` returned."""
        self.progress = state.item()


def _check_kind(name: str, given: Any, kind: type) -> None:
    if not isinstance(given, kind):
        raise TypeError(f"{name} is a {type(given).__name__}: expected a {kind.__name__}")


def _like(weight: Tensor, name: str, given: Tensor) -> Tensor:
    """`given` in the parameters' type, if it is, or if autocast has made it what it is; ValueError otherwise."""
    if given.device != weight.device:
        raise ValueError(f"{name} is on {given.device}, the parameters are on {weight.device}: move one to the other")
    if given.dtype == weight.dtype:
        return given
    if given.is_floating_point() and torch.is_autocast_enabled(weight.device.type):
        return given.to(weight.dtype)
    raise ValueError(f"{name} is {given.dtype}, the parameters are {weight.dtype}: convert it with .to({weight.dtype})")


@contextmanager
def _outside_inference_mode(weight: Tensor) -> Iterator[None]:
    with torch.inference_mode(False), torch.no_grad(), no_autocast(weight):
        yield


def _own_arithmetic(weight: Tensor) -> AbstractContextManager[None]:
    """Computing in the parameters' type whatever autocast says, on tensors that can be used outside inference_mode."""
    return _outside_inference_mode(weight) if torch.is_inference_mode_enabled() else no_autocast(weight)


class _Layer(nn.Module):
    """The parameters of one layer with `inputs` inputs."""

    def __init__(self, cell: Cell, inputs: int, hidden: int, retention: float | None):
        super().__init__()
        gates = len(cell.gates)
        self.weight = nn.Parameter(torch.empty(gates, hidden, inputs))
        self.bias = nn.Parameter(torch.empty(gates, hidden))
        self.recurrent = nn.Parameter(torch.empty(cell.recurrent_shape(hidden)))
        if not self.weight.is_meta:  # as in shapes_alone, where working on values would import torch's compiler
            with torch.no_grad():
                cell.initialise(self.weight, self.bias, self.recurrent, retention)
        self.readout = cell.readout(inputs, hidden)

    def parts(self) -> Layer:
        return Layer(Parameters(self.weight, self.bias, self.recurrent), self.readout)
