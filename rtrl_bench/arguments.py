"""The command line's kinds of argument. Each refusal names the value and what was expected, and ends with code 2."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtrl_bench.errors import ConfigError, one_of
from rtrl_bench.runs.asked import nested
from rtrl_bench.runs.yaml_files import parse_yaml

LONGEST_S = 1e9  # three decades; timers of the system take no more than some times this


class Parser(argparse.ArgumentParser):
    """Tells what was probably meant by a command that there is not."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = action.metavar if isinstance(action.metavar, str) else action.dest
            raise argparse.ArgumentError(None, f"{what} {value!r}: {one_of(value, map(str, action.choices))}")


class Help(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every option that has one, and leaves the lines of an example as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        shown = action.default is not None and action.default is not False and action.default != []
        return super()._get_help_string(action) if shown else action.help


def setting(text: str) -> dict[str, Any]:
    """`optimiser.epsilon=1e-5` as keys and values: dots reach nested keys, the value is YAML."""
    dotted, equals, value = text.partition("=")
    if not equals or not all(dotted.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r}: expected KEY=VALUE, as in optimiser.epsilon=1e-5")
    try:
        inner = parse_yaml(value)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    return nested({dotted: inner})


def add_set(parser: argparse.ArgumentParser, more: str) -> None:
    """The option --set, which ends as a list of dictionaries of nested keys; `more` ends the sentence of its help."""
    help = f"override or add configuration keys{more}"
    parser.add_argument("--set", type=setting, nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=help)


def path(text: str) -> Path:
    """A file or folder, from the folder in which the command was given: an environment may change into another."""
    if not text:
        raise argparse.ArgumentTypeError("'': expected the path of a file or folder; '.' is the present folder")
    return Path(text).absolute()


def seconds(text: str) -> float:
    """A time span; 0 is one too."""
    return _span(text, LONGEST_S, f"a number of seconds from 0 to {LONGEST_S:.0e}", zero=True)


def minutes(text: str) -> float:
    """A time span of more than nothing."""
    return _span(text, LONGEST_S / 60, f"a number of minutes above 0, at most {LONGEST_S / 60:.0e}", zero=False)


def _span(text: str, longest: float, expected: str, zero: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= longest or (value == 0 and not zero):
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
    return value


def integer(low: int, high: int) -> Callable[[str], int]:
    """Whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: expected an integer from {low} to {high:,}")
        return value

    return parse
