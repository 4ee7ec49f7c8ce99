"""What `bench` measures, one file a section. Importing this imports no torch.

Beside the command line on the uppermost floor: sections reach the kinds of run, the embedded levels and the library.
"""

# of the time, in this order
SHARES = {"gradients": 2.0, "cells": 1.0, "memory": 1.0, "loop": 3.5, "rooms": 1.0, "learning": 3.5, "graphs": 0.5}
OF_THE_LIBRARY = ("gradients", "cells", "memory")  # measured in a process like any user's, not one set up for runs
BY_DEFAULT = {
    "cpu": ("gradients", "cells", "memory", "loop", "rooms"),
    "cuda": ("gradients", "cells", "memory", "loop", "learning", "graphs"),
}
