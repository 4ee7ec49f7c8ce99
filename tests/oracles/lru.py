"""A linear recurrent unit (Orvieto et al. 2023): λ is the same at every step, and no memory of its own."""

import torch

from rtrl_bench.cells import ElementwiseCell


class LRU(ElementwiseCell):
    """(p, q)' = R (p, q) + (u₀, u₁) with R = [[w₀, -w₁], [w₁, w₀]]: λ is a view, expanded over steps and slots."""

    gates = ("p", "q")
    state = ("p", "q")
    recurrent = ("real", "imaginary")

    def step(self, u, c, w):
        p, q = c.unbind(-2)
        return torch.stack([w[0] * p - w[1] * q, w[1] * p + w[0] * q], -2) + u

    def partials(self, u, c, w):
        p, q = c.unbind(-2)
        free = c.shape[:-2]
        lam = torch.stack([torch.stack([w[0], -w[1]]), torch.stack([w[1], w[0]])]).expand(*free, 2, 2, -1)
        alpha = torch.eye(2, dtype=c.dtype)[:, :, None].expand(*free, 2, 2, c.shape[-1])
        return lam, alpha, torch.stack([torch.stack([p, -q], -2), torch.stack([q, p], -2)], -3)

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias, w):
            torch.nn.init.normal_(parameter, std=0.5)


class Decay(ElementwiseCell):
    """c' = w ⊙ c + u: λ is the parameter itself."""

    gates = ("u",)
    recurrent = ("decay",)

    def step(self, u, c, w):
        return w * c + u

    def partials(self, u, c, w):
        return w.expand_as(c).unsqueeze(-3), torch.ones_like(u).unsqueeze(-3), c.unsqueeze(-3)

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias, w):
            torch.nn.init.normal_(parameter, std=0.5)
