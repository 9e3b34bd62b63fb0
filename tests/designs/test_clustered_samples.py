"""Declared clusters make the default variance of a sampled design robust, by cluster."""

import numpy as np
import polars as pl
import pytest

from analyses import Conditional, Cox, LinYing, Prentice, Question, Robust
from cohort import Continuous, FollowUp, TimeScale, from_frame
from cohort.sampling import draw_case_cohort, draw_nested_case_control


def families(n=600, size=6):
    """A family shares exposure and frailty, so that its members are not independent."""
    draws = np.random.default_rng(1)
    x = np.repeat(draws.normal(size=n // size), size)
    frailty = np.repeat(draws.normal(size=n // size), size)
    died = draws.exponential(20 / np.exp(0.3 * x + frailty))
    frame = pl.DataFrame(
        {"id": np.arange(n), "exit": np.minimum(died, 10.0), "event": (died < 10).astype(int),
         "x": x, "family": np.arange(n) // size}
    )  # fmt: skip
    return from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="exit", event="event"),
        variables=[Continuous("x")],
        cluster="family",
    )


@pytest.mark.parametrize("weighting", [Prentice(), LinYing()], ids=str)
def test_case_cohort(weighting):
    sample = draw_case_cohort(families(), size=200, seed=1)
    agrees(sample, weighting)


def test_nested_case_control():
    agrees(draw_nested_case_control(families(), controls=1, seed=1), Conditional())


def agrees(sample, weighting):
    question = Question(exposure="x")
    default = Cox(weighting=weighting).estimate(sample, question)
    robust = Cox(weighting=weighting, variance=Robust()).estimate(sample, question)
    assert default.frame["variance"].to_list() == ["robust"]
    assert default.std_error == robust.std_error
    assert "robust variance by family" in default.method
