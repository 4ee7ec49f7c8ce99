"""Whether the installed DeepMind Lab can be imported and started: tried in a process of its own, as it may crash.

`python -m rtrl_bench.envs.dmlab_probe LEVEL FOLDER` makes a simulator of the level in the folder, and ends it.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import tempfile

TIMEOUT_S = 120.0
BUILD = (
    "the paper's numbers need the real simulator: it is on no package registry; build python/pip_package of "
    "github.com/google-deepmind/lab with bazel and install the wheel"
)
# What upstream's module imports and its package does not require.
FIXES = {
    "dm_env": "install it: pip install dm-env",
    "imp": "use Python 3.11 (3.12 has no module imp), or remove the import from deepmind_lab/__init__.py",
    "pkg_resources": "install a setuptools that still has it: pip install 'setuptools<81'",
}


@functools.cache
def problem(place: str, level: str) -> tuple[str, str] | None:
    """Why the module at `place` (what the answer is remembered for) does not start, and the fix; None where it does."""
    with tempfile.TemporaryDirectory(prefix="rtrl-bench-dmlab-probe-") as folder:
        command = [sys.executable, "-P", "-m", "rtrl_bench.envs.dmlab_probe", level, folder]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, env=process_variables()
            )
        except subprocess.TimeoutExpired:
            return f"it does not start within {TIMEOUT_S:.0f} s", f"mend or rebuild it; {BUILD}"
    if done.returncode == 0:
        return None
    status = done.returncode
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    if status < 0:
        return f"it ends with signal {signal.Signals(-status).name}", f"mend or rebuild it; {BUILD}"
    last = said[-1].strip() if said else f"exit code {status}"
    missing = re.search(r"No module named '(\w+)", last)
    return last, FIXES.get(missing[1] if missing else "", f"mend what it names, or build it anew; {BUILD}")


def process_variables() -> dict[str, str]:
    """Variables for a process that finds the modules that this one finds, and computes in a single thread."""
    places = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    return {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}


def main() -> None:
    """Make a simulator and end it."""
    from rtrl_bench.envs.dmlab_worker import new_lab

    level, folder = sys.argv[1:]
    new_lab(level, {}, None, folder).close()


if __name__ == "__main__":
    main()
