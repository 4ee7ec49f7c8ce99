"""V-trace as it is defined (Espeholt et al. 2018, equation 1, with remark 2's λ): a double sum, number by number."""

from __future__ import annotations

import numpy as np


def vtrace(log_ratios, rewards, discounts, values, bootstrap, rho_bar=1.0, c_bar=1.0, pg_rho_bar=1.0, lam=1.0):
    """All (M, B) but bootstrap (B,); returns targets v_s and advantages, both (M, B).

    The advantage bootstraps from λ v_{s+1} + (1 - λ) V(x_{s+1}), as rlax's vtrace_td_error_and_advantage does.
    """
    steps, batch = values.shape
    targets, advantages = np.zeros((steps, batch)), np.zeros((steps, batch))
    for b in range(batch):
        value = [*values[:, b], bootstrap[b]]
        ratio = [float(np.exp(log_ratios[t, b])) for t in range(steps)]
        for s in range(steps):
            total = value[s]
            for t in range(s, steps):
                weight = 1.0
                for i in range(s, t):
                    weight *= discounts[i, b] * lam * min(c_bar, ratio[i])
                delta = min(rho_bar, ratio[t]) * (rewards[t, b] + discounts[t, b] * value[t + 1] - value[t])
                total += weight * delta
            targets[s, b] = total
        for s in range(steps):
            last = s + 1 == steps
            following = bootstrap[b] if last else lam * targets[s + 1, b] + (1 - lam) * value[s + 1]
            step = rewards[s, b] + discounts[s, b] * following - value[s]
            advantages[s, b] = min(pg_rho_bar, ratio[s]) * step
    return targets, advantages


def lambda_returns(rewards, discounts, values, bootstrap, lam):
    """The λ-returns (M, B) of Sutton & Barto, cut at the segment's end: n-step returns, weighted (1 - λ) λ^(n-1)."""
    steps, batch = values.shape
    returns = np.zeros((steps, batch))
    for b in range(batch):
        value = [*values[:, b], bootstrap[b]]
        for s in range(steps):
            total = 0.0
            for n in range(1, steps - s + 1):
                n_step, weight = 0.0, 1.0
                for t in range(s, s + n):
                    n_step += weight * rewards[t, b]
                    weight *= discounts[t, b]
                n_step += weight * value[s + n]
                total += (lam ** (n - 1) if s + n == steps else (1 - lam) * lam ** (n - 1)) * n_step
            returns[s, b] = total
    return returns
