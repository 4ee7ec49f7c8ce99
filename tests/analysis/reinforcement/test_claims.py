"""Verdicts on the paper's claims: the rules, each on records made for it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from analysis import claims, stats
from analysis.claims import CONTRADICTED, IN_PART, NOT_SHOWN, NOT_TESTED, SHOWN, Claim, Part
from analysis.load import load
from analysis.reinforcement import evidence, players, weighing

NONMATCHING, WATERMAZE = "rooms_select_nonmatching_object", "rooms_watermaze"


def part(tree, claim, what):
    """The part of a claim (by name) that says `what`, of the runs in the tree."""
    (found,) = [one for one in claims.claims(load(tree.root)) if one.name == claim]
    (only,) = [one for one in found.parts if one.what == what]
    return only


def test_a_claim_is_as_good_as_its_parts():
    def verdict(*parts):
        return Claim(1, "", "", "", tuple(Part("", one, "") for one in parts)).verdict

    assert verdict(SHOWN, SHOWN) == SHOWN
    assert verdict(SHOWN, NOT_TESTED) == verdict(SHOWN, NOT_SHOWN) == IN_PART
    assert verdict(SHOWN, CONTRADICTED) == CONTRADICTED
    assert verdict(NOT_SHOWN, NOT_TESTED) == NOT_SHOWN
    assert verdict(NOT_TESTED) == verdict() == NOT_TESTED


def test_a_figure_or_table_is_shown_by_one_claim_alone(tree):
    tree.memory("tmaze", 20, "rtrl", 0, 1.0)
    shown = [name for claim in claims.claims(load(tree.root)) for name in claim.shows]
    assert len(shown) > 10
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(
    ("own", "control", "verdict"),
    [
        (NOT_SHOWN, SHOWN, NOT_SHOWN),
        (NOT_TESTED, SHOWN, NOT_TESTED),
        (NOT_TESTED, CONTRADICTED, NOT_TESTED),
        (SHOWN, SHOWN, SHOWN),
        (SHOWN, NOT_SHOWN, IN_PART),
        (SHOWN, CONTRADICTED, IN_PART),
    ],
)
def test_a_control_can_keep_a_claim_from_being_shown_whole_and_shows_no_part_of_it(own, control, verdict):
    assert Claim(1, "", "", "", (Part("", own, ""), Part("", control, "", control=True))).verdict == verdict


def test_controls_are_counted_apart_come_last_and_are_named_so():
    claim = Claim(1, "", "", "", (Part("a", SHOWN, "1", control=True), Part("b", NOT_SHOWN, "2")))
    assert claim.counts == "0 of 1 comparisons shown, 1 not shown; 1 of 1 controls shown"
    assert claim.evidence == ["b (not shown): 2", "control: a: 1"]
    assert claim.table["Comparison"].tolist() == ["control: a", "b"]


def test_where_a_segment_holds_the_delay_the_comparison_is_a_control(tree):
    for seed in range(3):
        for method in ("rtrl", "tbptt"):
            tree.memory("tmaze", 3, method, seed, 1.0)
            tree.memory("tmaze", 20, method, seed, 1.0 - 0.1 * seed)
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "memory"]
    found = {part.verdict: part.control for part in claim.parts if part.n != "0 + 0"}
    assert found == {SHOWN: True, NOT_SHOWN: False}
    assert claim.verdict == NOT_SHOWN


def test_the_evidence_names_first_what_contradicts_a_claim():
    parts = (Part("a", SHOWN, "1"), Part("b", NOT_TESTED, "2"), Part("c", CONTRADICTED, "3"), Part("d", NOT_SHOWN, "4"))
    assert Claim(1, "", "", "", parts).evidence == ["c (contradicted): 3", "a: 1", "d (not shown): 4"]


@pytest.mark.parametrize(
    ("rtrl", "tbptt", "verdict"),
    [
        ([8.0, 8.2, 8.1], [4.0, 4.1, 4.3], SHOWN),
        ([4.0, 4.1, 4.3], [8.0, 8.2, 8.1], CONTRADICTED),
        ([8.0, 2.0, 5.0], [4.0, 4.1, 4.3], NOT_SHOWN),
        ([0.5, 0.6, 0.5], [0.1, 0.1, 0.2], NOT_TESTED),  # random play: 0.6
        ([8.0, 8.2], [4.0, 4.1], NOT_TESTED),  # two seeds
    ],
)
def test_better_takes_learned_agents_three_seeds_and_a_small_p(tree, rtrl, tbptt, verdict):
    tree.chaser(5, rtrl=rtrl, tbptt=tbptt)
    assert part(tree, "chaser", "Chaser, M = 5: RTRL better than TBPTT").verdict == verdict


@pytest.mark.parametrize(
    ("tbptt", "verdict"),
    [([8.0, 8.1, 8.2], SHOWN), ([4.0, 4.1, 4.2], CONTRADICTED), ([6.0, 8.0, 10.0], NOT_SHOWN)],
)
def test_equal_means_within_the_margin(tree, tbptt, verdict):
    tree.chaser(50, rtrl=[8.0, 8.1, 8.2], tbptt=tbptt)
    assert part(tree, "chaser", "Chaser, M = 50: RTRL equal to TBPTT").verdict == verdict


@pytest.mark.parametrize(("bptt", "verdict"), [([50.0, 50.5, 51.0], SHOWN), ([20.0, 20.5, 21.0], CONTRADICTED)])
def test_equal_to_full_bptt_is_weighed_on_nonmatching_where_that_was_run(tree, bptt, verdict):
    for seed in range(3):
        for method, score in (("rtrl", 50.0 + seed / 2), ("bptt", bptt[seed])):
            tree.level(NONMATCHING, method, seed, real=False, unroll=10, returns=[score])
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "exact"]
    (found,) = [one for one in claim.parts if "select_nonmatching" in one.what]
    assert (found.verdict, found.what.endswith("RTRL equal to full BPTT")) == (verdict, True)


def test_equal_to_full_bptt_is_weighed_after_training_and_over_the_whole_of_it(tree):
    for seed in range(3):
        for method, share in (("bptt", 1.0), ("rtrl", 0.7)):
            path = tree.memory("tmaze", 20, method, seed, 1.0) / "curve.csv"
            curve = pd.read_csv(path)
            curve.assign(episode_return_mean=share * curve["episode_return_mean"]).to_csv(path, index=False)
    what = "memory tasks, a delay that a segment cannot hold{}: RTRL equal to full BPTT"
    assert part(tree, "exact", what.format("")).verdict == SHOWN
    assert part(tree, "exact", what.format(", success over the whole of training")).verdict == CONTRADICTED


@pytest.mark.parametrize(("rtrl", "verdict"), [(1.0, SHOWN), (0.7, NOT_SHOWN)])
def test_a_difference_between_agents_that_have_not_learned_shows_nothing(tree, rtrl, verdict):
    for seed in range(3):
        tree.memory("tmaze", 20, "rtrl", seed, rtrl - 0.01 * seed)
        tree.memory("tmaze", 20, "tbptt", seed, 0.5 + 0.01 * seed)
    comparison = evidence.memory(load(tree.root), "better than", long=True, retained=True)
    (found,) = weighing.weigh([comparison])
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("seeds", "accuracy", "verdict", "said"),
    [
        (3, 1.0, SHOWN, "100 %; in the worst seed 100 %"),
        (3, 0.997, NOT_SHOWN, "99.7 %; in the worst seed 99.7 %"),
        (1, 1.0, NOT_TESTED, "1 seed, 3 are needed (so far 100 %; in the worst seed 100 %)"),
    ],
)
def test_a_copied_length_needs_three_seeds_and_every_sequence(tree, seeds, accuracy, verdict, said):
    for seed in range(seeds):
        tree.copy_task(50, "rtrl", seed, accuracy, 400)
    found = part(tree, "copy", "every test sequence of up to 100 steps right")
    assert (found.verdict, found.said) == (verdict, said)


def test_what_is_missing_for_a_comparison_is_named(tree):
    tree.chaser(50, rtrl=[8.0])
    assert part(tree, "chaser", "Chaser, M = 50: RTRL equal to TBPTT").said == "TBPTT has no finished run"
    assert (
        part(tree, "chaser", "Chaser, M = 5: RTRL better than TBPTT").said
        == "neither RTRL nor TBPTT has a finished run"
    )


def test_sampled_play_at_the_end_of_training_stands_beside_greedy_play(tree):
    tree.chaser(5, rtrl=[8.0, 2.0, 5.0], tbptt=[4.0, 4.1, 4.3])
    for number, path in enumerate(sorted(tree.root.glob("runs/reinforcement/chaser/*/M5/seed*/curve.csv"))):
        curve = pd.read_csv(path)
        curve.loc[curve.index >= 0.8 * len(curve), "episode_return_mean"] = 10.0 + number
        curve.to_csv(path, index=False)
    found = part(tree, "chaser", "Chaser, M = 5: RTRL better than TBPTT").brief
    assert "sampled play, last fifth of training: 11.0 against 14.0" in found
    assert "(seeds 10.0–12.0 against 13.0–15.0; greedy 2.00–8.00 against 4.00–4.30)" in found


def test_the_smallest_p_of_three_seeds_is_named(tree):
    tree.chaser(5, rtrl=[8.0, 8.2, 8.1], tbptt=[4.0, 4.1, 4.3])
    said = part(tree, "chaser", "Chaser, M = 5: RTRL better than TBPTT").said
    assert "permutation test: p = 0.100, the least that these scores can give" in said


def test_a_scale_without_any_run_tests_nothing(tree):
    assert {claim.verdict for claim in claims.claims(load(tree.root))} == {NOT_TESTED}


def test_nonmatching_counts_as_learned_from_half_of_the_oracles_score(tree):
    tree.level(NONMATCHING, "rtrl", 0, real=False)
    run = load(tree.root)["runs"].iloc[0]
    oracle = players.score(NONMATCHING, run["backend"], "oracle")
    assert players.learned(run, oracle / 2)
    assert not players.learned(run, oracle / 2 - 0.1)


def test_of_several_settings_at_one_m_the_verdict_says_that_it_took_one(tree):
    for rate in (6e-4, 1e-3):
        for seed in range(3):
            for method, score in (("rtrl", 8.0), ("tbptt", 4.0)):
                settings = {"unroll": 5, "optimiser": {"learning_rate": rate}}
                folder = tree.run("procgen", "chaser", method, seed, returns=[score + seed], **settings)
                folder.rename(folder.with_name(f"rate{rate}_seed{seed}"))
    found = part(tree, "chaser", "Chaser, M = 5: RTRL better than TBPTT")
    assert "; of 2 settings, the one with enough seeds and most steps" in found.said
    assert found.n == "3 + 3"


def test_a_taught_stem_stands_beside_the_verdict(tree):
    stem = {"method": "state", "environment": NONMATCHING, "env_steps": 57600, "env_frames": 230400}
    for method in ("rtrl", "tbptt"):
        tree.level(NONMATCHING, method, 0, real=False, unroll=50)
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "dmlab"]
    assert claim.note == ""
    for method in ("rtrl", "tbptt"):
        tree.level(NONMATCHING, method, 0, real=False, record={"pretrained": {**stem, "fingerprint": "1"}})
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "dmlab"]
    assert "taught what is in view from the simulator's state and then frozen, in 1 of 2 comparisons" in claim.note


def test_runs_that_no_comparison_takes_depart_from_nothing(tree):
    for method in ("rtrl", "tbptt"):
        tree.memory("tmaze", 20, method, 0, 1.0)
    tree.memory("tmaze", 20, "rtrl", 1, 1.0, optimiser={"learning_rate": 0.024})
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "memory"]
    assert "learning rate" not in claim.note


@pytest.mark.parametrize(
    ("rtrl", "tbptt", "said"),
    [
        (1.0, 0.5, "RTRL gains there too: T-maze, delay 20: 0.99"),
        (0.6, 0.5, "RTRL gains nothing that can be told from chance: T-maze, delay 20: 0.59"),
        (0.5, 1.0, "TBPTT is ahead of RTRL: T-maze, delay 20: 0.49"),
    ],
)
def test_what_rtrl_gains_with_the_papers_initialisation_is_said(tree, rtrl, tbptt, said):
    for seed in range(3):
        for method, score in (("rtrl", rtrl), ("tbptt", tbptt)):
            tree.memory("tmaze", 20, method, seed, score - 0.01 * seed, retention=None)
            for delay in (20, 10):
                tree.memory("tmaze", delay, method, seed, score - 0.01 * seed)
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "memory"]
    assert f"With the paper's own initialisation {said}" in claim.note


def test_a_study_with_the_papers_initialisation_alone_is_weighed_once_and_departs_in_nothing(tree):
    for seed in range(3):
        for method, score in (("rtrl", 1.0), ("tbptt", 0.5)):
            tree.memory("tmaze", 20, method, seed, score - 0.01 * seed, retention=None)
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "memory"]
    assert [part.what for part in claim.parts if part.verdict == SHOWN] == [
        "T-maze, M = 5, a delay that a segment cannot hold: RTRL better than TBPTT"
    ]
    assert "the paper's initialisation" not in " ".join(part.what for part in claim.parts)
    assert claim.note == ""


def test_a_memory_task_without_gain_leaves_the_gain_on_another_one_shown(tree):
    for seed in range(3):
        for method, score in (("rtrl", 1.0), ("tbptt", 0.5)):
            tree.memory("tmaze", 20, method, seed, score - 0.01 * seed)
            tree.memory("delayed_match", 20, method, seed, 1.0 - 0.01 * seed)
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "memory"]
    assert claim.verdict == IN_PART
    assert [part.verdict for part in claim.parts if part.what.startswith("T-maze, M = 5")] == [SHOWN]
    assert [part.verdict for part in claim.parts if part.what.startswith("Delayed match, M = 5")] == [NOT_SHOWN]


def test_settings_that_are_the_papers_are_no_departure(tree):
    for method in ("rtrl", "tbptt"):
        tree.memory("tmaze", 20, method, 0, 1.0)
    (claim,) = [one for one in claims.claims(load(tree.root)) if one.name == "memory"]
    assert claim.note.startswith("Departures from the paper: initial retention") and "learning rate" not in claim.note


def test_agents_whose_return_fell_at_the_end_have_not_learned(tree):
    tree.chaser(5, rtrl=[8.0, 8.2, 8.1], tbptt=[4.0, 4.1, 4.3])
    for path in tree.root.glob("runs/reinforcement/chaser/rtrl/M5/seed*/curve.csv"):
        curve = pd.read_csv(path)
        curve.loc[40:, "episode_return_mean"] /= 2
        curve.to_csv(path, index=False)
    found = part(tree, "chaser", "Chaser, M = 5: RTRL better than TBPTT")
    assert found.verdict == NOT_TESTED
    assert "training return fell" in found.said


def test_where_memory_should_matter_the_verdict_says_how_a_feedforward_agent_does(tree):
    what = "watermaze, M = 10: RTRL better than TBPTT"
    for seed in range(3):
        for method, score in (("rtrl", 20.0), ("tbptt", 5.0)):
            tree.level(WATERMAZE, method, seed, real=False, unroll=10, returns=[score + seed])
    assert "no feedforward agent of the same budget" in part(tree, "dmlab", what).said
    for seed in range(3):
        tree.level(WATERMAZE, "feedforward", seed, real=False, unroll=10, returns=[30.0 + seed])
    found = part(tree, "dmlab", what)
    assert found.verdict == SHOWN
    assert "RTRL is not clearly above the feedforward agent, difference -10" in found.said.replace("−", "-")


def test_a_method_whose_interval_lies_above_a_feedforward_agents_is_clearly_above_it(tree):
    for seed in range(3):
        for method, score in (("rtrl", 20.0), ("tbptt", 5.0), ("feedforward", 3.0)):
            tree.level(WATERMAZE, method, seed, real=False, unroll=10, returns=[score + seed])
    said = part(tree, "dmlab", "watermaze, M = 10: RTRL better than TBPTT").said
    assert "RTRL is clearly above the feedforward agent, difference 17" in said


def test_every_m_of_watermaze_is_one_comparison_only_once_all_are_tested(tree):
    for m, seeds in ((10, 3), (50, 3), (100, 1)):
        for seed in range(seeds):
            for method, score in (("rtrl", 20.0), ("tbptt", 5.0)):
                tree.level(WATERMAZE, method, seed, real=False, unroll=m, returns=[score + seed])
    assert part(tree, "dmlab", "watermaze, M = 100: RTRL better than TBPTT").verdict == NOT_TESTED


def test_every_m_of_watermaze_is_one_comparison_of_all_three(tree):
    for m, rtrl, tbptt in ((10, 20.0, 5.0), (50, 20.0, 5.0), (100, 5.0, 20.0)):
        for seed in range(3):
            tree.level(WATERMAZE, "rtrl", seed, real=False, unroll=m, returns=[rtrl + seed])
            tree.level(WATERMAZE, "tbptt", seed, real=False, unroll=m, returns=[tbptt + seed])
    found = part(tree, "dmlab", "watermaze, every M: RTRL better than TBPTT")
    assert (found.verdict, found.n) == (NOT_SHOWN, "9 + 9")


def test_difference_is_welchs():
    x, y = [1.0, 2.0, 4.0], [0.5, 0.7, 0.1, 0.9]
    found, other = stats.difference(x, y), ttest_ind(x, y, equal_var=False)
    assert found[1:3] == pytest.approx(tuple(other.confidence_interval(0.95)))
    assert found.p_value == pytest.approx(other.pvalue)


def test_holm_multiplies_by_the_number_of_tests_that_are_left_and_skips_what_was_not_tested():
    assert stats.holm([0.04, np.nan, 0.01]).tolist() == pytest.approx([0.04, np.nan, 0.02], nan_ok=True)
    assert stats.holm([0.3, 0.03, 0.02]).tolist() == pytest.approx([0.3, 0.06, 0.06])
