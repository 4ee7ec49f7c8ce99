"""What is said of costs: the claim about a second layer, and how long RTRL takes beside TBPTT."""

from __future__ import annotations

import cost_study
import numpy as np
import pandas as pd
import pytest

from analysis.claims import CONTRADICTED, NOT_SHOWN, NOT_TESTED, SHOWN
from analysis.costs import answer, claims

SIZES = {"study": "a", "device": "cpu", "cell": "elstm", "hidden": 64, "inputs": 64, "batch": 32, "unroll": 50}


def operations(study, two, one, wobble=1.0):
    """The part on operations, counted as N to the power of `two` and `one`, every second one `wobble` times that."""
    points = cost_study.points()
    powers = points["layers"].map({1: one, 2: two})
    wobbles = np.where(np.log2(points["hidden"]) % 2, wobble, 1.0)
    (claim,) = claims.claims(study(costs=points.assign(counted_flops_per_step=points["hidden"] ** powers * wobbles)))
    return claim.parts[0]


@pytest.mark.parametrize(
    ("two", "one", "verdict"),
    [
        (3.0, 2.0, SHOWN),
        (2.55, 2.0, SHOWN),
        (2.45, 2.0, NOT_SHOWN),
        (2.0, 2.0, NOT_SHOWN),
        (2.0, 3.0, CONTRADICTED),
    ],
)
def test_a_second_layer_is_shown_to_cost_more_by_an_exponent_that_is_larger_by_half(study, two, one, verdict):
    assert operations(study, two, one).verdict == verdict


@pytest.mark.parametrize(("two", "one"), [(3.0, 2.0), (2.0, 3.0)])
def test_exponents_whose_intervals_overlap_show_nothing(study, two, one):
    assert operations(study, two, one, wobble=5.0).verdict == NOT_SHOWN


def test_both_exponents_and_how_many_sizes_they_rest_on_are_told(study):
    part = operations(study, 3.0, 2.0)
    powers = "3.00 [3.00, 3.00] with two layers, 2.00 [2.00, 2.00] with one"
    assert (part.said, part.n) == (f"N to the power of {powers}", "3 + 4 sizes")  # the upper half of each sweep


def test_only_the_papers_cell_with_as_many_inputs_as_units_is_judged(study):
    points = cost_study.points()
    for change in ({"cell": "rtu"}, {"inputs": 7}):
        (claim,) = claims.claims(study(costs=points.assign(**change)))
        assert [part.verdict for part in claim.parts] == [NOT_TESTED] * 2


def test_memory_is_judged_by_its_own_counts(study):
    points = cost_study.points()
    powers = points["layers"].map({1: 2.0, 2: 3.0})
    memory = {"counted_peak_bytes": points["hidden"] ** 2.0, "counted_flops_per_step": points["hidden"] ** powers}
    (claim,) = claims.claims(study(costs=points.assign(**memory)))
    assert [part.verdict for part in claim.parts] == [SHOWN, NOT_SHOWN]


def test_of_several_studies_the_finest_is_judged(study):
    points = cost_study.points()
    coarse = points[points["hidden"] > 16].assign(sweep="coarse " + points["sweep"], counted_flops_per_step=1.0)
    (claim,) = claims.claims(study(costs=pd.concat([coarse, points], ignore_index=True)))
    (alone,) = claims.claims(study(costs=points))
    assert claim.parts == alone.parts


@pytest.mark.parametrize("axis", ["batch", "unroll"])
def test_sweeps_at_other_sizes_are_not_compared(study, axis):
    points = cost_study.points()
    (claim,) = claims.claims(study(costs=points.assign(**{axis: points[axis] + points["layers"]})))
    assert [part.verdict for part in claim.parts] == [NOT_TESTED] * 2


def test_without_counts_of_two_layers_nothing_is_tested(study):
    points = cost_study.points()
    (claim,) = claims.claims(study(costs=points[points["layers"] != 2]))
    assert [part.verdict for part in claim.parts] == [NOT_TESTED] * 2


def test_the_answer_is_the_range_of_rtrls_time_over_tbptts_at_equal_sizes():
    times = [
        *(("rtrl", 1, 64, 4.0), ("tbptt", 1, 64, 2.0)),
        *(("rtrl", 1, 128, 15.0), ("tbptt", 1, 128, 3.0)),
        *(("rtrl", 1, 256, 90.0), ("tbptt", 1, 512, 1.0)),  # no pair
        *(("rtrl", 2, 64, 99.0), ("tbptt", 2, 64, 1.0)),  # two layers
    ]
    rows = [
        {**SIZES, "gradient": gradient, "layers": layers, "hidden": hidden, "measured_step_s": seconds}
        for gradient, layers, hidden, seconds in times
    ]
    assert answer.sentence({"points": pd.DataFrame(rows)}) == (
        "A learning step of a single recurrent layer takes 2.0 to 5.0 times as long by RTRL as by TBPTT (2 sizes)."
    )


def test_times_on_another_device_or_of_another_study_make_no_pair():
    row = {**SIZES, "layers": 1}
    pair = [{**row, "gradient": "rtrl", "measured_step_s": 3.0}, {**row, "gradient": "tbptt", "measured_step_s": 2.0}]
    alone = [{**row, "gradient": "rtrl", "measured_step_s": 0.1, "device": "cuda", "study": "b"}]
    said = "takes 1.5 times as long by RTRL as by TBPTT (1 size)."
    assert answer.sentence({"points": pd.DataFrame(pair + alone)}).endswith(said)


def test_without_a_pair_of_times_there_is_no_answer():
    rows = [{**SIZES, "gradient": "rtrl", "layers": 1, "measured_step_s": 1.0}]
    assert answer.sentence({"points": pd.DataFrame(rows)}) == ""
