"""The stand-in for DeepMind Lab is held to what was observed of the real module.

Nothing of this project is tested here: the same holds of the real module, and is tested on it where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile

# What the simulator does with what an adapter could do wrong; None: it ends the process.
MISUSES = {
    "Lab(LEVEL, ('RGB_INTERLEAVED',), {})": "TypeError",
    "Lab(LEVEL, ['NOPE'], {})": "ValueError: Unknown observation 'NOPE'.",
    "Lab('nowhere', ['RGB_INTERLEAVED'], {})": 'RuntimeError: Failed to init environment - "Level not found: nowhere',
    "Lab(LEVEL, ['RGB_INTERLEAVED'], {'width': 96})": "RuntimeError",
    "Lab(LEVEL, ['RGB_INTERLEAVED'], {}, renderer=None)": ("TypeError", "ValueError"),
    "lab.observations()": "RuntimeError: Environment in wrong status for call to observations()",
    "lab.reset(seed=np.int64(1))": "ValueError",
    "lab.colour = 1": "AttributeError",
    "type('Mine', (Lab,), {})": "TypeError",
    "pickle.dumps(lab)": "TypeError",
    "weakref.ref(lab)": "TypeError",
    "lab.close(); lab.observations()": "RuntimeError: Environment in wrong status for call to observations()",
    "lab.close(); lab.reset()": None,
    "lab.close(); lab.action_spec()": None,
}
MISUSE = """
import pickle, sys, weakref
import numpy as np
from deepmind_lab import Lab
LEVEL = "contributed/dmlab30/rooms_watermaze"
for code in sys.argv[1:]:
    lab = Lab(LEVEL, ["RGB_INTERLEAVED"], {})
    try:
        exec(code)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


def _misuse(*codes):
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", MISUSE, *codes], capture_output=True, text=True, env=path)


def test_the_module_refuses_what_an_adapter_could_do_wrong(simulator):
    survived = [code for code, outcome in MISUSES.items() if outcome is not None]
    done = _misuse(*survived)
    said = [line for line in done.stdout.splitlines() if "Error: " in line]
    assert len(said) == len(survived), done.stderr
    for code, line in zip(survived, said):
        assert line.startswith(MISUSES[code]), code


def test_the_module_dies_of_calls_after_close(simulator):
    for code in [code for code, outcome in MISUSES.items() if outcome is None]:
        assert _misuse(code).returncode != 0


def test_the_stand_in_brings_the_program_that_packs_maps(stand_in, tmp_path):
    assert shutil.which("zip").startswith(str(tmp_path))
    (tmp_path / "map").write_text("walls")
    subprocess.run(["zip", tmp_path / "map.pk3", tmp_path / "map"], check=True)
    with zipfile.ZipFile(tmp_path / "map.pk3") as packed:
        assert packed.read("map") == b"walls"
