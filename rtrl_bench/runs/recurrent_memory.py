"""What memory the recurrent layers of a run take."""

from __future__ import annotations

from rtrl_bench.costs.predict import METHODS, predict
from rtrl_bench.costs.shapes import Sizes
from rtrl_bench.gradients import GRADIENTS
from rtrl_bench.gradients.machinery.options import option_names
from rtrl_bench.gradients.machinery.per_layer import PerLayer
from rtrl_bench.layer import RecurrentStack
from rtrl_bench.runs.memory_limit import NUMBER
from rtrl_bench.runs.recurrent import RecurrentSettings
from rtrl_bench.shapes_alone import shapes_alone


def stack_of(config: RecurrentSettings, inputs: int) -> RecurrentStack:
    """The recurrent layers of a run."""
    method, options = config.gradient, config.method_options
    return RecurrentStack(inputs, config.hidden, config.layers, config.cell, method, options, config.retention)


def replayed(config: RecurrentSettings, episode: int | None) -> int:
    """Steps that a segment's backward pass goes through."""
    if config.window == "episode":
        return config.unroll + (episode or config.unroll)
    return config.window or config.unroll


def recurrent_bytes(config: RecurrentSettings, inputs: int, steps: int) -> int:
    """What the layers carry, and what they work on in `steps` steps, whatever the window.

    For a method without a formula: that of back-propagation, and three times what the method carries.
    """
    if config.cell == "none":
        return 0
    sizes = Sizes(config.cell, config.layers, config.hidden, inputs, config.batch, steps, episode=steps)
    if config.gradient in METHODS:
        given, names = config.gradient_options, option_names(GRADIENTS[config.gradient])
        # of a copy of the settings with another method, as for the exact gradient, those that are this method's
        return predict(config.gradient, sizes, {name: given[name] for name in names if name in given}).peak_bytes
    with shapes_alone():
        stack = stack_of(config, inputs)
        method, traces = stack.method, []
        if isinstance(method, PerLayer):
            traces = [t for part in stack.parts() for t in method.first_traces(config.batch, part, None).values()]
    return predict("tbptt", sizes).peak_bytes + 3 * NUMBER * sum(trace.numel() for trace in traces)
