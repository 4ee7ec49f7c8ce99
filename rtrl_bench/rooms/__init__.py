"""Three DMLab-30 levels without DeepMind Lab, on a CPU: a simulator of its own, for anyone's project (docs/rooms.md).

`environments.py` offers it as Gymnasium environments, which importing this package registers. `simulator.py` steps
and draws slots: `physics.py` moves the player, `levels.py`, `nonmatching.py`, `watermaze.py` and `keys_doors.py` hold
the rules, `render.py` and `raster.py` draw what it sees. `state.py` is what a slot carries from frame to frame;
`maps.py`, `scenes.py`, `pictures.py`, `solids.py` and `keys_doors_map.py` are what levels look like;
`dmlab_levels.py` is what DeepMind Lab says of them. `fidelity.py` compares with recordings of the engine, `probe.py`
asks what can be read from the images; `show.py` and the oracles are for people.
"""

import gymnasium

IDS = {
    "rtrl_bench/SelectNonmatchingObject-v0": "rooms_select_nonmatching_object",
    "rtrl_bench/Watermaze-v0": "rooms_watermaze",
    "rtrl_bench/KeysDoorsPuzzle-v0": "rooms_keys_doors_puzzle",
}
for _id, _level in IDS.items():
    _module = f"{__name__}.environments"  # imported when one is made
    gymnasium.register(
        _id, f"{_module}:RoomsEnv", vector_entry_point=f"{_module}:RoomsVectorEnv", kwargs={"level": _level}
    )
