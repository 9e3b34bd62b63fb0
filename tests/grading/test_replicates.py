"""One replicate: which row is graded, what is shared, and what counts as a result."""

import math
from dataclasses import dataclass

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analyses import Cox, Estimates, Question
from analyses.grading import SCHEMA, Drawn, Graded, replicate_seed, run_replicate
from cohort.errors import DesignError, NotEstimableError, QuestionError, UnsupportedError
from tests.simulation.worlds import LOG_HR, World, draw

SMALL = World(persons=300, rate=0.02)
QUESTION = Question(
    exposure="exposed", adjustments={"crude": [], "z": ["z"]}, modifiers=("z_high",)
)
CRUDE = Graded("crude", Cox(), QUESTION, LOG_HR, adjustment="crude")


def drawn(seed: int):
    return draw(SMALL, seed)


def graded(draws, *methods, seed=3, replicate=0) -> pl.DataFrame:
    return run_replicate(
        draws, methods, study="a study", scenario="s", replicate=replicate, seed=seed
    )


def test_seeds_are_those_of_blake2b_and_of_nothing_else() -> None:
    """The first 63 bits of BLAKE2b-64 of the text, as b2sum -l 64 of coreutils prints it."""
    assert replicate_seed(1, "a", "b", 2) == int("ceb992eee40369b8", 16) >> 1
    seeds = {replicate_seed(1, "a", "b", number) for number in range(500)}
    assert len(seeds) == 500
    assert max(seeds) < 2**63


def test_the_row_is_that_of_the_estimator() -> None:
    seed = replicate_seed(3, "a study", "s", 0)
    found = Cox().estimate(draw(SMALL, seed), QUESTION)
    main = found.frame.filter(pl.col("modifier_level").is_null(), pl.col("adjustment") == "z")
    within = found.frame.filter(pl.col("modifier_level") == "z_high: yes")
    z = Graded("z", Cox(), QUESTION, LOG_HR, adjustment="z")
    high = Graded("high", Cox(), QUESTION, LOG_HR, adjustment="z", modifier_level="z_high: yes")
    rows = graded(drawn, z, high)
    assert dict(rows.schema) == SCHEMA
    assert rows["seed"].to_list() == [seed, seed]
    assert rows["estimate"][0] == main["log_estimate"][0]
    assert rows["conf_low"][0] == pytest.approx(math.log(main["conf_low"][0]), rel=1e-14)
    assert rows["std_error"][0] == main["std_error"][0]
    assert rows["events"][0] == main["events"][0]
    assert rows["estimate"][1] == within.filter(pl.col("adjustment") == "z")["log_estimate"][0]


@dataclass(frozen=True, slots=True)
class Counting:
    """An estimator that remembers how often it was asked."""

    asked: list

    def estimate(self, cohort, question) -> Estimates:
        self.asked.append(1)
        return Cox().estimate(cohort, question)


def test_methods_of_one_fit_share_it() -> None:
    estimator = Counting([])
    other = Question(exposure="exposed", adjustments={"crude": [], "z": ["z"]})
    methods = [
        Graded(f"{name} {place}", estimator, question, LOG_HR, adjustment=name)
        for place, question in enumerate((QUESTION, other))
        for name in ("crude", "z")
    ]
    graded(drawn, *methods)
    assert len(estimator.asked) == 2


@dataclass(frozen=True, slots=True)
class Failing:
    """An estimator that refuses."""

    error: Exception

    def estimate(self, cohort, question) -> Estimates:
        raise self.error


def test_no_estimate_is_a_result() -> None:
    rows = graded(drawn, Graded("no", Failing(NotEstimableError("no event")), QUESTION, 0.0), CRUDE)
    assert rows["converged"].to_list() == [False, True]
    assert rows["note"][0] == "no event"
    assert rows["estimate"].is_null().to_list() == [True, False]
    assert rows["truth"].to_list() == [0.0, LOG_HR]


def test_a_mistake_in_the_study_is_no_result() -> None:
    with pytest.raises(UnsupportedError):
        graded(drawn, Graded("no", Failing(UnsupportedError("never")), QUESTION, 0.0))


def test_a_sample_that_cannot_be_drawn_is_a_result() -> None:
    def short(seed: int):
        raise DesignError("needs 89 cases, the world has 80")

    rows = graded(short, CRUDE)
    assert rows["converged"].to_list() == [False]
    assert "needs 89 cases" in rows["note"][0]


def test_the_draw_may_bring_the_truth() -> None:
    def with_truth(seed: int):
        return Drawn({"full": draw(SMALL, seed)}, {"crude": -0.25})

    own = Graded("crude", Cox(), QUESTION, None, adjustment="crude", draw="full")
    assert graded(with_truth, own)["truth"].to_list() == [-0.25]
    with pytest.raises(QuestionError, match="nothing says what is true"):
        graded(drawn, Graded("crude", Cox(), QUESTION, None, adjustment="crude"))


def test_several_cohorts_of_one_draw() -> None:
    def two(seed: int):
        cohort = draw(SMALL, seed)
        return {"all": cohort, "high": cohort.restrict("z_high", "high z alone")}

    methods = [
        Graded(name, Cox(), QUESTION, LOG_HR, adjustment="crude", draw=name)
        for name in ("all", "high")
    ]
    rows = graded(two, *methods)
    assert rows["persons"][0] > rows["persons"][1]
    with pytest.raises(QuestionError, match="'all', 'high' did"):
        graded(two, Graded("x", Cox(), QUESTION, 0.0, adjustment="crude", draw="low"))


def test_refused() -> None:
    with pytest.raises(QuestionError, match="two methods are called 'crude'"):
        graded(drawn, CRUDE, CRUDE)
    with pytest.raises(QuestionError, match="2 fit its contrast"):
        graded(drawn, Graded("x", Cox(), QUESTION, 0.0))
    with pytest.raises(QuestionError, match="0 fit its contrast"):
        graded(drawn, Graded("x", Cox(), QUESTION, 0.0, adjustment="y"))


def test_the_same_again() -> None:
    assert_frame_equal(graded(drawn, CRUDE), graded(drawn, CRUDE))
    assert graded(drawn, CRUDE)["estimate"][0] != graded(drawn, CRUDE, seed=4)["estimate"][0]
