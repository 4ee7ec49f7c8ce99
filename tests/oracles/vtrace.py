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


def vtrace_cut(log_ratios, rewards, discount, ends, cuts, cut_values, values, bootstrap, rho_bar, c_bar, pg_rho_bar):
    """V-trace where `ends` are ends of episodes, those in `cuts` by a time limit, beyond which the return goes on.

    A limit's next value is that of the last observation of the episode, `cut_values`; no step after an end or a limit
    has a weight in the targets before it. All (M, B) but bootstrap (B,); returns targets and advantages, (M, B).
    """
    steps, batch = values.shape
    targets, advantages = np.zeros((steps, batch)), np.zeros((steps, batch))

    def following(t, b, inside, behind):
        """The value after step t: of the next step, of what is behind the segment, of the cut, or of an end."""
        if cuts[t, b]:
            return cut_values[t, b]
        if ends[t, b]:
            return 0.0
        return inside[t + 1, b] if t + 1 < steps else behind[b]

    def ratio(t, b):
        return np.exp(log_ratios[t, b])

    for b in range(batch):
        for s in range(steps):
            weight, targets[s, b] = 1.0, values[s, b]
            for t in range(s, steps):
                next_value = following(t, b, values, bootstrap)
                error = rewards[t, b] + discount * next_value - values[t, b]
                targets[s, b] += weight * min(rho_bar, ratio(t, b)) * error
                if ends[t, b]:
                    break
                weight *= discount * min(c_bar, ratio(t, b))
        for s in range(steps):
            next_target = following(s, b, targets, bootstrap)
            advantages[s, b] = min(pg_rho_bar, ratio(s, b)) * (rewards[s, b] + discount * next_target - values[s, b])
    return targets, advantages
