"""Environments: a module per suite, found by name through `registry.py`, alike behind `batch.BatchEnv`.

Importing this package makes the memory tasks known to Gymnasium, which needs no import for
`gymnasium.make("rtrl_bench.envs:rtrl_bench/TMaze-v0")`.
"""

import gymnasium

for _task in ("TMaze", "DelayedMatch"):
    _module = f"{__name__}.memory"  # imported when one is made
    gymnasium.register(f"rtrl_bench/{_task}-v0", f"{_module}:Single{_task}", vector_entry_point=f"{_module}:{_task}")
