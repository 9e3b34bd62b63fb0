"""Questions that a cohort cannot be asked are refused in words, whatever the estimator."""

import polars as pl
import pytest

from analyses import (
    Cox,
    IncidenceRate,
    KaplanMeier,
    LogRank,
    Question,
    RateRatio,
)
from cohort import Binary, Cohort, FollowUp, TimeScale, from_frame
from cohort.errors import SchemaError

TABLE = {"id": list("abcdef"), "years": [1.0, 2, 3, 4, 5, 6], "died": [1, 0, 1, 1, 0, 1],
         "x": [0, 1, 1, 0, 1, 0], "town": [1, 1, 1, 2, 2, 2]}  # fmt: skip
ASKED = Question(exposure="x")


def small() -> Cohort:
    """Six persons; the town is a column of the data that nobody declared."""
    return from_frame(
        pl.DataFrame(TABLE),
        person="id",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="years", event="died"),
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
