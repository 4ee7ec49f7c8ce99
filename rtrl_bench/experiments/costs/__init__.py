"""What the gradient methods cost: predicted by formula, counted by a compiler (XLA, from JAX), and measured."""
