"""R2AC: V-trace actor-critic over any vision stem, recurrent cell and gradient method."""
