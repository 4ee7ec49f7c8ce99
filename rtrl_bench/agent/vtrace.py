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
    pg_rho_bar: float = 1.0,
    lam: float = 1.0,
) -> VTrace:
    """V-trace over a segment of M steps.

    log_ratios (M, B) = log π(a|x) - log μ(a|x); rewards (M, B); discounts (M, B): γ, or 0 where the step ended its
    episode; values (M, B) = V(x_t); bootstrap (B,) = V(x_M). `rho_bar`, `c_bar` and `pg_rho_bar` cut the ratios of the
    errors δ, of the traces c and of the advantages; `lam` in [0, 1] is λ (remark 2 of the source), 1 in the paper.
    ValueError for shapes that do not agree.

    v_s = V_s + Σ_t γ^(t-s) (Π c) δ_t is computed backwards: with a_s = v_s - V_s,
    a_s = δ_s + γ_s c_s a_(s+1) (`_backwards`), c_s = λ min(c̄, π/μ) and
    δ_s = min(ρ̄, π/μ) (r_s + γ_s V_(s+1) - V_s). The advantage of step s is min(ρ̄_pg, π/μ) (r_s + γ_s q - V_s) with
    q = λ v_(s+1) + (1 - λ) V_(s+1), at the end V(x_M), as in rlax.
    """
    shapes = {tuple(t.shape) for t in (log_ratios, rewards, discounts, values)}
    if shapes != {tuple(values.shape)} or bootstrap.shape != values.shape[1:]:
        raise ValueError(f"V-trace: expected four (M, B) and a (B,), got {shapes} and {tuple(bootstrap.shape)}")
    ratios = log_ratios.exp()
    c = lam * ratios.clamp(max=c_bar)
    next_values = torch.cat([values[1:], bootstrap[None]])
    delta = ratios.clamp(max=rho_bar) * (rewards + discounts * next_values - values)
    targets = values + _backwards(delta, discounts * c)
    following = torch.cat([torch.lerp(values[1:], targets[1:], lam), bootstrap[None]])
    return VTrace(targets, ratios.clamp(max=pg_rho_bar) * (rewards + discounts * following - values))


def _backwards(addends: Tensor, factors: Tensor) -> Tensor:
    """a (M, B) with a_s = addends_s + factors_s a_(s+1), and nothing behind the last.

    By doubling (Hillis & Steele 1986): after each round every a_s has in it what comes from twice as many steps, so a
    segment takes log2 M rounds of a few operations, where M steps would each wait for the one before.
    """
    reach = 1
    while reach < len(addends):
        behind = addends[-reach:]  # complete already
        addends = torch.cat([torch.addcmul(addends[:-reach], factors[:-reach], addends[reach:]), behind])
        factors = torch.cat([factors[:-reach] * factors[reach:], factors[-reach:]])
        reach *= 2
    return addends
