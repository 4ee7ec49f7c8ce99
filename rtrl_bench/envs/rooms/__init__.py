"""The embedded `rooms` backend: three DMLab-30 levels without DeepMind Lab.

`physics.py` moves the player, `levels.py` and `keys_doors.py` hold the rules, `render.py` and `raster.py` draw what it
sees, `batch.py` puts them behind the interface of all environments. `state.py` is what a slot carries from frame to
frame; `maps.py`, `pictures.py`, `solids.py` and `keys_doors_map.py` are what levels look like. `fidelity.py` compares
with recordings of the engine; `show.py` and the oracles are for people.
"""
