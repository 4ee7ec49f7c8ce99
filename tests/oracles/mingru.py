"""minGRU (Feng et al. 2024): gates that see the input alone, so there are no recurrent parameters (K' = 0)."""

import torch

from rtrl_bench.cells import ElementwiseCell


class MinGRU(ElementwiseCell):
    """c' = (1 - z) ⊙ c + z ⊙ h with z = σ(u₀), h = u₁."""

    gates = ("z", "h")
    recurrent = ()

    def step(self, u, c, w):
        return torch.lerp(c, u[..., 1:, :], torch.sigmoid(u[..., :1, :]))

    def partials(self, u, c, w):
        z = torch.sigmoid(u[..., :1, :])
        alpha = torch.cat([z * (1 - z) * (u[..., 1:, :] - c), z], -2)
        return (1 - z).unsqueeze(-3), alpha.unsqueeze(-3), c.new_zeros(*c.shape[:-1], 0, c.shape[-1])

    def initialise(self, weight, bias, w, retention):
        for parameter in (weight, bias):
            torch.nn.init.normal_(parameter)
