"""Fitted exponents: the fit, its interval, and the verdict on each prediction."""

from __future__ import annotations

import math

import cost_study
import numpy as np
import pytest
from scipy.stats import linregress, t

from analysis.costs import exponents as fits_of
from analysis.costs.exponents import MINIMUM, fit
from analysis.costs.tables import exponents as table

N = np.array([8, 16, 32, 64, 128, 256])


def exponents(results):
    """The fitted exponents of a results folder."""
    return fits_of.exponents(results["points"], results["theory"])


def row(fits, sweep, method, basis="counted", quantity="flops"):
    """One fitted exponent."""
    chosen = (fits["sweep"] == sweep) & (fits["gradient"] == method)
    return fits[chosen & (fits["basis"] == basis) & (fits["quantity"] == quantity)].squeeze()


@pytest.mark.parametrize("power", [-1.0, 0.0, 1.5, 4.0])
def test_fit_recovers_a_power_law(power):
    found = fit(N, 3e-5 * N**power)
    assert found.exponent == pytest.approx(power, abs=1e-10)
    assert (found.low, found.high) == pytest.approx((power, power), abs=1e-10)


def test_fit_is_that_of_the_upper_half_of_the_range():
    """8 · 256 = 45² : from 64 on; below that there is another law."""
    found = fit(N, np.where(N >= 64, N**2.0, 7.0 * N))
    assert (found.points, found.fit_from, found.fit_to) == (3, 64, 256)
    assert found.exponent == pytest.approx(2, abs=1e-10)


def test_fit_includes_the_middle_of_the_range():
    assert fit([3, 9, 18, 27], [1, 2, 3, 4]).fit_from == 9


def test_fit_and_interval_are_scipys():
    rng = np.random.default_rng(3)
    x = np.geomspace(10, 1000, 9)
    y = x**1.7 * rng.lognormal(0, 0.2, 9)
    found = fit(x, y)
    oracle = linregress(np.log(x[4:]), np.log(y[4:]))
    half = oracle.stderr * t.ppf(0.975, 3)
    assert found.exponent == pytest.approx(oracle.slope, rel=1e-10)
    assert (found.low, found.high) == pytest.approx((oracle.slope - half, oracle.slope + half), rel=1e-10)


@pytest.mark.parametrize(
    ("basis", "quantity", "column"),
    [
        *(("counted", "flops", "counted_flops_per_step"), ("counted", "memory", "counted_peak_bytes")),
        *(("measured", "flops", "measured_step_s"), ("measured", "memory", "measured_peak_bytes")),
    ],
)
def test_each_exponent_is_fitted_to_its_own_column(study, basis, quantity, column):
    points = cost_study.points()
    found = exponents(study(costs=points.assign(**{column: points["hidden"] ** 7.0})))
    assert row(found, "hidden", "rtrl", basis, quantity)["exponent"] == pytest.approx(7)


def test_interval_covers_the_exponent_as_often_as_it_says():
    rng = np.random.default_rng(0)
    x = np.geomspace(10, 1000, 9)
    fits = [fit(x, x**2.5 * rng.lognormal(0, 0.1, 9)) for _ in range(1000)]
    assert np.mean([one.low <= 2.5 <= one.high for one in fits]) == pytest.approx(0.95, abs=0.02)


def test_points_without_a_logarithm_are_left_out_before_the_range_is_taken():
    found = fit([1, 2, 4, 8, 16, 1000], [0, 4, 16, 64, 256, np.nan])
    assert (found.points, found.fit_from, found.fit_to) == (2, 8, 16)  # of 2 to 16: the middle is 5.7
    assert math.isnan(found.exponent)


@pytest.mark.parametrize(("sweep", "method", "memory", "flops"), cost_study.THEORY)
def test_counts_confirm_the_laws_that_they_were_made_from(study, sweep, method, memory, flops):
    fits = exponents(study())
    for quantity, exponent in (("memory", memory), ("flops", flops)):
        found = row(fits, sweep, method, quantity=quantity)
        assert found["exponent"] == pytest.approx(exponent, abs=0.1)
        assert (found["predicted"], found["verdict"]) == (exponent, "confirmed")


