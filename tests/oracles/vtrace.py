"""V-trace as it is defined (Espeholt et al. 2018, equation 1): a double sum over the segment, number by number."""

from __future__ import annotations

import numpy as np


def vtrace(log_ratios, rewards, discounts, values, bootstrap, rho_bar, c_bar):
    """All (M, B) but bootstrap (B,); returns targets v_s and advantages, both (M, B)."""
    steps, batch = values.shape
    targets, advantages = np.zeros((steps, batch)), np.zeros((steps, batch))
    for b in range(batch):
        value = [*values[:, b], bootstrap[b]]
        rho = [min(rho_bar, np.exp(log_ratios[t, b])) for t in range(steps)]
        c = [min(c_bar, np.exp(log_ratios[t, b])) for t in range(steps)]
        for s in range(steps):
            total = value[s]
            for t in range(s, steps):
                weight = 1.0
                for i in range(s, t):
                    weight *= discounts[i, b] * c[i]
                delta = rho[t] * (rewards[t, b] + discounts[t, b] * value[t + 1] - value[t])
                total += weight * delta
            targets[s, b] = total
        for s in range(steps):
            following = targets[s + 1, b] if s + 1 < steps else bootstrap[b]
            advantages[s, b] = rho[s] * (rewards[s, b] + discounts[s, b] * following - value[s])
    return targets, advantages
