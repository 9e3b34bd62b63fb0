"""Questions that a cohort cannot be asked are refused in words, whatever the estimator."""

import pandas as pd
import polars as pl
import pytest

import analyses
from analyses import (
    Cox,
    IncidenceRate,
    KaplanMeier,
    LogRank,
    Question,
    RateRatio,
)
from cohort import Binary, Cohort, FollowUp, TimeScale, from_frame, scan_parquet
from cohort.errors import QuestionError, SchemaError, UnsupportedError

TABLE = {"id": list("abcdef"), "years": [1.0, 2, 3, 4, 5, 6], "died": [1, 0, 1, 1, 0, 1],
         "x": [0, 1, 1, 0, 1, 0], "town": [1, 1, 1, 2, 2, 2]}  # fmt: skip
ASKED = Question(exposure="x")
YEARS = FollowUp(TimeScale("time", unit="years"), exit="years", event="died")


def small() -> Cohort:
    """Six persons; the town is a column of the data that nobody declared."""
    return from_frame(
        pl.DataFrame(TABLE),
        person="id",
        follow_up=YEARS,
        variables=[Binary("x")],
    )


@pytest.mark.parametrize(
    "estimator", [Cox(), KaplanMeier(), IncidenceRate(), LogRank(), RateRatio()]
)
def test_an_undeclared_stratum(estimator) -> None:
    """It reached polars, whose error is none of ours."""
    for stratum, told in (("town", "declare it in variables="), ("twon", "known: 'x'")):
        with pytest.raises(SchemaError, match=f"no variable '{stratum}' is declared; .*{told}"):
            estimator.estimate(small(), Question(exposure="x", strata=(stratum,)))


ESTIMATORS = [
    one
    for one in vars(analyses).values()
    if isinstance(one, type) and callable(getattr(one, "estimate", None))
]
NEEDS: dict[str, dict[str, object]] = {
    "RestrictedMean": {"until": 5}, "TimeLost": {"until": 5},
    "ObservedOverExpected": {"expected": "e"},
    "PseudoValues": {"quantity": "survival", "times": (1,)}, "RateDifference": {},
    "Bootstrap": {"estimator": Cox(), "seed": 1}, "Streamed": {"cox": Cox()},
}  # fmt: skip


def test_every_estimator_is_here() -> None:
    assert len(ESTIMATORS) > 12


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_swapped_or_something_else(kind) -> None:
    """They ended in AttributeError: 'DataFrame' object has no attribute 'design'."""
    estimator = kind(**NEEDS.get(kind.__name__, {}))
    with pytest.raises(QuestionError, match="the question stands first and the cohort second"):
        estimator.estimate(ASKED, small())
    for table, word in ((pl.DataFrame(TABLE), "polars"), (pd.DataFrame(TABLE), "pandas")):
        with pytest.raises(SchemaError, match=rf"given {word} DataFrame as cohort.*from_frame"):
            estimator.estimate(table, ASKED)
    for question, word in (("x", "str"), (None, "NoneType"), (["x"], "list")):
        with pytest.raises(QuestionError, match=f"given {word} as question: expected Question"):
            estimator.estimate(small(), question)


def test_records_that_stay_in_files(tmp_path) -> None:
    pl.DataFrame(TABLE).write_parquet(tmp_path / "part.parquet")
    cohort = scan_parquet(tmp_path, person="id", follow_up=YEARS, variables=[Binary("x")])
    with pytest.raises(UnsupportedError, match=r"Streamed\(Cox\(\)\) estimates from them"):
        Cox().estimate(cohort, ASKED)
