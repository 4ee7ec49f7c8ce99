"""What `bench` measures, one file a section. Importing this imports no torch.

Beside the command line on the uppermost floor: sections reach the kinds of run, the embedded levels and the library.
"""

SHARES = {"gradients": 2.0, "memory": 1.0, "loop": 3.5, "rooms": 1.0, "learning": 3.5}  # of the time, in this order
BY_DEFAULT = {"cpu": ("gradients", "memory", "loop", "rooms"), "cuda": ("gradients", "memory", "loop", "learning")}
