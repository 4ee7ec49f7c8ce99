"""V-trace targets (Espeholt et al. 2018, section 4.1 and equation 1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class VTrace(NamedTuple):
    """targets v_s (M, B) for the baseline and advantages (M, B) for the policy gradient; no gradient flows in them."""

    targets: Tensor
    advantages: Tensor


@torch.no_grad()
def vtrace(
    log_ratios: Tensor,
    rewards: Tensor,
    discounts: Tensor,
    values: Tensor,
    bootstrap: Tensor,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> VTrace:
    """V-trace over a segment of M steps.

    log_ratios (M, B) = log π(a|x) - log μ(a|x); rewards (M, B); discounts (M, B): γ, or 0 where the step ended its
    episode; values (M, B) = V(x_t); bootstrap (B,) = V(x_M). ValueError if the shapes do not agree.

    v_s = V_s + Σ_t γ^(t-s) (Π c) δ_t is computed backwards: with a_s = v_s - V_s,
    a_s = δ_s + γ_s c_s a_(s+1) and δ_s = ρ_s (r_s + γ_s V_(s+1) - V_s).
    """
    shapes = {tuple(t.shape) for t in (log_ratios, rewards, discounts, values)}
    if shapes != {tuple(values.shape)} or bootstrap.shape != values.shape[1:]:
        raise ValueError(f"V-trace: expected four (M, B) and a (B,), got {shapes} and {tuple(bootstrap.shape)}")
    ratios = log_ratios.exp()
    rho, c = ratios.clamp(max=rho_bar), ratios.clamp(max=c_bar)
    next_values = torch.cat([values[1:], bootstrap[None]])
    delta = rho * (rewards + discounts * next_values - values)
    correction = torch.zeros_like(bootstrap)
    corrections = torch.empty_like(values)
    for t in range(len(values) - 1, -1, -1):
        correction = delta[t] + discounts[t] * c[t] * correction
        corrections[t] = correction
    targets = values + corrections
    next_targets = torch.cat([targets[1:], bootstrap[None]])
    return VTrace(targets, rho * (rewards + discounts * next_targets - values))
