"""A unit that takes its input times a factor: its derivatives lie in the memory of its input and of its parameters."""

import torch

from rtrl_bench.cells import ElementwiseCell


class Gain(ElementwiseCell):
    """c' = c / 2 + w ⊙ u."""

    gates = ("u",)
    recurrent = ("gain",)

    def step(self, u, c, w):
        return c / 2 + w * u

    def partials(self, u, c, w):
        return torch.full_like(c, 0.5).unsqueeze(-3), w.expand_as(u).unsqueeze(-3), u.unsqueeze(-3)

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias, w):
            torch.nn.init.normal_(parameter)
