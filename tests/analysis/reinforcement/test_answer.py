"""The answer and the headline: which comparison they are about, and whose scores they give."""

from __future__ import annotations

from analysis import claims
from analysis.claims import NOT_SHOWN, SHOWN, Claim, Part
from analysis.load import load
from analysis.reinforcement import answer
from analysis.reinforcement.figures import headline

NONMATCHING = "rooms_select_nonmatching_object"


def test_the_headline_is_nonmatching_at_ten_once_it_is_learned(tree):
    tree.chaser(5, rtrl=[8.0, 8.2, 8.1], tbptt=[1.0, 1.1, 1.3])
    assert answer.chosen(load(tree.root))[0]["environment"] == "chaser"
    for seed in range(3):
        for method, score in (("rtrl", 50.0), ("tbptt", 40.0)):
            tree.level(NONMATCHING, method, seed, real=False, unroll=10, returns=[score + seed])
    assert answer.chosen(load(tree.root))[0]["environment"] == NONMATCHING
    assert "[rooms backend]" in " ".join(headline.draw(load(tree.root)).figure.axes[0].get_title().split())


def test_the_headline_draws_the_runs_whose_scores_it_names(tree):
    for seed in range(3):
        for cell, scores in (("elstm", (1.0, 0.6)), ("egru", (1.0, 0.5))):
            for method, score in zip(("rtrl", "tbptt"), scores):
                place = {"retention": 20.0 + (cell == "egru"), "cell": cell}
                tree.memory("tmaze", 20, method, seed, score, **place)
    results = load(tree.root)
    assert "eGRU agents trained by RTRL score 1.00, by TBPTT 0.50" in answer.sentence(results)
    drawn = headline.draw(results).numbers
    assert set(drawn["method"]) == {"eGRU RTRL", "eGRU TBPTT"}


def test_the_answer_and_the_headline_give_each_method_its_score(tree):
    tree.chaser(5, rtrl=[8.0, 9.0, 10.0], tbptt=[4.0, 5.0, 6.0])
    results = load(tree.root)
    assert "agents trained by RTRL score 9.00, by TBPTT 5.00" in answer.sentence(results)
    title = headline.draw(results).figure.axes[0].get_title()
    assert "RTRL 9.00, TBPTT 5.00" in " ".join(title.split())


def test_the_answer_counts_the_papers_claims_alone(tree):
    found = [Claim(n, "", "", "", (Part("", verdict, ""),)) for n, verdict in ((1, SHOWN), (2, NOT_SHOWN), (0, SHOWN))]
    said = claims.answer(load(tree.root), found)
    assert said.endswith("Of the paper's 2 claims: 1 shown, 1 not shown.")
