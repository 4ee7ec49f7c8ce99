"""Experiments on the gradient methods themselves, without a reinforcement-learning environment."""
