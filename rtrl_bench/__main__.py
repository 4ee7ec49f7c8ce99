"""`python -m rtrl_bench`."""

import faulthandler
import os
import sys

try:
    from rtrl_bench.cli import main
except ModuleNotFoundError as error:
    if str(error.name).startswith("rtrl_bench"):
        raise
    print(
        f'rtrl-bench: Python package {error.name} is missing: pip install "rtrl-bench[run]", or [all]', file=sys.stderr
    )
    sys.exit(2)
from rtrl_bench.runs.signals import ignore_signals, interrupt_on_signals
from rtrl_bench.system.output import own_the_standard_streams

if "OMP_WAIT_POLICY" not in os.environ:  # read once, when torch is loaded, which nothing above does
    # A thread of torch's that waits for the others spins for some 15 microseconds, which bridges the gap between two
    # operations, and then sleeps. By default it spins for milliseconds, and on a busy machine holds up whom it awaits.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
own_the_standard_streams()
faulthandler.enable()  # a simulator that crashes takes the process with it: say where
interrupt_on_signals()
code = main()
ignore_signals()  # its work is done, and so is what a signal asks for
sys.exit(code)
