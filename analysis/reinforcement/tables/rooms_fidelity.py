"""The rooms backend beside recordings of DeepMind Lab

This project's own version of the DMLab levels replays actions that were recorded in the real engine; the worst
positions come first. What the engine drew at random is taken from the recording: the starts, the layouts of
rooms_keys_doors_puzzle (episodes without a recorded layout are left out), and the place of watermaze's platform.
Positions are in world units; a player walks 20 of them in a step. "Walking freely" lasts until the player is moved, or
touches a wall or the platform. Steps are left out while the player has been moved in only one of engine and replay.
Rewards are matched one to one. In watermaze the engine also draws extra rewards, which a replay cannot know.
"""

from __future__ import annotations

import pandas as pd

from analysis.kinds import NothingToShow
from analysis.load import Results
from analysis.tables import Table, texts

PLACE = 8


def build(results: Results) -> Table:
    """A row per level and file of recordings."""
    errors = results["fidelity"]
    if errors.empty:
        raise NothingToShow("not measured: no DMLab level was to be run, or the rooms backend does not run here")
    text = {
        "Level": errors["level"],
        "Recordings": errors["recordings"],
        "Episodes": errors["episodes"].astype(str),
        "Steps": texts(errors, "{} ({} left out)".format, "steps", "steps_left_out"),
        "Yaw, largest error": errors["yaw_error_max_degrees"].map("{:.4f}°".format),
        "Position, largest error walking freely": errors["position_error_free_max"].map("{:.3f}".format),
        "Median, all steps": errors["position_error_median"].map("{:.3f}".format),
        "95th percentile": errors["position_error_p95"].map("{:.3f}".format),
        "Rewards at the recorded step": texts(errors, _OF, "rewards_at_the_same_step", "rewards_recorded"),
        "Within a step": texts(errors, _OF, "rewards_within_a_step", "rewards_recorded"),
    }
    return Table(errors, pd.DataFrame(text))


_OF = "{} of {}".format
