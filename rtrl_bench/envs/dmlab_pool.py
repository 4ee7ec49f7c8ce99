"""A process of `dmlab_worker.py` per slot, and what they share.

Plain programs, and not `multiprocessing` or Gymnasium's `AsyncVectorEnv`: those fork a process that runs threads, or
import the user's main script again in every worker; a constructor's message and the slot of a killed worker are lost.
"""

from __future__ import annotations

import contextlib
import glob
import json
import math
import mmap
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from rtrl_bench.envs.dmlab_probe import process_variables
from rtrl_bench.rooms.dmlab_levels import IMAGE_SHAPE

ANSWER_S = 1800.0  # for an answer: all slots may be compiling a map at once, on too few cores
GRACE_S = 5.0  # for a simulator to end by itself; one that is compiling a map takes longer, and is killed


class WorkerPool:
    """`slots` processes, each with a simulator of the same `settings` (keywords of `dmlab_worker.Simulator`).

    `frames`, uint8 (slots, 3, 72, 96), is memory that the processes write: slot k's frame is complete when its answer
    is there, and stays until its next request. It has no name, so that nothing is left of it whoever dies. The
    processes end with `close`, with this object and with this process.
    """

    def __init__(self, slots: int, settings: dict[str, Any]):
        """RuntimeError names the slot whose simulator cannot be made, and why."""
        self.pids: list[int] = []
        folder = _own_folder()
        memory = os.memfd_create("rtrl-bench-frames")
        size = slots * math.prod(IMAGE_SHAPE)
        os.truncate(memory, size)
        self.frames = np.frombuffer(mmap.mmap(memory, size), np.uint8).reshape(slots, *IMAGE_SHAPE)
        self._processes: list[subprocess.Popen] = []
        self._pipes: list[Connection] = []
        self.close = weakref.finalize(self, _end, os.getpid(), self._processes, self._pipes, folder)
        try:
            for slot in range(slots):
                temp_folder = folder / f"slot{slot}"
                temp_folder.mkdir()
                self._start(slot, memory, {**settings, "temp_folder": str(temp_folder)})
            self._answers()
        except BaseException:
            self.close()
            raise
        finally:
            os.close(memory)

    def _start(self, slot: int, memory: int, settings: dict[str, Any]) -> None:
        ours, theirs = multiprocessing.Pipe()
        command = [sys.executable, "-P", "-m", "rtrl_bench.envs.dmlab_worker"]
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(memory), str(slot), json.dumps(settings)],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what the simulator prints is none of this program's output
            pass_fds=(theirs.fileno(), memory),
            env=process_variables(),  # one thread each: the processes are the parallelism
            process_group=0,  # with the compilers that the simulator starts, so that they can be ended with it
        )
        theirs.close()  # so that the worker's death closes the pipe
        self._processes.append(process)
        self._pipes.append(ours)
        self.pids.append(process.pid)

    def ask(self, method: str, arguments: Sequence[Any]) -> list[Any]:
        """Call `method` of every slot's simulator with its argument, all at once; RuntimeError names what failed.

        After an exception (an interrupt as well) the answers no longer fit the requests: close the pool.
        """
        for pipe, argument in zip(self._pipes, arguments, strict=True):
            with contextlib.suppress(ConnectionError):  # a dead worker: reading its answer tells more
                pipe.send((method, argument))
        return self._answers()

    def _answers(self) -> list[Any]:
        return [self._answer(slot) for slot in range(len(self._pipes))]

    def _answer(self, slot: int) -> Any:
        try:
            if self._pipes[slot].poll(ANSWER_S):
                failure, answer = self._pipes[slot].recv()
            else:
                failure = f"no answer within {ANSWER_S:,.0f} s"
        except (EOFError, ConnectionError):
            status = self._processes[slot].wait()
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
            failure = f"its process ended with {how}"
        if failure is not None:
            raise RuntimeError(f"slot {slot}: {failure}")
        return answer


def _end(owner: int, processes: list[subprocess.Popen], pipes: list[Connection], folder: Path) -> None:
    """Hang up, wait for the processes to end, kill what does not, and remove what they leave behind."""
    if os.getpid() != owner:  # a fork has a copy of the object, not of the processes
        return
    for pipe in pipes:
        pipe.close()
    deadline = time.monotonic() + GRACE_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # it has not been waited for: the number is still its own
            process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _own_folder() -> Path:
    """A new temporary folder named for this process. Those whose process was killed are removed on the way.

    Host and process are in the name, as a folder of temporary files may be shared by containers.
    """
    prefix = f"rtrl-bench-dmlab-{socket.gethostname()}-"
    for folder in Path(tempfile.gettempdir()).glob(f"{glob.escape(prefix)}*"):
        pid = folder.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not _runs(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
