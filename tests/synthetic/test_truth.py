"""Truth by integration: against formulas where there are some, and against drawn events."""

from dataclasses import dataclass
from math import exp, log

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq

from cohort.errors import StudyError
from synthetic.document.reading import read_world
from synthetic.document.world import World
from synthetic.life.course import Intervention, draw_course, intervened, seen_ages
from synthetic.life.study import draw_study
from synthetic.streams import Draws
from synthetic.truth.conditional import conditional_truth
from synthetic.truth.contrast import (
    Contrast,
    contrast_truth,
    starting_ages,
    watching,
    world_truth,
)
from synthetic.truth.integrals import EVENTS, QUANTITIES, integrate
from tests.synthetic.documents import changed, plain_document, world


def _value(table: pl.DataFrame, measure: str, until: int | None = None) -> float:
    rows = table.filter(pl.col("measure") == measure)
    if until is not None:
        rows = rows.filter(pl.col("until") == until)
    return float(rows["truth"].item())


def test_constant_hazards_have_formulas():
    """Hazards 0.01 (0.005 under the intervention) and 0.02 for death, from age 50.

    Risk = c / (c + d) (1 - exp(-(c + d) t)); years lost = its integral; years free likewise.
    """
    told = world(plain_document(), ("outcomes.breast.chimerism", 0.5))
    contrast = Contrast("breast", "chimerism", start=50, until=(60, 75))
    table = contrast_truth(told, contrast, persons=2000, seed=1)
    for age in (60, 75):
        t, risks, lost, free = age - 50, [], [], []
        for c in (0.005, 0.01):
            h = c + 0.02
            risks.append(c / h * (1 - exp(-h * t)))
            lost.append(c / h * (t - (1 - exp(-h * t)) / h))
            free.append((1 - exp(-h * t)) / h)
        assert risks[0] - risks[1] == pytest.approx(_value(table, "risk difference", age), rel=1e-9)
        assert risks[0] / risks[1] == pytest.approx(_value(table, "risk ratio", age), rel=1e-9)
        shown = _value(table, "difference in years lost", age)
        assert lost[0] - lost[1] == pytest.approx(shown, rel=1e-9)
        shown = _value(table, "difference in years free", age)
        assert free[0] - free[1] == pytest.approx(shown, rel=1e-9)
    # Without heterogeneity the marginal ratio is the conditional one, up to the yearly cells.
    shown = _value(table, "cause-specific hazard ratio")
    assert log(0.5) == pytest.approx(log(shown), abs=2e-5)


def test_subdistribution_ratio_of_constant_hazards():
    """The score on a grid of 0.01 years with those who died kept at risk, from the formulas.

    Hazards 0.005 and 0.010 against 0.02 for death over 60 years: far from 0.5 by then.
    """
    told = world(plain_document(), ("outcomes.breast.chimerism", 0.5))
    table = contrast_truth(told, Contrast("breast", "chimerism", start=50), persons=500, seed=1)
    edges = np.arange(6001) / 100
    events, at_risk = [], []
    for c in (0.005, 0.010):
        incidence = c / (c + 0.02) * -np.expm1(-(c + 0.02) * edges)
        events.append(np.diff(incidence))
        at_risk.append(1 - (incidence[1:] + incidence[:-1]) / 2)

    def score(beta: float) -> float:
        share = np.exp(beta) * at_risk[0] / (np.exp(beta) * at_risk[0] + at_risk[1])
        return float((events[0] - (events[0] + events[1]) * share).sum())

    expected = brentq(score, -3, 1)
    assert 0.51 < exp(expected) < 0.60
    shown = table.filter(pl.col("measure") == "subdistribution hazard ratio")["log_truth"].item()
    # Yearly cells against a hundredth of a year.
    assert expected == pytest.approx(shown, abs=2e-4)


