"""Units whose derivatives lie in memory that is not theirs to change: that of their input and of their parameters."""

import torch

from rtrl_bench.cells import ElementwiseCell


class Gain(ElementwiseCell):
    """c' = c / 2 + w ⊙ u: α is a view of w, and ω is u."""

    gates = ("u",)
    recurrent = ("gain",)

    def step(self, u, c, w):
        return c / 2 + w * u

    def partials(self, u, c, w):
        return torch.full_like(c, 0.5).unsqueeze(-3), w.expand_as(u).unsqueeze(-3), u.unsqueeze(-3)

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias, w):
            torch.nn.init.normal_(parameter)


class Decay(ElementwiseCell):
    """c' = w ⊙ c + u: λ is a view of w, and ω is c."""

    gates = ("u",)
    recurrent = ("decay",)

    def step(self, u, c, w):
        return w * c + u

    def partials(self, u, c, w):
        return w.expand_as(c).unsqueeze(-3), torch.ones_like(u).unsqueeze(-3), c.unsqueeze(-3)

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias, w):
            torch.nn.init.normal_(parameter, std=0.5)
