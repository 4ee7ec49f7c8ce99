"""`python -m rtrl_bench`."""

import faulthandler
import sys

from rtrl_bench.cli import main
from rtrl_bench.output import own_the_standard_streams
from rtrl_bench.training.signals import ignore_signals, interrupt_on_signals

own_the_standard_streams()
faulthandler.enable()  # a simulator that crashes takes the process with it: say where
interrupt_on_signals()
code = main()
ignore_signals()  # its work is done, and so is what a signal asks for
sys.exit(code)
