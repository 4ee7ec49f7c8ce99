"""The claim about the copy task: which runs it rests on, and on which of their seeds."""

from __future__ import annotations

import pytest

from analysis.claims import IN_PART, NOT_SHOWN, NOT_TESTED, SHOWN
from analysis.load import load
from analysis.sequences import claims


@pytest.fixture
def copied(tree):
    """The claim, where RTRL copied patterns of 50 bits in three seeds and TBPTT did not."""
    for seed in range(3):
        tree.copy_task(50, "rtrl", seed, 1.0, 400)
        tree.copy_task(50, "tbptt", seed, 0.2, None)

    def claim():
        (found,) = claims.claims(load(tree.root))
        return found

    return claim


def test_the_claim_is_shown_in_part_below_the_papers_length(copied):
    claim = copied()
    assert (claim.verdict, claim.counts) == (IN_PART, "1 of 2 comparisons shown, 1 not tested")
    assert (claim.parts[1].verdict, claim.parts[1].what) == (
        NOT_TESTED,
        "every test sequence of up to 1000 steps right",
    )


def test_runs_with_a_delay_or_another_cell_are_not_of_the_claim(tree, copied):
    tree.sequence("copy", "delayed", "rtrl", 0, 0.0, {"length": 50, "delay": 9}, {})
    tree.sequence("copy", "gru", "rtrl", 0, 0.0, {"length": 50, "delay": 0}, {}, cell="gru")
    assert copied().parts[0].verdict == SHOWN


def test_the_claim_rests_on_the_worst_seed(tree, copied):
    tree.copy_task(50, "rtrl", 3, 0.9, None)
    part = copied().parts[0]
    assert part.verdict == NOT_SHOWN
    assert "worst seed 90 %" in part.said
