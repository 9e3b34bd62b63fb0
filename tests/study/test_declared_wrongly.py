"""Declarations and settings of another type are refused in words, where they are made."""

import polars as pl
import pytest

from analyses import (
    Cox,
    IncidenceRate,
    KaplanMeier,
    NelsonAalen,
    Prentice,
    Profile,
    Question,
    RestrictedMean,
    Robust,
    Streamed,
    TwoPhase,
)
from cohort import (
    Binary,
    Categorical,
    Continuous,
    CsvFormat,
    FollowUp,
    FullCohort,
    TimeScale,
    from_frame,
    read_csv,
)
from cohort.errors import CohortError, QuestionError
from reports import Report
from synthetic import simulate

TIME = TimeScale("time", unit="years")
YEARS = FollowUp(TIME, exit="years", event="died")
TABLE = pl.DataFrame({"id": ["a", "b"], "years": [1.0, 2.0], "died": [1, 0], "x": [0, 1]})
ESTIMATORS = (
    Cox,
    KaplanMeier,
    IncidenceRate,
    NelsonAalen,
    lambda variance: RestrictedMean(until=5, variance=variance),
)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("given", "told"), [("robust", "'robust'"), (Robust, "the class Robust, not a value of it")]
)
def test_a_variance_that_is_none(kind, given, told) -> None:
    """Cox(variance='robust') was taken without a word, and gave the model-based variance."""
    with pytest.raises(QuestionError, match=rf"variance = {told}: expected 'ModelBased\(\)', 'Rob"):
        kind(variance=given)


def door(**changed: object) -> None:
    given = {"person": "id", "follow_up": YEARS, "variables": [Binary("x")]}
    from_frame(TABLE, **(given | changed))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Cox(weighting="prentice"), r"weighting = 'prentice': expected 'Prentice\(\)'"),
        (lambda: Cox(weighting=Prentice), "weighting = the class Prentice"),
        (
            lambda: Cox(inference=Profile),
            r"the class Profile.*: expected 'Wald\(\)', 'Profile\(\)'",
        ),
        (lambda: Cox(inference=None), "inference = NoneType"),
        (lambda: Cox(conf_level="95"), "conf_level = '95': expected between 0 and 1"),
        (lambda: TwoPhase("robst"), "phase_one = 'robst' is not known"),
        (lambda: Streamed(Cox), r"a Cox\(\): give it as cox"),
        (lambda: Report("t", YEARS, TABLE), "a title, a cohort and its estimates, in this order"),
        (lambda: simulate("dch2012", persons=9, seed=1), "simulate was given str: expected a Scen"),
        (lambda: IncidenceRate(per="1000"), "per = '1000': expected a positive amount"),
        (lambda: Question(exposure="x", outcome=1), "outcome = int: expected the name"),
        (lambda: Question(exposure="x", adjustments={"a": [3]}), "'a' is no list of texts"),
        (lambda: Question(exposure="x", adjustments={"a": None}), "'a' is no list of texts"),
        (lambda: Question(exposure="x", modifiers=3), "modifiers is no list of texts"),
        (lambda: Question(exposure="x", strata=[None]), "strata is no list of texts"),
        (lambda: door(follow_up={"exit": "years"}), r"follow_up is dict: expected FollowUp\(scale"),
        (lambda: door(person=["id"]), r"person = \['id'\]: expected the name"),
        (lambda: door(person=None), "person = None"),
        (lambda: door(weight=3), "weight = 3: expected text"),
        (lambda: door(variables=["x"]), "variables number 1 is str: expected Continuous"),
        (lambda: door(variables=Binary("x")), "variables is Binary: expected a list"),
        (lambda: door(design=FullCohort), "design is the class FullCohort, not a value of it"),
        (lambda: FollowUp("age", exit="years", event="died"), "scale = str: expected a time scale"),
        (lambda: TimeScale(3), "a time scale has name = 3"),
        (lambda: Categorical("x", levels="abc", reference="a"), "levels that are one text"),
        (lambda: Continuous("x", per="10"), "per = 10: expected a positive step"),
        (lambda: CsvFormat(dates="DD/MM/YYYY"), "dates goes by column"),
        (lambda: CsvFormat(missing_in=["."]), "missing_in goes by column"),
    ],
)
def test_another_type(make, told) -> None:
    with pytest.raises(CohortError, match=told):
        make()


def test_a_format_that_is_none(tmp_path) -> None:
    TABLE.write_csv(tmp_path / "a.csv")
    with pytest.raises(CohortError, match="form is dict: expected CsvFormat"):
        read_csv(tmp_path / "a.csv", person="id", follow_up=YEARS, form={"separator": ";"})