def _marginal_log_ratio() -> float:
    """Cox score solved on a fine grid with Gauss-Hermite quadrature over z; nothing shared.

    Hazards 0.005 * 6**z (times 0.35 under the intervention) and 0.02 for death, from birth to 110.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    time = (np.arange(11_000) + 0.5) / 100
    at_risk, events = [], []
    for ratio in (0.35, 1.0):
        hazard = 0.005 * ratio * 6.0**nodes
        survival = np.exp(-np.outer(time, hazard + 0.02)) * weights
        at_risk.append(survival.sum(axis=1))
        events.append(survival @ hazard)

    def score(beta: float) -> float:
        share = np.exp(beta) * at_risk[0] / (np.exp(beta) * at_risk[0] + at_risk[1])
        return float((events[0] - (events[0] + events[1]) * share).sum())

    return float(brentq(score, -3, 1))


def test_heterogeneity_pulls_the_marginal_ratio_to_one():
    """Ratio 6 per SD of a prognostic factor: 0.35 conditional; the marginal one by quadrature."""
    document = plain_document()
    document["variables"]["z"] = {
        "kind": "normal", "mean": 0.0, "sd": 1.0, "measured": "never",
        "provenance": {"mean": "assumed: a test", "sd": "assumed: a test"},
    }  # fmt: skip
    told = world(
        document,
        ("outcomes.breast.chimerism", 0.35),
        ("outcomes.breast.effects", {"z": 6.0}),
        ("outcomes.breast.per_100000", [500.0]),
    )
    table = contrast_truth(told, Contrast("breast", "chimerism", start=0), persons=30_000, seed=1)
    row = table.filter(pl.col("measure") == "cause-specific hazard ratio")
    expected = _marginal_log_ratio()
    assert log(0.45) < expected < log(0.60)
    assert abs(expected - row["log_truth"].item()) < 4 * row["std_error"].item()
    assert row["std_error"].item() < 0.01


@dataclass(frozen=True)
class Case:
    """One world and contrast in which events are drawn too."""

    world: World
    contrast: Contrast


def _cases() -> list[Case]:
    base = plain_document()
    shipped = (
        ("outcomes.breast.chimerism", 0.35),
        ("outcomes.death.chimerism", 0.6),
        ("acquisition.loss_rate", 0.03),
    )
    return [
        Case(
            world(base, ("outcomes.breast.chimerism", 0.5)),
            Contrast("breast", "chimerism", start=50),
        ),
        Case(world("danish_women", *shipped), Contrast("breast", "chimerism", start=50)),
        Case(world("danish_women", *shipped), Contrast("death", "chimerism", start=55)),
        Case(read_world("danish_women"), Contrast("death", "smoking", "current", "never", 50)),
        Case(read_world("danish_women"), Contrast("breast", "hrt", start=40)),
        Case(
            world("danish_women", ("outcomes.stroke.excess_death", [2.0, 0.5])),
            Contrast("ischaemic_heart_disease", "bmi", 35, 25, 55),
        ),
        Case(
            world("danish_women", ("outcomes.injury.compatible_chimerism", 2.0)),
            Contrast("injury", "compatible chimerism", start=50),
        ),
    ]


def _drawn_risks(case: Case, persons: int, seed: int) -> np.ndarray:
    """Whether each woman has the outcome by 65 and by 75 in each of the two worlds: drawn."""
    contrast, draws = case.contrast, Draws(seed, 0, persons)
    course = draw_course(case.world, draws)
    start = starting_ages(course, draw_study(case.world, course), contrast)
    chosen, row = np.isfinite(start), course.names.index(contrast.outcome)
    found = []
    for value in (contrast.value, contrast.versus):
        lives = intervened(case.world, course, Intervention(contrast.cause, value), start)
        ages = seen_ages(lives, draws, course.names)[chosen, row]
        found.append([(ages < until) for until in (65, 75)])
    return np.array(found)


@pytest.mark.parametrize("number", range(7))
def test_integration_agrees_with_drawn_events(number):
    """Risk differences at 65 and 75, paired over the same women, within 4 Monte Carlo errors."""
    case, persons = _cases()[number], 20_000
    table = contrast_truth(case.world, case.contrast, persons=8000, seed=5)
    happened = _drawn_risks(case, persons, seed=6).astype(float)
    for place, until in enumerate((65, 75)):
        pairs = happened[0, place] - happened[1, place]
        error = pairs.std() / np.sqrt(len(pairs))
        row = table.filter((pl.col("measure") == "risk difference") & (pl.col("until") == until))
        expected = row["truth"].item()
        allowed = 4 * np.hypot(error, row["std_error"].item())
        assert abs(expected - pairs.mean()) < allowed, (expected, pairs.mean(), error)
        assert error > 5 * row["std_error"].item() * np.sqrt(8000 / persons) or number == 0


@pytest.mark.parametrize("outcome", ["death", "breast", "injury"])
def test_survival_is_the_exponential_of_the_cumulative_hazard(outcome):
    """Share still free at 60, 70 and 80 if nothing else could happen, in 20,000 women.

    Expected: mean of exp(-integral of the hazard), by integration with all other hazards at 0.
    """
    off = [name for name in read_world("danish_women").outcomes if name != outcome]
    told = world(
        "danish_women",
        *((f"outcomes.{name}.scale", 1e-12) for name in off),
        (f"outcomes.{outcome}.chimerism", 1.5),
    )
    other = draw_course(told, Draws(9, 0, 20_000))
    drawn, names = other.ages, other.names
    course = draw_course(told, Draws(10, 0, 20_000))
    sums = np.zeros((1, 1, 110, QUANTITIES))
    watch = watching(told, course, draw_study(told, course), course.lives, outcome)
    integrate(course.lives, watch, sums)
    reached = sums[0, 0, :, EVENTS].cumsum() / 20_000
    for age in (60, 70, 80):
        expected = 1 - reached[age - 1]
        free = (drawn[:, names.index(outcome)] > age).mean()
        error = np.sqrt(expected * (1 - expected) / 20_000)
        assert abs(expected - free) < 4 * np.sqrt(2) * error


def test_conditional_truth_is_what_the_document_says():
    table = conditional_truth(read_world("dch2012"))
    rows = {(r["outcome"], r["variable"]): r for r in table.iter_rows(named=True)}
    told = read_world("dch2012").outcomes["breast"]
    assert told.chimerism == pytest.approx(rows["breast", "chimerism"]["truth"], rel=1e-12)
    assert "hrt" in rows["breast", "chimerism"]["conditional_on"]
    assert "years since the last birth" in rows["breast", "chimerism"]["conditional_on"]
    # 1.10 per 10 g/day in the document; per 1 g/day in the table, as in our estimates.
    assert log(1.10) / 10 == pytest.approx(rows["breast", "alcohol"]["log_truth"], rel=1e-12)
    assert rows["breast", "alcohol"]["contrast"] == "per 1 g/day"
    assert "current vs never" in table.filter(pl.col("outcome") == "death")["contrast"].to_list()


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        (Contrast("brest", "chimerism"), "'brest'.*'breast'"),
        (Contrast("breast", "smokin"), "'smoking'"),
        (Contrast("breast", "smoking", "sometimes", "never"), "sometimes"),
        (Contrast("breast", "chimerism", 2, 0), "0 or 1"),
        (Contrast("breast", "chimerism", until=(140,)), "at most 110"),
    ],
)
def test_impossible_contrasts_are_refused(contrast, words):
    with pytest.raises(StudyError, match=words):
        contrast_truth(read_world("danish_women"), contrast, persons=200, seed=1)


def test_declared_estimands_are_integrated():
    """The base world declares two; their truth stands beside the ratios of the document."""
    told = read_world("danish_women")
    table = world_truth(told, persons=4000, seed=1)
    assert set(table["estimand"].drop_nulls()) == set(told.estimands)
    direct = contrast_truth(told, Contrast("breast", "hrt", start=50), persons=4000, seed=1)
    found = table.filter(pl.col("estimand") == "breast_hrt")["truth"].to_list()
    assert direct["truth"].to_list() == found
    assert {"yes vs no", "current vs never"} <= set(table["contrast"])
    bmi = Contrast("stroke", "bmi", 30.0, 25.0, 50, (60,))
    shown = contrast_truth(told, bmi, persons=500, seed=1)["contrast"].unique().to_list()
    assert shown == ["30 vs 25 kg/m2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cause": "smokin"}, "'smokin'.*'smoking'"),
        ({"cause": "smoking", "value": "often"}, "'smoking=often'"),
        ({"outcome": "brest"}, "'brest'"),
        ({"cause": "hrt", "value": "yes"}, "has no levels"),
        ({"cause": "hrt", "until": [60.5]}, "whole years"),
    ],
)
def test_impossible_estimands_are_refused(change, words):
    document = changed("danish_women")
    document["estimands"]["breast_hrt"] |= change
    with pytest.raises(StudyError, match=words):
        world(document)
