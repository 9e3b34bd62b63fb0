"""Estimates beside the truth: compared only where both are conditional on the same."""

import polars as pl

from analyses import Cox, Question
from cohort import TimeScale
from reports.report import adjustment_sets
from reports.truth import truth_table
from synthetic import Binary, Normal, Scenario, Weibull, simulate


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
