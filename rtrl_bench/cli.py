"""Command line: a function per command; `--help` lists them.

Exit codes: 0 done; 1 something broke; 2 refused before work started; 3 a non-finite loss; 4 the environment failed or
hangs; 5 a file could not be written (the disk is full, read-only or fails); 128 + n stopped by signal n. After 3 and
more the last checkpoint is there, and the same command goes on from it. Of several runs the first that failed counts.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import astuple, fields
from functools import partial
from typing import Any, NamedTuple

from rtrl_bench import __version__
from rtrl_bench.arguments import Help, Parser, add_set, integer, minutes, path, seconds
from rtrl_bench.bench import SHARES
from rtrl_bench.errors import ConfigError, EnvironmentFailed, Failure, Interrupted
from rtrl_bench.experiments import DEFAULT, execute, kind_of, load_run
from rtrl_bench.runs.asked import merge
from rtrl_bench.runs.records import write_csv
from rtrl_bench.runs.signals import alarm
from rtrl_bench.system import output
from rtrl_bench.system.files import check_output
from rtrl_bench.system.foreign import Stopped

PROGRAM = "python -m rtrl_bench"
EXAMPLES = {
    "train": (
        "--config run.yaml --out my_run",
        "--config run.yaml --set gradient=tbptt seed=1 optimiser.learning_rate=1e-3 --out my_tbptt_run",
        "--set environment=tmaze vision=flat unroll=5 retention=20 env_steps=120_000 optimiser.learning_rate=6e-3 "
        "--out my_run",
    ),
    "run": ("--set kind=sequences task=copy task_options.length=5 hidden=64 steps=500 --out my_copy_run",),
    "cost": ("--layers 2 --hidden 256 --input 257 --batch 32 --unroll 50",),
    "bench": ("", "--only gradients", "--device cuda --minutes 8 --json bench.json"),
    "show": ("rooms_watermaze --out sheet.png", "--agent my_watermaze_run --frames 150 --out film.gif"),
}
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
        return _explain(error)
    unheard = output.hand_over(result.text, stdout) if result.text else None
    if unheard is None or arguments.keeps:
        return result.code
    if isinstance(unheard, BrokenPipeError):  # as `| head` does: nobody wants more
        return 128 + signal.SIGPIPE
    return _fail(f"standard output: cannot be written ({unheard.strerror}); the result is lost, run it again", 5)


def _explain(error: Failure) -> int:
    if isinstance(error, EnvironmentFailed) and error.__cause__ is not None:
        traceback.print_exception(error.__cause__)  # the environment may be the user's own
    return _fail(error, error.exit_code)


def _fail(error: Exception | str, code: int) -> int:
    output.say(f"rtrl-bench: {error}")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROGRAM, description="Real-time recurrent learning, benchmarked.")
    parser.add_argument("--version", action="version", version=f"rtrl-bench {__version__}")
    parser.set_defaults(keeps=False, prints=False)  # its result is in files; it prints it itself, little by little
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., Result], help: str, *examples: str) -> argparse.ArgumentParser:
        lines = "".join(f"\n  {PROGRAM} {name} {words}".rstrip() for words in examples)
        added = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"example{'s' if len(examples) > 1 else ''}:{lines}",
            formatter_class=Help,
        )
        added.set_defaults(run=run)
        return added

    _add_run(
        command("train", _carry_out, "train an agent; continues an interrupted run", *EXAMPLES["train"]), kind=DEFAULT
    )
    _add_run(
        command("run", _carry_out, "carry out a run of any kind; continues an interrupted one", *EXAMPLES["run"]),
        kind=None,
    )
    evaluate = command("evaluate", _evaluate, "evaluate the newest checkpoint of a run; prints JSON", "my_run")
    evaluate.add_argument("folder", type=path, help="run folder")
    _add_cost(command("cost", _cost, "predict what recurrent layers cost by each gradient method", *EXAMPLES["cost"]))
    speed = command(
        "speed", _speed, "measure the training speed of a configuration; prints JSON", "--config run.yaml --seconds 10"
    )
    _add_settings(speed)
    speed.add_argument("--seconds", type=seconds, default=3.0, help="how long to measure")
    _add_bench(
        command(
            "bench", _bench, "benchmark gradient methods, the training loop, the embedded levels", *EXAMPLES["bench"]
        )
    )
    command("list", _list, "list environments (and which of them run here), cells, methods, kinds of run, tasks", "")
    command("check", _check, "try each environment for a few steps; says what is missing and how to get it", "")
    for measured, writes_what, help in (
        ("fidelity", "errors", "replay recordings of the real DMLab engine in the embedded levels"),
        ("probe", "accuracies", "measure how well a linear probe reads the objects of an embedded level"),
    ):
        writes = command(measured, partial(_write, measured), help, f"--out {measured}.csv")
        writes.add_argument("--out", type=path, required=True, help=f"CSV file for the {writes_what}")
    _add_show(
        command(
            "show",
            _show,
            "draw what an agent sees as it plays, or a script that plays an embedded level",
            *EXAMPLES["show"],
        )
    )
    return parser


def _add_settings(parser: argparse.ArgumentParser, **config: Any) -> None:
    parser.add_argument("--config", type=path, metavar="FILE", help="YAML file with the keys of a run", **config)
    add_set(parser, "; dots reach nested keys; may be repeated. All keys, defaults: workflow/config/README.md")


def _add_run(parser: argparse.ArgumentParser, kind: str | None) -> None:
    _add_settings(parser, action="append", default=[])
    parser.add_argument(
        "--out",
        type=path,
        action="append",
        required=True,
        metavar="DIR",
        help="run folder; given several times, each with its own --config, the runs follow one another",
    )
    parser.add_argument(
        "--restart-if-changed", action="store_true", help="if the folder holds another run, set that aside"
    )
    parser.add_argument("--wait", action="store_true", help="if another process uses the folder, wait until it ends")
    parser.add_argument(
        "--stop-after",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="stop after SECONDS, writing a checkpoint (exit code 142), to go on in another job; 0: never",
    )
    parser.set_defaults(kind=kind, keeps=True)


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument(
        "level",
        nargs="?",
        help="environment of the rooms backend, e.g. rooms_watermaze, played by a script that sees everything",
    )
    show.add_argument(
        "--frames", type=integer(1, 100_000), default=24, help="number of frames (picture) or agent steps (film)"
    )
    show.add_argument("--seed", type=integer(0, 2**31 - 1), default=0, help="seed of the episodes")
    show.add_argument(
        "--agent",
        type=path,
        metavar="DIR",
        help="instead of a level: run folder of an agent, which plays in the environment that it was trained in",
    )
    show.add_argument(
        "--scale", type=integer(1, 32), help="pixels drawn per pixel seen (default: 3 in a picture, 4 in a film)"
    )
    show.add_argument(
        "--out", type=path, required=True, metavar="FILE", help=".png for a contact sheet, .gif or .mp4 for a film"
    )


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.add_argument(
        "--only", nargs="+", choices=tuple(SHARES), metavar="SECTION", help=f"some of {', '.join(SHARES)}"
    )
    bench.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the networks run")
    bench.add_argument("--minutes", type=minutes, help="total time limit; skip what does not fit (default: no limit)")
    bench.add_argument("--json", type=path, metavar="FILE", help="everything measured, written after every item")
    bench.add_argument("--revision", help="of the code, where git does not tell it: in an archive, or a copy")
    bench.add_argument(
        "--stem", type=path, metavar="DIR", help="finished run of kind `stems` of nonmatching, for the runs that learn"
    )
    bench.add_argument("--small", action="store_true", help="smoke test only: ignore the numbers")
    bench.set_defaults(prints=True)


def _add_cost(cost: argparse.ArgumentParser) -> None:
    size = integer(1, LARGEST)
    cost.add_argument("--cell", default="elstm", help="recurrent cell, as `list` has them")
    cost.add_argument("--layers", type=integer(1, MOST_LAYERS), default=1, metavar="L", help="number of stacked layers")
    cost.add_argument("--hidden", type=size, required=True, metavar="N", help="units of a layer")
    cost.add_argument("--input", type=size, required=True, metavar="D", help="inputs of the first layer")
    cost.add_argument("--batch", type=size, default=32, metavar="B", help="slots")
    cost.add_argument("--unroll", type=size, default=50, metavar="M", help="steps of a segment")
    cost.add_argument(
        "--episode", type=integer(1, LONGEST), default=1000, metavar="T", help="steps that full BPTT keeps"
    )
    cost.add_argument("--gradient", default="all", help="one method, or all")


def _carry_out(arguments: argparse.Namespace) -> Result:
    files, folders = arguments.config or [None], arguments.out
    if len(files) != len(folders):
        raise ConfigError(f"{len(folders)} --out for {len(files)} --config: expected a folder for each file")
    asked = [load_run(file, arguments.kind, merge(*arguments.set)) for file in files]
    other = next((settings.kind for settings in asked if arguments.kind not in (None, settings.kind)), None)
    if other is not None:
        raise ConfigError(f"kind = {other!r}: train takes only agents; use `{PROGRAM} run`")

    lines, failed = [], []
    with alarm(arguments.stop_after):
        for number, (settings, folder) in enumerate(zip(asked, folders), start=1):
            more = number < len(asked)
            try:
                record = execute(settings, folder, arguments.restart_if_changed, arguments.wait, more)
                lines.append(f"{settings.label}: {kind_of(settings).sentence(record)}, in {folder}")
            except Interrupted:
                raise
            except Failure as error:  # the others can do without this one
                failed.append((_explain(error), f"that in {folder}: {error}"))
    if failed and len(asked) > 1:  # said at the end, which is what Snakemake shows of the log
        output.say(f"rtrl-bench: {len(failed)} of {len(asked)} runs failed, first {failed[0][1]}")
    return Result("\n".join(lines), failed[0][0] if failed else 0)


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
    settings = load_run(arguments.config, DEFAULT, merge(*arguments.set))
    return Result(json.dumps({"steps_per_s": kind_of(settings).speed(settings, arguments.seconds)}))


def _bench(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.bench.report import report
    from rtrl_bench.runs.device import choose_device

    a = arguments
    well = report(choose_device(a.device), a.only, a.minutes, a.json, a.small, a.revision, a.stem)
    return Result(code=0 if well else 1)


def _list(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.choices import list_choices
    from rtrl_bench.envs.listing import list_environments

    return Result(f"{list_environments()}\n\n{list_choices()}")


def _write(measured: str, arguments: argparse.Namespace) -> Result:
    check_output(arguments.out)
    rows = importlib.import_module(f"rtrl_bench.rooms.{measured}").measured()
    write_csv(arguments.out, [field.name for field in fields(rows[0])], [astuple(row) for row in rows])
    return Result()


def _show(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.system import pictures

    a = arguments
    if (a.level is None) == (a.agent is None):
        raise ConfigError("show: expected either a level, which a scripted player plays, or --agent DIR")
    if a.agent is not None:
        settings = load_run(a.agent / "config.yaml", DEFAULT)
        see = partial(kind_of(settings).seen, settings, a.agent, a.seed)
    else:
        from rtrl_bench.rooms.show import check_level, walk

        check_level(a.level)
        see = partial(walk, a.level, a.seed)
    pictures.show(see, a.frames, a.out, a.scale)
    return Result()


def _check(arguments: argparse.Namespace) -> Result:
    from rtrl_bench.envs.listing import check_environments

    text, ok = check_environments()
    return Result(text, 0 if ok else 1)
