"""Fertility, mortality and incidence by age land on the numbers of the document."""

import numpy as np
import pytest

from synthetic.calibration.expected import population_rates
from synthetic.calibration.fitting import by_band
from synthetic.document.reading import read_world
from synthetic.life.course import draw_course
from synthetic.life.study import draw_study
from synthetic.streams import Draws

WOMEN = 40_000


@pytest.fixture(scope="module")
def told():
    return read_world("danish_women")


@pytest.fixture(scope="module")
def course(told):
    return draw_course(told, Draws(21, 0, WOMEN))


@pytest.mark.parametrize(
    "outcomes", [("breast", "colon", "death"), ("injury", "stroke", "ischaemic_heart_disease")]
)
def test_expected_rates_are_those_of_the_document(told, outcomes):
    """By band of age among all women, for the Monte Carlo error of 98,304 and 40,000 women.

    Before 35 few women have given birth and their ratios differ most: 5 %. Below 60 the deaths that
    drawn diagnoses add are a large and noisy share of all: 5 %. From 95 on few women are left: 6 %.
    Else 2 %.
    """
    rates = population_rates(told, outcomes, persons=WOMEN, seed=21)
    for name in outcomes:
        outcome = told.outcomes[name]
        shown = by_band(rates[name], outcome.ages) * 1e5
        for age, expected, rate in zip(outcome.ages, outcome.per_100000, shown, strict=True):
            noisy = age < (60 if name == "death" else 35)
            allowed = 0.06 if age >= 95 else 0.05 if noisy else 0.02
            assert expected == pytest.approx(rate, rel=allowed), (name, age)


def test_drawn_deaths_have_the_expected_rate(told, course):
    """Deaths at 60 to 64 over person-years, within 4 Poisson errors of 1081.9 per 100,000."""
    death = course.ages[:, -1]
    deaths = ((death >= 60) & (death < 65)).sum()
    years = np.clip(death, 60, 65).sum() - 60 * WOMEN
    assert abs(1081.9e-5 - deaths / years) < 4 * np.sqrt(deaths) / years


def test_births(course):
    """0.12 childless (memory) and mean age 23.5 at the first birth, SD 4 (Prospect-EPIC)."""
    told = course.pregnancies
    first = told.births[told.has_birth, 0]
    assert abs(0.12 - (1 - told.has_birth.mean())) < 0.01
    assert abs(23.5 - first.mean()) < 0.15
    assert abs(4.0 - first.std()) < 0.15
    assert abs(0.514 - told.boys.sum() / np.isfinite(told.births).sum()) < 0.006
    gaps = np.diff(np.where(np.isfinite(told.births), told.births, np.nan), axis=1)
    assert np.nanmin(gaps) >= 1.1
    assert told.births[np.isfinite(told.births)].max() <= 44.9


def test_pregnancies_do_not_overlap(course):
    """A loss lies at least a quarter of a year after a birth and a year before the next."""
    told = course.pregnancies
    for ages in (told.miscarriages, told.abortions):
        rows, interval = np.nonzero(np.isfinite(ages))
        age = ages[rows, interval]
        births = np.concatenate(
            [np.full((WOMEN, 1), -np.inf), told.births, np.full((WOMEN, 1), np.inf)], axis=1
        )
        assert np.all(age >= births[rows, interval] + 0.25)
        assert np.all(age <= births[rows, interval + 1] - 1.0)


def test_participants_die_less(told):
    """T17 of the evidence: mortality of participants is 0.55 to 0.7 of the population's."""
    course = draw_course(told, Draws(22, 0, 100_000))
    study = draw_study(told, course)
    birth = course.women.birth_day
    entry = (study.invited_day - birth) / 365.25
    end = (np.minimum(study.leave_day, study.end_day) - birth) / 365.25
    inside = study.enrolled
    deaths = (study.event_day[inside, -1] <= study.end_day).sum()
    expected = 0.0
    outcome = told.outcomes["death"]
    for start, rate in zip(outcome.ages, outcome.per_100000, strict=True):
        years = np.clip(end[inside], start, start + 5) - np.clip(entry[inside], start, start + 5)
        expected += rate * 1e-5 * np.maximum(years, 0).sum()
    ratio = deaths / expected
    assert 0.55 < ratio < 0.70, ratio
