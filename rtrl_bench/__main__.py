"""`python -m rtrl_bench`."""

import sys

from rtrl_bench.cli import main

sys.exit(main())
