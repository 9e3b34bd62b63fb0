"""Figures: the same bytes each time, words for those who cannot see, and nobody to be found."""

import re
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from analyses import Cox, KaplanMeier, Question
from cohort import Binary, Continuous, FollowUp, TimeScale, from_frame
from reports.coarse import coarse_steps, tick_times
from reports.content import Figure
from reports.figures import curve_figure, flow_figure, forest_figure, hazards_figure
from reports.forest import ForestLine, forest_plot
from reports.hazards_check import banded_ratios, hazards_test, test_table
from reports.study_page import _hazards_of

from .cohorts import small_cohort

QUESTION = Question(exposure="group")
test_table.__test__ = False


@pytest.fixture(scope="module")
def cohort():
    return small_cohort()


@pytest.fixture(scope="module")
def curve(cohort):
    return KaplanMeier().estimate(cohort, QUESTION)


def test_figures_are_the_same_bytes_each_time(cohort, curve) -> None:
    frame = Cox().estimate(cohort, QUESTION).frame
    for draw in (
        lambda: curve_figure(curve, cohort, "group", 5).svg,
        lambda: forest_figure(frame, cohort, 5).svg,
        lambda: flow_figure(cohort, 5).svg,
    ):
        one, other = draw(), draw()
        assert one == other
        assert "<text" not in one  # fonts are paths: no font of the reader's machine matters
        assert not re.search(r"20\d\d-\d\d-\d\d", one)


def test_every_figure_has_words_and_data(cohort, curve) -> None:
    frame = Cox().estimate(cohort, QUESTION).frame
    for figure in (
        curve_figure(curve, cohort, "group", 5),
        forest_figure(frame, cohort, 5),
        flow_figure(cohort, 5),
    ):
        assert len(figure.alt) > 30
        assert figure.data.rows


def test_curve_steps_hold_five_events_and_stand_at_whole_years(cohort, curve) -> None:
    """Between two levels of the drawn curve lie at least five events of the true one."""
    for steps in coarse_steps(curve, cohort, "group", 5):
        rows = curve.frame.filter(pl.col("group") == steps.group).sort("time")
        estimates = rows["estimate"].to_numpy()
        cumulative = np.cumsum(rows["events"].to_numpy())
        known = [0.0]
        for level in steps.estimate[1:]:
            place = int(np.flatnonzero(estimates == level)[0])
            known.append(float(cumulative[place]))
        assert len(known) > 3
        assert (np.diff(known) >= 5).all()
        assert all(time == round(time) for time in steps.time)


def test_a_curve_ends_where_few_are_at_risk() -> None:
    cohort = small_cohort()
    frame = cohort.frame
    late = frame.filter(pl.col("years") >= 7.0).head(3)
    cohort = cohort.with_frame(pl.concat([frame.filter(pl.col("years") < 7.0), late]))
    curve = KaplanMeier().estimate(cohort, QUESTION)
    for steps in coarse_steps(curve, cohort, "group", 5):
        assert steps.end <= 7.0
        assert "•" in steps.at_risk or steps.at_risk[-1] == "0"


def test_nothing_is_coarse_when_nothing_is_withheld(cohort, curve) -> None:
    for steps in coarse_steps(curve, cohort, "group", 1):
        rows = curve.frame.filter((pl.col("group") == steps.group) & (pl.col("events") > 0))
        assert sorted(rows["estimate"].to_list(), reverse=True) == list(steps.estimate[1:])


def test_numbers_at_risk_are_those_of_the_records(cohort, curve) -> None:
    times = tick_times(cohort)
    assert times[0] == 0.0
    for steps in coarse_steps(curve, cohort, "group", 5):
        mine = cohort.frame.filter(pl.col("group") == steps.group)["years"].to_numpy()
        expected = [f"{int((mine >= time).sum())}" for time in times]
        assert expected == list(steps.at_risk)


def test_forest_plot_draws_rows_without_estimates() -> None:
    svg = forest_plot(
        [
            ForestLine("a", "square", None, None, None, "not estimable"),
            ForestLine("b", "square", 2.0, 0.001, 900.0, "wide"),
            ForestLine("c", "diamond", 1.2, 1.0, 1.5, "pool"),
        ],
        "Odds ratio",
    )
    assert svg.startswith("<svg")
    assert "inf" not in svg.replace("info", "")


