"""A unit whose state is two numbers that turn and shrink, as complex diagonal cells have it: exercises s = 2."""

import torch

from rtrl_bench.cells import ElementwiseCell


class Rotation(ElementwiseCell):
    """p' = tanh(a p - b q + u₀), q' = b p + a q + u₁ with a = σ(w₀), b = tanh(w₁)."""

    gates = ("p", "q")
    state = ("p", "q")
    recurrent = ("radius", "angle")

    def step(self, u, c, w):
        a, b = torch.sigmoid(w[0]), torch.tanh(w[1])
        p, q = c.unbind(-2)
        return torch.stack([torch.tanh(a * p - b * q + u[..., 0, :]), b * p + a * q + u[..., 1, :]], -2)

    def partials(self, u, c, w):
        a, b = torch.sigmoid(w[0]), torch.tanh(w[1])
        p, q = c.unbind(-2)
        slope = 1 - torch.tanh(a * p - b * q + u[..., 0, :]) ** 2
        zero, one = torch.zeros_like(p), torch.ones_like(p)
        da, db = a * (1 - a), 1 - b**2

        def matrix(rows):
            return torch.stack([torch.stack(row, -2) for row in rows], -3)

        lam = matrix([[slope * a, -slope * b], [one * b, one * a]])
        alpha = matrix([[slope, zero], [zero, one]])
        omega = matrix([[slope * p * da, -slope * q * db], [q * da, p * db]])
        return lam, alpha, omega

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias, w):
            torch.nn.init.normal_(parameter)
