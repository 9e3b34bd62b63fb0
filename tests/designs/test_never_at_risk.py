"""Drawn persons who are at risk at no event: they have no influence, but were drawn.

Three in four leave before the first event. Expected: survival 3.5.3 of R, for each method
cch(Surv(stop, status) ~ x + z, subcoh = ~sc, id = ~id, cohort.size = , method = ), with
stratum = ~s and cohort.size = c("0" = 602, "1" = 598) for Borgan's; 1200 otherwise. cch stops at
coxph's default control: 1e-9 in the log-likelihood.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analyses import BorganI, BorganII, Cox, LinYing, Prentice, Question, SelfPrentice
from analyses.cox.weighted_records import need_controls
from cohort import Binary, CaseCohort, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import DesignError

DATA = Path(__file__).parent / "data" / "never_at_risk.csv"
SIMPLE = CaseCohort("sc", cohort_size=1200)
STRATIFIED = CaseCohort("sc", cohort_size={0: 602, 1: 598}, stratum="s")
EXPECTED = [
    (Prentice(), SIMPLE, 1.4553741099813802, 0.44014841466261539),
    (SelfPrentice(), SIMPLE, 1.5163535465740821, 0.44014841683280131),
    (LinYing(), SIMPLE, 1.4613932776118372, 0.38218646557921954),
    (BorganI(), STRATIFIED, 1.5054444858656668, 0.44625529187305729),
    (BorganII(), STRATIFIED, 1.4535270830104159, 0.39302456216335258),
]


@pytest.mark.parametrize(("weighting", "design", "beta", "std_error"), EXPECTED, ids=str)
def test_they_count_in_the_variance(weighting, design, beta, std_error):
    cohort = from_frame(
        pl.read_csv(DATA),
        person="id",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="stop", event="status"),
        design=design,
        variables=[Continuous("x"), Binary("z")],
    )
    question = Question(exposure="z", adjustments={"x": ["x"]})
    found = Cox(weighting=weighting).estimate(cohort, question)
    assert found.log_estimate == pytest.approx(beta, abs=1e-7 * std_error)
    assert found.std_error == pytest.approx(std_error, rel=1e-7)


def test_more_controls_than_the_cohort_can_have_are_refused():
    """3 of an estimated 2 non-cases, and of -1: a weight below 1, and a negative one."""
    need_controls(np.array([3.0, 40.0]), np.array([3.0, 12.0]))
    for non_cases in (2.0, -1.0):
        with pytest.raises(DesignError, match="in 1 of 2 sampling strata the cohort's non-cases"):
            need_controls(np.array([40.0, non_cases]), np.array([12.0, 3.0]))
