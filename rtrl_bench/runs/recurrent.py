"""What settings of runs with recurrent layers have in common. Importing this imports no torch."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rtrl_bench.errors import ConfigError
from rtrl_bench.runs.settings import Amount, Count, Depth, Options, Retention, RunSettings, Size


class RecurrentSettings(RunSettings):
    """Settings of a run that trains recurrent layers by a gradient method."""

    cell: str = Field(default="elstm", description="recurrent cell; none: a feedforward network")
    gradient: str = Field(default="rtrl", description="gradient method of the recurrent layers")
    gradient_options: Options = Field(default={}, description="options of the gradient method other than window")
    window: Amount | Literal["episode"] | None = Field(
        default=None,
        description="steps that gradient: tbptt goes back; null: one segment (unroll); episode: to the "
        "start of the episode or sequence",
    )
    unroll: Size = Field(default=50, description="M, steps of a segment: between two updates")
    batch: Size = Field(default=32, description="B, environments played or sequences read at the same time")
    hidden: Size = Field(default=256, description="N, units of a recurrent layer")
    layers: Depth = Field(default=1, description="L, stacked recurrent layers")
    retention: Retention | None = Field(
        default=None, description="steps: longest memory of a unit at the start; null: as in the cell's paper"
    )
    gradient_quality: Count = Field(
        default=0, description="how often training compares its gradient with the exact one (gradient.csv); 0: never"
    )

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if "window" in self.gradient_options:
            window = self.gradient_options["window"]
            raise ConfigError(f"gradient_options.window = {window!r}: the window is a key of its own; use window")
        if self.window is not None and self.gradient != "tbptt":
            raise ConfigError(f"window = {self.window!r}: only gradient: tbptt has a window; remove the key")
        if isinstance(self.window, int) and self.window < self.unroll:
            raise ConfigError(f"window = {self.window}: expected at least unroll = {self.unroll}, or 'episode'")
        return self

    @property
    def method_options(self) -> dict[str, Any]:
        """The options of the gradient method, window among them."""
        return self.gradient_options | ({} if self.window is None else {"window": self.window})

    @property
    def gradient_name(self) -> str:
        """How the gradient is got, whatever the layers: rtrl, tbptt, tbptt_w20, bptt, snap_order2, ..."""
        name = self.gradient
        if self.window == "episode":
            name = "bptt"
        elif self.window is not None and self.window > self.unroll:
            name = f"tbptt_w{self.window}"
        return name + "".join(f"_{key}{value}" for key, value in sorted(self.gradient_options.items()))

    @property
    def method(self) -> str:
        """The method as tables name it: feedforward, rtrl, tbptt, tbptt_w20, bptt, lstm_tbptt, rtrl_l2 (layers), ..."""
        if self.cell == "none":
            return "feedforward"
        name = self.gradient_name if self.cell == "elstm" else f"{self.cell}_{self.gradient_name}"
        return name if self.layers == 1 else f"{name}_l{self.layers}"
