"""Command line: a function per command; `--help` lists them.

Exit codes: 0 done; 1 something broke; 2 refused before work started; 3 a non-finite loss; 4 the environment failed or
hangs; 5 a file could not be written (the disk is full, read-only or fails); 128 + n stopped by signal n. After 3 and
more the last checkpoint is there, and the same command goes on from it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import NamedTuple

from rtrl_bench import __version__
from rtrl_bench.arguments import Parser, integer, minutes, path, seconds
from rtrl_bench.bench import SHARES
from rtrl_bench.errors import EnvironmentFailed, Failure
from rtrl_bench.experiments import DEFAULT, execute, kind_of, load_run
from rtrl_bench.runs.signals import alarm
from rtrl_bench.system import output
from rtrl_bench.system.foreign import Stopped

LARGEST, MOST_LAYERS, LONGEST = 2**20, 1000, 2**40  # sizes, layers and steps of which costs are told


class Result(NamedTuple):
    """What a command has to say on standard output, and its exit code."""

    text: str = ""
    code: int = 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        arguments = _parser().parse_args(words)
        return _run(arguments)
    except KeyboardInterrupt as stop:
        signum = stop.signum if isinstance(stop, Stopped) else signal.SIGINT
        return _fail("stopped; run the same command to go on from the last checkpoint", 128 + signum)


def _run(arguments: argparse.Namespace) -> int:
    """The command, with whatever else is printed meanwhile on standard error; then its result."""
    stdout = sys.stdout
    try:
        with nullcontext() if arguments.prints else redirect_stdout(sys.stderr):
            result: Result = arguments.run(arguments)
    except SystemExit as exit:  # of our own code there is none
        return _fail(f"something called sys.exit({exit.code!r}) while the command ran: it did not finish", 1)
    except Failure as error:
        if isinstance(error, EnvironmentFailed) and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)  # the environment may be the user's own
        return _fail(error, error.exit_code)
    unheard = output.hand_over(result.text, stdout) if result.text else None
    if unheard is None or arguments.keeps:
        return result.code
    if isinstance(unheard, BrokenPipeError):  # as `| head` does: nobody wants more
        return 128 + signal.SIGPIPE
    return _fail(f"standard output: cannot be written ({unheard.strerror}); the result is lost, run it again", 5)


def _fail(error: Exception | str, code: int) -> int:
    output.say(f"rtrl-bench: {error}")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m rtrl_bench", description="Real-time recurrent learning, benchmarked.")
    parser.add_argument("--version", action="version", version=f"rtrl-bench {__version__}")
    parser.set_defaults(keeps=False, prints=False)  # its result is in files; it prints it itself, little by little
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="carry out a run of whatever kind; continues an interrupted one")
    train = commands.add_parser("train", help="the same, where a configuration without `kind` is an agent's")
    for command, kind in ((run, None), (train, DEFAULT)):
        command.add_argument("--config", type=path, required=True, help="YAML file with the keys of its kind")
        command.add_argument("--out", type=path, required=True, help="run folder")
        command.add_argument(
            "--restart-if-changed", action="store_true", help="if the folder holds another run, set that aside"
        )
        command.add_argument("--wait", action="store_true", help="if another process is there, wait for its end")
        command.add_argument(
            "--stop-after",
            type=seconds,
            default=0.0,
            metavar="SECONDS",
            help="then stop with a checkpoint and exit code 142, to go on in another job; 0: never",
        )
        command.set_defaults(run=_carry_out, kind=kind, keeps=True)

    evaluate = commands.add_parser("evaluate", help="evaluate the newest checkpoint of a run; prints JSON")
    evaluate.add_argument("folder", type=path, help="run folder")
    evaluate.set_defaults(run=_evaluate)

    _add_cost(
        commands.add_parser("cost", help="predict what a stack of recurrent layers costs by each gradient method")
    )

    speed = commands.add_parser(
        "speed", help="measure the training speed of a configuration for a few seconds; prints JSON"
    )
    speed.add_argument("--config", type=path, required=True)
    speed.add_argument("--seconds", type=seconds, default=3.0)
    speed.set_defaults(run=_speed)

    _add_bench(commands.add_parser("bench", help="benchmark gradient methods, the training loop, the embedded levels"))

    listing = commands.add_parser("list", help="environments and which of them run here, cells, methods, kinds of run")
    listing.set_defaults(run=_list)
    fidelity = commands.add_parser("fidelity", help="replay recordings of the real DMLab engine in the embedded levels")
    fidelity.add_argument("--out", type=path, required=True, help="CSV file for the errors")
    fidelity.set_defaults(run=_fidelity)
    probe = commands.add_parser("probe", help="how well a linear probe reads the objects of an embedded level")
    probe.add_argument("--out", type=path, required=True, help="CSV file for the accuracies")
    probe.set_defaults(run=_probe)

    show = commands.add_parser("show", help="picture or film of what an agent sees in an embedded level")
    show.add_argument("level", help="environment of the rooms backend, e.g. rooms_watermaze")
    show.add_argument(
        "--frames", type=integer(1, 100_000), default=24, help="of the picture, or agent steps of the film"
    )
    show.add_argument("--seed", type=integer(0, 2**31 - 1), default=0)
    show.add_argument("--agent", type=path, help="run folder of the agent that plays; without it, one that knows all")
    show.add_argument(
        "--scale", type=integer(1, 32), help="pixels drawn per pixel seen (default: 3 in a picture, 4 in a film)"
    )
    show.add_argument("--out", type=path, required=True, help="file: .png for a contact sheet, .gif or .mp4 for a film")
    show.set_defaults(run=_show)
    check = commands.add_parser("check", help="try each environment for a few steps; says what is missing")
    check.set_defaults(run=_check)
    return parser


def _add_bench(bench: argparse.ArgumentParser) -> None:
    sections = ", ".join(SHARES)
    bench.add_argument("--only", nargs="+", choices=tuple(SHARES), metavar="SECTION", help=f"some of {sections}")
    bench.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the networks run (cpu)")
    bench.add_argument("--minutes", type=minutes, help="leave out what does not fit into so many; default: no limit")
    bench.add_argument("--json", type=path, help="file for everything that is measured, written after every item")
    bench.add_argument("--revision", help="of the code, where git does not tell it: in an archive, or a copy")
    bench.add_argument(
        "--stem", type=path, help="folder of a finished `pretrain` of nonmatching, for the runs that learn"
    )
    bench.add_argument("--small", action="store_true", help="only see that it runs: the numbers mean nothing")
    bench.set_defaults(run=_bench, prints=True)


def _add_cost(cost: argparse.ArgumentParser) -> None:
    cost.add_argument("--cell", default="elstm")
    cost.add_argument("--layers", type=integer(1, MOST_LAYERS), default=1, metavar="L")
    cost.add_argument("--hidden", type=integer(1, LARGEST), required=True, metavar="N")
    cost.add_argument("--input", type=integer(1, LARGEST), required=True, metavar="D")
    cost.add_argument("--batch", type=integer(1, LARGEST), default=32, metavar="B", help="slots (32)")
    cost.add_argument("--unroll", type=integer(1, LARGEST), default=50, metavar="M", help="steps of a segment (50)")
    cost.add_argument(
        "--episode", type=integer(1, LONGEST), default=1000, metavar="T", help="steps that full BPTT keeps (1000)"
    )
    cost.add_argument("--gradient", default="all", help="one method, or all")
    cost.set_defaults(run=_cost)


def _carry_out(arguments: argparse.Namespace) -> Result:
    settings = load_run(arguments.config, arguments.kind)
    with alarm(arguments.stop_after):
        record = execute(settings, arguments.out, arguments.restart_if_changed, arguments.wait)
    return Result(f"{settings.label}: {kind_of(settings).sentence(record)}")


def _evaluate(arguments: argparse.Namespace) -> Result:
    settings = load_run(arguments.folder / "config.yaml", DEFAULT)
    return Result(json.dumps(kind_of(settings).evaluate(settings, arguments.folder)))


def _cost(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.costs.describe import describe
    from rtrl_bench.costs.shapes import Sizes

    a = arguments
    sizes = Sizes(a.cell, a.layers, a.hidden, a.input, a.batch, a.unroll, a.episode)
    return Result(describe(sizes, a.gradient))


def _speed(arguments: argparse.Namespace) -> Result:
    settings = load_run(arguments.config, DEFAULT)
    return Result(json.dumps({"steps_per_s": kind_of(settings).speed(settings, arguments.seconds)}))


def _bench(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.bench.report import report
    from rtrl_bench.runs.device import choose_device

    a = arguments
    well = report(choose_device(a.device), a.only, a.minutes, a.json, a.small, a.revision, a.stem)
    return Result(code=0 if well else 1)


def _list(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.choices import list_cells, list_gradients, list_kinds
    from rtrl_bench.envs.listing import list_environments

    return Result("\n\n".join([list_environments(), list_cells(), list_gradients(), list_kinds()]))


def _fidelity(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.rooms import fidelity

    fidelity.write(arguments.out)
    return Result()


def _probe(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.rooms import probe

    probe.write(arguments.out)
    return Result()


def _show(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.rooms import show

    a = arguments
    player = None
    if a.agent is not None:
        settings = load_run(a.agent / "config.yaml", DEFAULT)
        player = kind_of(settings).player(settings, a.agent)
    show.show(a.level, a.frames, a.seed, player, a.out, a.scale)
    return Result()


def _check(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.envs.listing import check_environments

    text, ok = check_environments()
    return Result(text, 0 if ok else 1)
