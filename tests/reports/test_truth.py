"""Estimates beside the truth: compared only where both are conditional on the same."""

from types import SimpleNamespace

import numpy as np
import polars as pl

from analyses import Cox, Question
from cohort import Binary as Declared
from cohort import FollowUp, TimeScale, from_frame
from reports.report import adjustment_sets
from reports.truth import truth_table
from reports.twin_truth import _with_carriage
from synthetic import Binary, Normal, Scenario, Weibull, simulate
from synthetic.revealed import CARRIER


def test_a_crude_ratio_is_not_held_against_a_conditional_truth() -> None:
    """The hazard ratio is not collapsible (Greenland 1996, Epidemiology 7:498-501)."""
    scenario = Scenario(
        scale=TimeScale("time since entry"),
        baseline=Weibull(rate=0.02, shape=1.0),
        variables=(Normal("age", mean=50, sd=8, unit="years"), Binary("smoker", prevalence=0.4)),
        hazard_ratios={"smoker": 2.0, "age": 1.05},
        end=10,
    )
    world = simulate(scenario, persons=3000, seed=3)
    question = Question(exposure="smoker", adjustments={"crude": [], "age": ["age"]})
    estimates = Cox().estimate(world.cohort, question)
    sets = adjustment_sets(estimates)
    crude, age = truth_table(estimates.frame, world.truth, world.cohort, sets).rows
    assert ("–", "–") == crude.cells[3:]
    assert "2.00" == age.cells[3]
    row = estimates.of("smoker", adjustment="age").frame.row(0, named=True)
    assert ("yes" if row["conf_low"] <= 2 <= row["conf_high"] else "no") == age.cells[4]
    wrong = world.truth.with_columns(pl.lit(50.0).alias("truth"))
    assert "no" == truth_table(estimates.frame, wrong, world.cohort, sets).rows[1].cells[4]


def test_true_carriage_is_fitted_by_the_estimator_of_the_answer() -> None:
    """The first Cox() of a study was taken, whichever had answered."""
    draws = np.random.default_rng(1)
    carrier = draws.random(300) < 0.4
    frame = pl.DataFrame(
        {
            "id": np.arange(300), "years": draws.exponential(5, 300),
            "event": draws.integers(0, 2, 300),
            "positive": carrier ^ (draws.random(300) < 0.1), CARRIER: carrier,
        }
    )  # fmt: skip
    cohort = from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("t", unit="years"), exit="years", event="event"),
        variables=[Declared("positive"), Declared(CARRIER)],
    )
    study = SimpleNamespace(estimators=(Cox(), Cox(conf_level=0.8)))
    asked = SimpleNamespace(question=Question(exposure="positive"))
    for word, level in (("Cox 1", 0.95), ("Cox 2", 0.8)):
        answer = SimpleNamespace(asked=asked, estimator=word)
        found = _with_carriage(answer, SimpleNamespace(study=study), cohort).frame
        assert found["conf_level"].to_list() == [level]
