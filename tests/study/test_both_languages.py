"""What a refusal tells to do can be written in Python and in a study document alike."""

from datetime import date

import polars as pl
import pytest

from analyses import Cox, ModelBased, Question
from analyses.study.kinds import INFERENCES, VARIANCES, WEIGHTINGS
from analyses.weightings import choices
from cohort import (
    Binary,
    CaseCohort,
    Categorical,
    Continuous,
    FollowUp,
    FullCohort,
    TimeScale,
    from_frame,
)
from cohort.errors import CohortError

AGE = TimeScale("age", unit="years")
YEARS = FollowUp(AGE, exit="years", event="died")
TABLE = {"id": list("abcd"), "years": [1.0, 2, 3, 4], "died": [1, 0, 1, 1], "x": [0, 1, 2, None],
         "word": ["a", "b", "c", "."], "sub": [True, True, False, True],
         "day": [date(2000, 1, 1)] * 4}  # fmt: skip
FULL, PLAIN, X = FullCohort(), Cox(), Continuous("x")
SAMPLED = CaseCohort("sub", cohort_size=40)


def asked(
    variable: Continuous | Categorical | Binary,
    follow_up: FollowUp = YEARS,
    design: CaseCohort | FullCohort = FULL,
    cox: Cox = PLAIN,
) -> None:
    cohort = from_frame(
        pl.DataFrame(TABLE), person="id", follow_up=follow_up, design=design, variables=[variable]
    )
    cox.estimate(cohort, Question(exposure=variable.name))


def told(*given: object, **more: object) -> str:
    """What the first refusal says, at the door or of a question."""
    with pytest.raises(CohortError) as refused:
        asked(*(given or (X,)), **more)
    return str(refused.value)


def test_missing_codes() -> None:
    for variable in (Binary("x"), Continuous("word"), Categorical("word", levels=("a", "b"))):
        message = told(variable)
        assert "missing={code: 'reason'} (in a study document: missing = { code" in message


def test_missing_values() -> None:
    assert 'Ask the question with missing = "complete case"' in told()


def test_dates() -> None:
    of_dates = told(X, FollowUp(AGE, exit="day", event="died"))
    assert "TimeScale(origin=...), in a study document scale = { origin = ... }" in of_dates
    of_text = told(X, FollowUp(AGE, exit="word", event="died"))
    assert "CsvFormat(dates={'word': 'DD/MM/YYYY'}) in Python, form = { dates = {" in of_text


@pytest.mark.parametrize("cox", [Cox(), Cox(weighting=WEIGHTINGS["borgan-ii"]())])
def test_weightings(cox) -> None:
    message = told(design=SAMPLED, cox=cox)
    assert "'Prentice()', 'SelfPrentice()' or 'LinYing()' (in a study document " in message
    assert "'prentice', 'self-prentice' or 'lin-ying')" in message


def test_variances() -> None:
    cox = Cox(weighting=WEIGHTINGS["prentice"](), variance=ModelBased())
    message = told(design=SAMPLED, cox=cox)
    assert "'TwoPhase()' or 'Robust()' (in a study document 'two-phase' or 'robust')" in message


def test_the_words_are_those_of_documents() -> None:
    for kinds in (WEIGHTINGS, VARIANCES, INFERENCES):
        for word, kind in kinds.items():
            assert f"'{kind.__name__}()' (in a study document '{word}')" == choices((kind,))
