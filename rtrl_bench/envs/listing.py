"""What `python -m rtrl_bench list` and `check` print. A simulator is tried in a process of its own, as it may crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtrl_bench.envs.registry import ENVIRONMENTS, EnvSpec, check_available, families, make

SLOTS = 2
TIMEOUT_S = 120
HEADER = ("environment", "suite", "backend", "actions", "observation", "frames/step", "episode limit", "runs here")


def list_environments() -> str:
    """A table of every registered environment; the action count is the simulator's, where it runs. Limits in steps."""
    found = probe_all(list(ENVIRONMENTS), steps=0)
    rows = [_row(ENVIRONMENTS[name], result) for name, result in found.items()]
    more = ", ".join(families())
    return f"{table(HEADER, sorted(rows, key=lambda row: row[1]))}\n\nBesides these, by name: {more}"


def check_environments(steps: int = 20) -> tuple[str, bool]:
    """Try every registered environment for a few steps: what happened, how to get what is missing; whether all run.

    Where an environment runs, the backends that could run it and lack something are listed at the end.
    """
    found = probe_all(list(ENVIRONMENTS), steps)
    lines = []
    for name, result in found.items():
        if "error" in result:
            lines += [f"{name}: does not run here: {result['error']}", f"    to get it: {result['fix']}"]
        else:
            lines.append(f"{name}: runs ({result['backend']}, {result['actions']} actions, {steps} steps taken)")
    running = [name for name, result in found.items() if "error" not in result]
    return "\n".join(lines + _lacking(running)), len(running) == len(found)


def _lacking(names: Sequence[str]) -> list[str]:
    """What the other backends of environments that run here lack, said once for those that lack the same."""
    waiting: dict[tuple[str, str, str], list[str]] = {}
    for name in names:
        for backend in ENVIRONMENTS[name].backends:
            available = backend.available(ENVIRONMENTS[name])
            if not available.ok:
                waiting.setdefault((backend.name, available.reason, available.fix), []).append(name)
    lines = []
    for (backend_name, reason, fix), waits in waiting.items():
        lines += [f"{backend_name}, for {', '.join(waits)}, is not here: {reason}", f"    to get it: {fix}"]
    return lines


def probe_all(names: Sequence[str], steps: int) -> dict[str, dict[str, Any]]:
    """What `probe` finds for every name, or `error` and `fix`."""
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        available = check_available(name)
        if not available.ok:
            found[name] = {"error": available.reason, "fix": available.fix}
    while waiting := [name for name in names if name not in found]:
        found.update(_probe_apart(waiting, steps))
    return {name: found[name] for name in names}


def probe(name: str, steps: int) -> dict[str, Any]:
    """Make environment `name` and take `steps` random steps: what it is. May end the process with its simulator."""
    env = make(name, SLOTS, seed=0, threads=1)
    env.action_space.seed(0)
    if steps:
        env.reset()
    for _ in range(steps):
        env.step(env.action_space.sample())
    env.close()
    return {
        "backend": env.backend,
        "actions": "x".join(map(str, env.action_sizes)),
        "shape": env.single_observation_space.shape,
    }


def _probe_apart(names: Sequence[str], steps: int) -> dict[str, dict[str, Any]]:
    """`probe` the names in a new process, up to the first that ends it: at least one result."""
    code = "import json, sys; from rtrl_bench.envs.listing import probe\n"
    code += "for name in sys.argv[2:]: print(json.dumps([name, probe(name, int(sys.argv[1]))]), flush=True)"
    path = [str(Path(__file__).parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in path if p)}
    command = [sys.executable, "-c", code, str(steps), *names]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, env=environment)
        printed, said, status = done.stdout, done.stderr.decode(errors="replace").split("\n"), done.returncode
        how = f"ended with {f'signal {-status}' if status < 0 else f'exit code {status}'}"
    except subprocess.TimeoutExpired as expired:
        printed, said, how = expired.stdout or b"", [], f"did not answer for {TIMEOUT_S} s"
    found = dict(json.loads(line) for line in printed.splitlines() if line.startswith(b"["))
    for name in [name for name in names if name not in found][:1]:
        last = next((f": {line}" for line in reversed(said) if line.strip()), "")
        found[name] = {"error": f"its simulator {how}{last}", "fix": "reinstall its package"}
    return found


def _row(spec: EnvSpec, result: dict[str, Any]) -> list[str]:
    limit = "" if spec.episode_limit is None else f"{spec.episode_limit}"
    runs = f"no: {result['error']}" if "error" in result else "yes"
    shape = "x".join(map(str, result.get("shape", ())))
    backend = result.get("backend") or " | ".join(b.name for b in spec.backends)
    actions = result.get("actions", "")
    return [spec.name, spec.suite, backend, actions, shape, str(spec.frames_per_step), limit, runs]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, two spaces apart, with a line under the header."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    ruled = (header, ["-" * width for width in widths], *rows)
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip() for row in ruled)
