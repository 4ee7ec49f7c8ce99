"""Environments: a module per suite, found by name through `registry.py`, alike behind `batch.BatchEnv`."""
