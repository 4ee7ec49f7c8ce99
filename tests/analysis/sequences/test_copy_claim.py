"""Which runs the claim about the copy task rests on."""

from __future__ import annotations

from analysis.load import load
from analysis.sequences.claims import claims


def parts(tree):
    (claim,) = claims(load(tree.root))
    return claim.parts


def copy(tree, seed, accuracy, **settings):
    options = {"length": 5, "delay": 0}
    tree.sequence("copy", "_".join(map(str, settings.values())), "rtrl", seed, accuracy, options, {}, **settings)


def test_one_seed_at_each_of_three_learning_rates_is_no_test(tree):
    for rate in (0.1, 0.2, 0.3):
        copy(tree, 0, 1.0, learning_rate=rate)
    part, _ = parts(tree)
    assert (part.verdict, part.n) == ("not tested", "1")
    assert "2 other settings left aside" in part.said


def test_the_setting_with_most_seeds_is_tested_and_other_networks_are_not_counted(tree):
    copy(tree, 0, 0.2, learning_rate=0.1)
    for seed in range(3):
        copy(tree, seed, 1.0, hidden=64)
        copy(tree, seed, 0.0, layers=2)
        copy(tree, seed, 0.0, gradient_options={"a": 1})
    part, _ = parts(tree)
    assert (part.verdict, part.n) == ("shown", "3")
    assert part.said.endswith("; 1 other setting left aside")


def test_without_a_run_the_claim_says_that_none_has_finished(tree):
    (part,) = parts(tree)
    assert part.said == "the task has no finished run"
