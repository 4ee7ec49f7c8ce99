"""Sequence tasks, which ask a gradient method to carry what was shown, without an environment."""
