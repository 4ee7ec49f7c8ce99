"""What a gradient method costs: predicted by formula, counted by a compiler (XLA, from JAX), and measured."""
