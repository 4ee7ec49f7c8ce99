"""One run: a configuration in, a run folder of records out. Survives kills; refuses what it cannot run."""
