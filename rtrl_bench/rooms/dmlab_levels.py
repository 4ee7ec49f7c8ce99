"""What DeepMind Lab and its embedded re-implementation have in common: levels, actions, frames and images.

Nothing is imported here, so that a simulator's process and a kernel's module may both read it.
"""

from __future__ import annotations

FRAMES_PER_SECOND = 60
ACTION_REPEAT = 4  # frames that an action is held for: an agent's step; IMPALA (Espeholt et al. 2018)
IMAGE_SHAPE = (3, 72, 96)  # uint8, channels (red, green, blue) x height x width; the same source

# An episode's length; source: DeepMind Lab, game_scripts/levels/contributed/dmlab30.
LEVEL_SECONDS = {
    "rooms_select_nonmatching_object": 12,
    "rooms_watermaze": 120,
    "rooms_keys_doors_puzzle": 60,
}

# The nine actions of Irie et al. 2024, which are IMPALA's in its order, as the simulator's integers: look right by so
# many pixels, look down, strafe right, forward, fire, jump, crouch.
ACTIONS = {
    "forward": (0, 0, 0, 1, 0, 0, 0),
    "backward": (0, 0, 0, -1, 0, 0, 0),
    "strafe left": (0, 0, -1, 0, 0, 0, 0),
    "strafe right": (0, 0, 1, 0, 0, 0, 0),
    "look left": (-20, 0, 0, 0, 0, 0, 0),
    "look right": (20, 0, 0, 0, 0, 0, 0),
    "look left, forward": (-20, 0, 0, 1, 0, 0, 0),
    "look right, forward": (20, 0, 0, 1, 0, 0, 0),
    "fire": (0, 0, 0, 0, 1, 0, 0),  # without effect in these levels
}
