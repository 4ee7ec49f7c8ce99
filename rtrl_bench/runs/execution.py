"""A run of whatever kind, carried to its end: checked, resumed, worked on, recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import torch

from rtrl_bench.errors import ConfigError, Interrupted
from rtrl_bench.runs import checkpoint, records
from rtrl_bench.runs.device import choose_device, device_name
from rtrl_bench.runs.folder import Found, examine, set_aside, write_config
from rtrl_bench.runs.kind import Kind, Place
from rtrl_bench.runs.lock import sole_writer
from rtrl_bench.runs.process import own_threads, prepare_process
from rtrl_bench.runs.records import RECORD
from rtrl_bench.runs.settings import to_dict
from rtrl_bench.runs.signals import collect_signals, undisturbed
from rtrl_bench.runs.timing import calls_per_s
from rtrl_bench.runs.work import Content, Work, write
from rtrl_bench.system.output import say

WARM_UPS = 2  # updates before a speed is measured
NOWHERE = Place(Path(), Path(), new=False)  # of what is only measured


def execute(
    kind: Kind[Any],
    settings: Any,
    folder: Path,
    restart_if_changed: bool = False,
    wait: bool = False,
    more: bool = False,
) -> dict[str, Any]:
    """Carry the run `settings` in `folder` to its end, from wherever it is; returns the content of run.json.

    Raises ConfigError, UnknownName, EnvironmentUnavailable or CheckpointError before any work starts; Interrupted on a
    signal, after a checkpoint; NonFiniteLoss, EnvironmentFailed or Unwritable (a file) with the last good checkpoint
    kept. `restart_if_changed` sets another configuration's run aside; with `wait` a process that is at work in `folder`
    is waited for. `more`: another run follows, before which a signal that came at the end of this one takes effect.
    """
    here, folder = Path.cwd(), folder.absolute()  # an environment may change the working directory
    kind.check(settings)
    device = choose_device(settings.device)
    with sole_writer(folder, wait):
        settings = kind.resolve(settings, folder, here)
        found = _found(kind, settings, folder, here, restart_if_changed)
        if found.record is not None:
            say(f"{folder}: already complete, nothing to do")
            return found.record
        say(f"{settings.label}: {kind.budget(settings)} on {device_name(device)}, in {folder}")
        with own_threads():
            prepare_process(settings.threads)
            work = kind.begin(settings, device, Place(folder, here, new=found.state is None))
            try:
                _begin_or_go_on(kind, work, found, settings, folder)
                _work_to_the_end(work, settings, folder)
            finally:
                work.close()
            result = work.result()
            with undisturbed(more):
                return _finish(folder, work, result.files, _record(kind, settings, device, result.record))


def _finish(folder: Path, work: Work, files: Mapping[str, Content], record: dict[str, Any]) -> dict[str, Any]:
    write(folder, files)
    for name in work.unfinished():
        (folder / name).unlink(missing_ok=True)
    write(folder, {RECORD: record})  # last: a run that has one is complete, and nothing is done in its folder
    return record


def _found(kind: Kind[Any], settings: Any, folder: Path, here: Path, restart_if_changed: bool) -> Found:
    """As `examine`; a run that what it began from has changed under is another one too."""
    found = examine(folder, settings, kind.outputs(settings), kind.leaves, restart_if_changed)
    change = kind.outdated(settings, found.record or found.state or {}, here)
    if change is None:
        return found
    if not restart_if_changed:
        raise ConfigError(
            f"output folder {folder} holds a run that began with {change}: choose another folder, or "
            "--restart-if-changed to set that run aside"
        )
    return Found(other=settings.fingerprint())


def _begin_or_go_on(kind: Kind[Any], work: Work, found: Found, settings: Any, folder: Path) -> None:
    if found.other is not None:
        set_aside(folder, found.other, settings, kind.leaves)
    if found.state is not None:
        with checkpoint.fitting(folder / "checkpoint"):
            how = work.restore(found.state)
        found.state = None  # what of it has been copied need not be held twice
        say(f"{folder}: going on {how}")
    else:
        checkpoint.save(folder / "checkpoint", _state(work, settings), 0)
    write_config(folder, settings)


def _work_to_the_end(work: Work, settings: Any, folder: Path) -> None:
    """Work, with a checkpoint every `checkpoint_minutes`, at the end, and on a signal (which raises Interrupted)."""
    saved_at = time.monotonic()

    def save() -> None:
        nonlocal saved_at
        checkpoint.save(folder / "checkpoint", _state(work, settings), work.updates_made())
        write(folder, work.unfinished())
        saved_at = time.monotonic()

    def save_if_due() -> None:
        if time.monotonic() - saved_at >= 60 * settings.checkpoint_minutes:
            save()

    with nullcontext(list[int]()) if work.stops_at_once else collect_signals() as received:
        work.run(lambda: bool(received), save_if_due)
        save()
    if received:
        raise Interrupted(received[0], folder)


def _state(work: Work, settings: Any) -> dict[str, Any]:
    return {"fingerprint": settings.fingerprint(), **work.state()}


def _record(kind: Kind[Any], settings: Any, device: torch.device, own: dict[str, Any]) -> dict[str, Any]:
    """What every record says, with what is the kind's own."""
    return {
        "schema": 1,
        "kind": kind.name,
        "status": "complete",
        "config": to_dict(settings),
        "fingerprint": settings.fingerprint(),
        "device": device.type,
        "device_name": device_name(device),
        "threads": torch.get_num_threads(),
        "versions": records.versions(),
        **records.git_state(),
        "machine": records.machine(),
        "finished_utc": records.now_utc(),
        **own,
    }


def measured_speed(kind: Kind[Any], settings: Any, for_s: float) -> float:
    """How much of the kind's `amount` a run does in a second, measured for about `for_s` seconds after two updates.

    It takes no longer than the run itself would. A pretrained stem is not loaded: random numbers are as fast.
    """
    kind.check(settings)
    device = choose_device(settings.device)
    with own_threads():
        prepare_process(settings.threads)
        with closing(kind.begin(settings, device, NOWHERE)) as work:
            for _ in range(WARM_UPS):
                work.update()
            most = -(-kind.amount(settings) // work.per_update)
            return work.per_update * calls_per_s(work.update, for_s, device, most)
