"""`python -m rtrl_bench`."""

import faulthandler
import sys

from rtrl_bench.cli import main
from rtrl_bench.training.signals import interrupt_on_signals

faulthandler.enable()  # a simulator that crashes takes the process with it: say where
interrupt_on_signals()
sys.exit(main())
