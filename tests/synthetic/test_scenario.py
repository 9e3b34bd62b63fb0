"""Small scenarios: the README's world, its truth, what is refused, what is imported."""

import subprocess
import sys
from math import log

import numpy as np
import pytest

from analyses import Cox, Question
from cohort import TimeScale
from cohort.errors import StudyError
from synthetic import Binary, Exponential, Gompertz, Normal, Scenario, Weibull, simulate

YEARS = TimeScale("time since recruitment", unit="years")
README = {
    "scale": YEARS,
    "baseline": Weibull(rate=0.004, shape=1.3),
    "variables": (Normal("age", mean=55, sd=8, unit="years"), Binary("smoker", prevalence=0.3)),
    "hazard_ratios": {"smoker": 2.0, "age": 1.05},
    "end": 10,
    "loss_rate": 0.02,
}


def test_the_readme_script():
    """Truth 2.0 and 1.05 per year; each estimate within 4 of its own standard errors."""
    world = simulate(Scenario(**README), persons=20_000, seed=1)
    question = Question(exposure="smoker", adjustments={"crude": [], "age": ["age"]})
    table = Cox().estimate(world.cohort, question).frame
    row = table.filter((table["variable"] == "smoker") & (table["adjustment"] == "age"))
    assert abs(log(2.0) - row["log_estimate"].item()) < 4 * row["std_error"].item()
    truth = {r["variable"]: r for r in world.truth.iter_rows(named=True)}
    assert truth["smoker"]["truth"] == README["hazard_ratios"]["smoker"]
    assert truth["smoker"]["conditional_on"] == "age"
    assert truth["age"]["contrast"] == "per 1 year"


def test_times_are_exact_inversions():
    """Without covariates the cumulative hazard at the event time is exponential with mean 1.

    40,000 uncensored persons: mean and second moment within 4 standard errors.
    """
    scenario = Scenario(YEARS, Gompertz(0.01, 0.08), (), {}, end=1e6)
    exits = simulate(scenario, persons=40_000, seed=3).cohort.frame["_exit"].to_numpy()
    reached = Gompertz(0.01, 0.08).cumulative(exits)
    assert abs(reached.mean() - 1) < 4 / 200
    assert abs((reached**2).mean() - 2) < 4 * np.sqrt(20) / 200


def test_competing_events_share_the_follow_up():
    """Constant hazards 0.03 and 0.01, loss 0.02: half, a sixth and a third of 40,000 ends."""
    scenario = Scenario(
        YEARS,
        Exponential(0.03),
        (),
        {},
        end=1e6,
        loss_rate=0.02,
        competing={"death": Exponential(0.01)},
    )
    codes = simulate(scenario, persons=40_000, seed=5).cohort.frame["_event"].to_numpy()
    for code, expected in ((1, 1 / 2), (2, 1 / 6), (0, 1 / 3)):
        assert abs(expected - (codes == code).mean()) < 4 * 0.5 / 200


def test_late_entry():
    """Only those still followed enter; the ratio 2.0 is found all the same, within 4 errors."""
    world = simulate(Scenario(**README, latest_entry=6.0), persons=20_000, seed=2)
    frame = world.cohort.frame
    assert 15_000 < len(frame) < 19_500
    assert (frame["_entry"] < frame["_exit"]).all()
    question = Question(exposure="smoker", adjustments={"age": ["age"]})
    row = Cox().estimate(world.cohort, question).frame
    row = row.filter(row["variable"] == "smoker")
    assert abs(log(2.0) - row["log_estimate"].item()) < 4 * row["std_error"].item()


def test_dependence_between_variables():
    """A unit of x adds 0.5 to the mean of y: covariance 0.5, within 4 errors of 40,000 pairs."""
    variables = (Normal("x", mean=1, sd=1), Normal("y", mean=2, sd=1, given={"x": 0.5}))
    scenario = Scenario(YEARS, Exponential(0.01), variables, {}, end=5)
    frame = simulate(scenario, persons=40_000, seed=7).cohort.frame
    assert abs(np.cov(frame["x"], frame["y"])[0, 1] - 0.5) < 4 * 1.3 / 200
    assert abs(frame["y"].mean() - 2) < 4 * 1.2 / 200


def test_persons_do_not_depend_on_how_many_there_are():
    columns = ["person", "age", "smoker", "exit", "event"]
    few = simulate(Scenario(**README), persons=100, seed=1).cohort.frame.select(columns)
    many = simulate(Scenario(**README), persons=1000, seed=1).cohort.frame.select(columns)
    assert few.equals(many.head(100))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hazard_ratios": {"smokr": 2.0}}, "'smokr'.*'smoker'"),
        ({"hazard_ratios": {"smoker": -2.0}}, "ratio above 0"),
        ({"end": 0}, "end = 0"),
        ({"loss_rate": -0.1}, "negative"),
        ({"latest_entry": 10}, "below end"),
        ({"variables": (Binary("a", 0.5, given={"b": 1.0}), Binary("b", 0.5))}, "causal order"),
        ({"variables": (Binary("exit", 0.5),)}, "'exit'"),
        (
            {"competing_hazard_ratios": {"deth": {}}, "competing": {"death": Exponential(1)}},
            "death",
        ),
    ],
)
def test_impossible_scenarios_are_refused(change, words):
    with pytest.raises(StudyError, match=words):
        Scenario(**{**README, **change})


@pytest.mark.parametrize("build", [lambda: Normal("x", 0, 0), lambda: Binary("x", 1.0)])
def test_impossible_variables_are_refused(build):
    with pytest.raises(StudyError):
        build()


def test_small_scenarios_do_not_import_numba():
    """The kernels are imported when a whole-life world is first asked for."""
    code = "import sys, synthetic; synthetic.shipped_worlds(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
