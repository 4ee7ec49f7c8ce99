"""Command line: train | evaluate | copy-task | complexity | cost | speed | bench | fidelity | show | list | check.

Exit codes: 0 done; 1 something broke; 2 refused before work started; 3 a non-finite loss; 4 the environment failed or
hangs; 5 a file could not be written (the disk is full, read-only or fails); 128 + n stopped by signal n. After 3 and
more the last checkpoint is there, and the same command goes on from it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from rtrl_bench import __version__
from rtrl_bench.config import load
from rtrl_bench.errors import EnvironmentFailed, Failure


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(arguments) or 0)
    except Failure as error:
        if isinstance(error, EnvironmentFailed) and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)  # the environment may be the user's own
        return _fail(error, error.exit_code)
    except KeyboardInterrupt as stop:
        signum = stop.args[0] if stop.args else signal.SIGINT
        return _fail("stopped; run the same command to go on from the last checkpoint", 128 + signum)


def _fail(error: Exception | str, code: int) -> int:
    with contextlib.suppress(OSError):  # the log may be on the disk that is full
        print(f"rtrl-bench: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rtrl_bench", description="Real-time recurrent learning, benchmarked."
    )
    parser.add_argument("--version", action="version", version=f"rtrl-bench {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train and evaluate one run; continues an interrupted one")
    train.add_argument("--config", type=Path, required=True, help="YAML file with the keys of RunConfig")
    train.add_argument("--out", type=Path, required=True, help="run folder")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="evaluate the newest checkpoint of a run; prints JSON")
    evaluate.add_argument("folder", type=Path, help="run folder")
    evaluate.set_defaults(run=_evaluate)

    copy = commands.add_parser("copy-task", help="train one copy-task run")
    copy.add_argument("--config", type=Path, required=True, help="YAML file with the keys of CopyConfig")
    copy.add_argument("--out", type=Path, required=True, help="run folder")
    copy.set_defaults(run=_copy_task)
    study = commands.add_parser("complexity", help="what each gradient method costs: predicted, counted and measured")
    study.add_argument("--config", type=Path, required=True, help="YAML file with the keys of ComplexityConfig")
    study.add_argument("--out", type=Path, required=True, help="folder for the tables")
    study.set_defaults(run=_complexity)
    for command in (train, copy, study):
        command.add_argument(
            "--restart-if-changed", action="store_true", help="if the folder holds another run, set that aside"
        )
        command.add_argument("--wait", action="store_true", help="if another process is there, wait for its end")
    for command in (train, copy):
        command.add_argument(
            "--stop-after",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="then stop with a checkpoint and exit code 142, to go on in another job; 0: never",
        )

    _add_cost(
        commands.add_parser("cost", help="predict what a stack of recurrent layers costs by each gradient method")
    )

    speed = commands.add_parser(
        "speed", help="measure the training speed of a configuration for a few seconds; prints JSON"
    )
    speed.add_argument("--config", type=Path, required=True)
    speed.add_argument("--seconds", type=float, default=3.0)
    speed.set_defaults(run=_speed)

    bench = commands.add_parser("bench", help="benchmark gradient methods, the training loop, the embedded levels")
    bench.set_defaults(run=_bench)

    listing = commands.add_parser("list", help="every environment, and whether it runs here")
    listing.set_defaults(run=_list)
    fidelity = commands.add_parser("fidelity", help="replay recordings of the real DMLab engine in the embedded levels")
    fidelity.add_argument("--out", type=Path, required=True, help="CSV file for the errors")
    fidelity.set_defaults(run=_fidelity)

    show = commands.add_parser("show", help="picture or film of what an agent sees in an embedded level")
    show.add_argument("level", help="environment of the rooms backend, e.g. rooms_watermaze")
    show.add_argument("--frames", type=int, default=24, help="of the picture, or agent steps of the film")
    show.add_argument("--seed", type=int, default=0)
    show.add_argument("--agent", type=Path, help="run folder of the agent that plays; without it, one that knows all")
    show.add_argument("--scale", type=int, help="pixels drawn per pixel seen (default: 3 in a picture, 4 in a film)")
    show.add_argument("--out", type=Path, required=True, help="file: .png for a contact sheet, .gif or .mp4 for a film")
    show.set_defaults(run=_show)
    check = commands.add_parser("check", help="try each environment for a few steps; says what is missing")
    check.set_defaults(run=_check)
    return parser


def _add_cost(cost: argparse.ArgumentParser) -> None:
    cost.add_argument("--cell", default="elstm")
    cost.add_argument("--layers", type=int, default=1, metavar="L")
    cost.add_argument("--hidden", type=int, required=True, metavar="N")
    cost.add_argument("--input", type=int, required=True, metavar="D")
    cost.add_argument("--batch", type=int, default=32, metavar="B", help="slots (32)")
    cost.add_argument("--unroll", type=int, default=50, metavar="M", help="steps of a segment (50)")
    cost.add_argument("--episode", type=int, default=1000, metavar="T", help="steps that full BPTT keeps (1000)")
    cost.add_argument("--gradient", default="all", help="one method, or all")
    cost.set_defaults(run=_cost)


def _train(arguments: argparse.Namespace) -> None:
    signal.setitimer(signal.ITIMER_REAL, arguments.stop_after)
    config = load(arguments.config)
    from rtrl_bench.training.run import train

    record = train(config, arguments.out, arguments.restart_if_changed, arguments.wait)
    e = record["evaluation"]
    cut = f", {e['truncated']} cut short" if e["truncated"] else ""
    print(
        f"{config.label}: return {e['mean']:.2f} over {e['episodes']} episodes{cut}, "
        f"{record['env_steps']:,} steps in {record['wall_s']:.0f} s ({record['steps_per_s']:,.0f}/s)"
    )


def _evaluate(arguments: argparse.Namespace) -> None:
    config = load(arguments.folder / "config.yaml")
    from rtrl_bench.training.run import evaluate_checkpoint

    print(json.dumps(evaluate_checkpoint(config, arguments.folder)))


def _copy_task(arguments: argparse.Namespace) -> None:
    signal.setitimer(signal.ITIMER_REAL, arguments.stop_after)
    from rtrl_bench.diagnostics.copy_config import load_copy_config

    config = load_copy_config(arguments.config)
    from rtrl_bench.diagnostics.copy_task import train_copy_task

    record = train_copy_task(config, arguments.out, arguments.restart_if_changed, arguments.wait)
    print(
        f"{config.label}: sequence accuracy {record['test_sequence_accuracy']:.3f} after {record['updates']:,} updates"
    )


def _complexity(arguments: argparse.Namespace) -> None:
    from rtrl_bench.complexity.config import load_complexity_config

    config = load_complexity_config(arguments.config)
    from rtrl_bench.complexity.study import run_study

    print(run_study(config, arguments.out, arguments.restart_if_changed, arguments.wait))


def _cost(arguments: argparse.Namespace) -> None:
    from rtrl_bench.complexity.cost import describe
    from rtrl_bench.complexity.shapes import Sizes

    a = arguments
    sizes = Sizes(a.cell, a.layers, a.hidden, a.input, a.batch, a.unroll, a.episode)
    print(describe(sizes, a.gradient))


def _speed(arguments: argparse.Namespace) -> None:
    config = load(arguments.config)
    from rtrl_bench.training.run import measure_speed

    print(json.dumps({"steps_per_s": measure_speed(config, arguments.seconds)}))


def _bench(arguments: argparse.Namespace) -> None:
    from rtrl_bench.benchmark import main
    from rtrl_bench.envs.rooms import benchmark as rooms
    from rtrl_bench.training import throughput

    main()
    throughput.report()
    rooms.report()


def _list(arguments: argparse.Namespace) -> None:
    from rtrl_bench.envs.listing import list_environments

    print(list_environments())


def _fidelity(arguments: argparse.Namespace) -> None:
    from rtrl_bench.envs.rooms import fidelity

    fidelity.write(arguments.out)


def _show(arguments: argparse.Namespace) -> None:
    from rtrl_bench.envs.rooms import show

    a = arguments
    show.show(a.level, a.frames, a.seed, a.agent, a.out, a.scale)


def _check(arguments: argparse.Namespace) -> int:
    from rtrl_bench.envs.listing import check_environments

    text, ok = check_environments()
    print(text)
    return 0 if ok else 1
