"""Kinds, tables and figures are found in their folders (tests/test_extending.py, tests/test_new_kind.py); names."""

from __future__ import annotations

import subprocess
import sys

from analysis import kinds


def test_names_need_none_of_what_the_tables_and_figures_need():
    code = "import sys; from analysis import kinds; print(len(kinds.names('figures')), kinds.records()[-1]);"
    code += "assert not {'pandas', 'matplotlib', 'scipy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(kinds.items("figures"))), "problems"]


def test_no_two_tables_or_figures_have_the_same_name():
    names = [*kinds.names("tables"), *kinds.names("figures")]
    assert len(names) == len(set(names))
