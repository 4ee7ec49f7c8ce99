"""A run is refused by what its gradient method would carry, whether or not there is a formula for it."""

from __future__ import annotations

import pytest
import torch

from rtrl_bench.errors import ConfigError
from rtrl_bench.experiments.reinforcement.config import from_dict
from rtrl_bench.experiments.reinforcement.memory_needed import check_sizes


def config(gradient, **options):
    sizes = {"cell": "lstm", "hidden": 64, "batch": 16, "unroll": 5, "vision": "flat", "memory_gb": 0.2}
    return from_dict({"environment": "tmaze", "env_steps": 100, "gradient": gradient, **sizes, **options})


@pytest.mark.parametrize(
    "options", [{"gradient": "rtrl_dense"}, {"gradient": "snap", "gradient_options": {"order": 2}}]
)
def test_dense_sensitivities_that_do_not_fit_are_refused(options):
    with pytest.raises(
        ConfigError, match=rf"gradient: {options['gradient']} with layers = 1, hidden = 64.*or choose gradient: tbptt"
    ):
        check_sizes(config(**options), torch.device("cpu"))


@pytest.mark.parametrize("gradient", ["snap", "uoro", "immediate"])
def test_methods_that_carry_little_are_let_through(gradient):
    check_sizes(config(gradient), torch.device("cpu"))