def test_bands_of_time_average_to_the_fit(cohort) -> None:
    """Scaled Schoenfeld residuals have the coefficient as their mean (Grambsch, Therneau 1994)."""
    estimates = Cox().estimate(cohort, QUESTION)
    fit = estimates.fit("crude")
    test = hazards_test(estimates, "crude")
    assert test is not None
    (ratio,) = banded_ratios(test, fit, "group", "group")
    logs = np.log([band.estimate for band in ratio.bands])
    weights = np.array([band.events for band in ratio.bands])
    assert weights.sum() == estimates.frame["events"][0]
    assert np.average(logs, weights=weights) == pytest.approx(float(fit.beta[0]), abs=1e-9)
    assert weights.min() >= 5
    # A band of n of d events has d / n times the variance of the fit: the mean information.
    errors = [np.log(band.high / band.low) / (2 * 1.959963984540054) for band in ratio.bands]
    expected = float(fit.std_error[0]) * np.sqrt(weights.sum() / weights)
    assert errors == pytest.approx(expected, rel=1e-9)
    (tenfold,) = banded_ratios(test, fit, "group", "group, per 10", 10.0)
    assert np.log(tenfold.overall) == pytest.approx(10 * np.log(ratio.overall), rel=1e-12)
    for ten, one in zip(tenfold.bands, ratio.bands, strict=True):
        assert np.log([ten.estimate, ten.low, ten.high]) == pytest.approx(
            10 * np.log([one.estimate, one.low, one.high]), rel=1e-9
        )
    figure = hazards_figure([ratio], cohort)
    assert "ever" in figure.alt
    table = test_table(estimates, "crude", cohort, "group")
    assert ("Use", "1") == (table.rows[0].cells[0], table.rows[0].cells[2])


@pytest.mark.parametrize("weight", [0.5, 50.0])
def test_the_steps_of_a_weighted_curve_are_of_several_persons(weight) -> None:
    """With one weight for all, a curve moves and ends where the unweighted one does."""
    draws = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "id": range(60), "years": np.round(draws.uniform(1, 30, 60), 2),
            "died": np.arange(60) % 3 == 0, "used": np.arange(60) % 2, "weight": [weight] * 60,
        }
    )  # fmt: skip
    told = []
    for weights in (None, "weight"):
        cohort = from_frame(
            frame,
            person="id",
            follow_up=FollowUp(TimeScale("time", unit="years"), exit="years", event="died"),
            variables=[Binary("used")],
            weight=weights,
        )
        curve = KaplanMeier().estimate(cohort, Question(exposure="used"))
        told.append([(one.time, one.end) for one in coarse_steps(curve, cohort, "used", 5)])
    assert told[0] == told[1]
    assert any(len(times) > 1 for times, _ in told[0])


def test_a_curve_without_limits_has_none(cohort) -> None:
    """They were drawn from 0 to 1, under "95 % interval"."""
    bare = KaplanMeier(conf_type="none").estimate(cohort, QUESTION)
    figure = curve_figure(bare, cohort, "group", 5)
    told = [row.cells[3] for row in figure.data.rows if float(row.cells[1].replace(",", "")) > 0]
    assert told
    assert set(told) == {"–"}


@pytest.mark.parametrize(("without", "shown"), [(0, True), (2, False)])
def test_bands_of_events_do_not_add_up_to_a_withheld_total(without, shown) -> None:
    """Two with the event lack their age: the bands of that model would tell."""
    draws = np.random.default_rng(1)
    n = 400
    fails, leaves = draws.exponential(5, n), draws.uniform(1, 9, n)
    event = fails <= leaves
    age = draws.normal(50, 5, n)
    age[np.flatnonzero(event)[:without]] = np.nan
    frame = pl.DataFrame(
        {
            "id": np.arange(n), "t": np.minimum(fails, leaves), "e": event.astype(int),
            "x": draws.random(n) < 0.5, "age": age,
        }
    ).with_columns(pl.col("age").fill_nan(None))  # fmt: skip
    cohort = from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("t", unit="years"), exit="t", event="e"),
        variables=[Binary("x"), Continuous("age", unit="years")],
    )
    question = Question(
        exposure="x", adjustments={"crude": [], "age": ["age"]}, missing="complete case"
    )
    study = SimpleNamespace(report=SimpleNamespace(smallest_cell=5))
    found = Cox().estimate(cohort, question)
    blocks = _hazards_of(found, cohort, "x", SimpleNamespace(study=study))
    assert any(isinstance(one, Figure) for one in blocks) == shown
