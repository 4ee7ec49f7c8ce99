"""An agent that learns to play: a configuration in, a run folder of records out."""