@pytest.mark.parametrize(
    ("quantity", "off", "verdict"),
    [
        *[(quantity, off, "confirmed") for quantity in ("flops", "memory") for off in (0.0, 0.1)],
        *[("flops", off, "not confirmed") for off in (0.2, -0.2)],
        *[("memory", 0.2, "not judged, differs by -0.20"), ("memory", -0.2, "not judged, differs by +0.20")],
    ],
)
def test_verdict_flips_when_the_predicted_exponent_is_off(study, quantity, off, verdict):
    theory = cost_study.theory()
    theory["exponent"] += off
    found = row(exponents(study(theory=theory)), "hidden", "rtrl", quantity=quantity)
    assert found["difference"] == pytest.approx(-off, abs=1e-9)
    assert found["verdict"] == verdict


def test_counts_that_end_before_the_sweep_are_held_against_the_prediction_there(study):
    """N³ + 100 N² is nearer to N² where it was counted, and nearer to N³ at the end of the sweep."""
    points = cost_study.points()
    n = points["hidden"].astype(float)
    law = n**3 + 100 * n**2
    points = points.assign(predicted_flops_per_step=law, counted_flops_per_step=law.where(n <= 256))
    theory = cost_study.theory().assign(exponent=2.8)
    found = row(exponents(study(costs=points, theory=theory)), "hidden", "rtrl")
    assert found["exponent"] == pytest.approx(found["predicted_there"], abs=1e-9)
    assert found["verdict"] == f"confirmed up to 256, where {found['predicted_there']:.2f} is predicted"
    wrong = points.assign(counted_flops_per_step=(n**3).where(n <= 256))
    assert (
        row(exponents(study(costs=wrong, theory=theory.assign(exponent=2.5))), "hidden", "rtrl")["verdict"]
        == "not confirmed"
    )


def test_measurements_are_reported_and_not_judged(study):
    fits = exponents(study(theory=cost_study.theory().assign(exponent=9.0)))
    time = row(fits, "hidden_dense", "rtrl_dense", "measured")
    assert time["column"] == "measured_step_s"
    assert time["verdict"] == "not judged, differs by -5.00"
    assert not fits.loc[fits["basis"] == "measured", "verdict"].str.contains("confirmed").any()


def test_too_few_points_are_said_so(study):
    points = cost_study.points()
    points.loc[points["hidden"] > 32, ["counted_flops_per_step", "measured_step_s"]] = None
    fits = exponents(study(costs=points))
    assert (
        row(fits, "hidden_dense", "rtrl_dense")["verdict"] == f"too few points: 1 in the upper half, {MINIMUM} needed"
    )
    assert row(fits, "unroll", "rtrl", "measured")["verdict"] == "not measured"
    assert math.isnan(row(fits, "unroll", "rtrl", "measured")["exponent"])


def test_a_series_without_a_prediction_has_no_verdict(study):
    fits = exponents(study(theory=cost_study.theory().query("method != 'rtrl'")))
    assert row(fits, "hidden", "rtrl")["verdict"] == "no predicted exponent"


def test_the_table_counts_what_was_confirmed_and_names_the_rest(study):
    theory = cost_study.theory()
    theory.loc[(theory["method"] == "rtrl_dense") & (theory["quantity"] == "flops"), "exponent"] = 3
    notes = " ".join(table.build(study(theory=theory)).notes)
    assert (
        "10 of 11 predicted exponents of FLOPs are confirmed by the counts; not those of dense RTRL in hidden_dense. "
        "Of peak memory they confirm 11 of 11;" in notes
    )
    assert "by the XLA compiler (jax 0.7.1); measured on Test processor (cpu), threads: 1." in notes
