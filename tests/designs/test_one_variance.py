"""Prentice's and Self and Prentice's estimators have one variance (Self and Prentice 1988).

The first makes it from its own terms and slots, the second by itself: they must agree to rounding,
with strata, late entry, several records a person, people at risk at no event, and cases that fail
with nobody of the subcohort at risk.
"""

import numpy as np
import polars as pl
import pytest

from analyses import Cox, Prentice, Question, SelfPrentice
from cohort import CaseCohort, Categorical, Continuous, FollowUp, TimeScale, from_frame


def sample(seed, *, strata, late, several, empty, n=300):
    draws = np.random.default_rng(seed)
    person = np.arange(n)
    begin = np.floor(draws.uniform(20, 60, n)) if late else np.zeros(n)
    end = begin + np.ceil(draws.exponential(12, n))
    case, drawn = draws.random(n) < 0.4, draws.random(n) < 0.5
    if empty:  # The longest follow-up is that of cases outside the subcohort.
        last = np.argsort(end)[-3:]
        case[last], drawn[last] = True, False
    middle = np.where(several & (end - begin > 3), begin + 2, end)
    second = middle < end
    frame = pl.DataFrame(
        {
            "person": np.append(person, person[second]),
            "entry": np.append(begin, middle[second]),
            "exit": np.append(middle, end[second]),
            "event": np.append(case & ~second, case[second]).astype(int),
            "drawn": np.append(drawn, drawn[second]),
            "centre": np.append(person % 3, person[second] % 3),
            "z": draws.standard_normal(n + int(second.sum())),
            "x": draws.standard_normal(n + int(second.sum())),
        }
    ).filter(pl.col("drawn") | (pl.col("person").is_in(person[case])))
    timed = late or several
    cohort = from_frame(
        frame,
        person="person",
        follow_up=FollowUp(
            TimeScale("age", unit="years"),
            entry="entry" if timed else None,
            exit="exit",
            event="event",
        ),
        design=CaseCohort("drawn", cohort_size=n),
        variables=[Continuous("z"), Continuous("x"), Categorical("centre", levels=(0, 1, 2))],
    )
    by = ["centre"] if strata else []
    return cohort, Question(exposure="z", adjustments={"x": ["x"]}, strata=by)


@pytest.mark.parametrize("strata", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("empty", [False, True])
def test_one_variance(strata, late, several, empty):
    for seed in range(3):
        cohort, question = sample(seed, strata=strata, late=late, several=several, empty=empty)
        one = Cox(weighting=Prentice()).estimate(cohort, question)
        other = Cox(weighting=SelfPrentice()).estimate(cohort, question)
        assert one.std_error == pytest.approx(other.std_error, rel=1e-9)
        assert one.log_estimate != other.log_estimate
