"""Cases against the subcohort without them: the odds ratio of a two by two table, by hand."""

import math

import polars as pl
import pytest

from analyses import Logistic, Question
from cohort import Binary, CaseCohort, FollowUp, TimeScale, from_frame
from cohort.errors import UnsupportedError

# exposed, case, subcohort : persons. A case of the subcohort counts once, as a case.
CELLS = {(1, 1, 0): 9, (0, 1, 0): 20, (1, 1, 1): 2, (0, 1, 1): 3, (1, 0, 1): 30, (0, 0, 1): 16}


def sample(**design):
    rows = [
        {"exposed": exposed, "case": case, "subcohort": member, "exit": 1.0 + place % 7}
        for (exposed, case, member), count in CELLS.items()
        for place in range(count)
    ]
    frame = pl.DataFrame(rows).with_row_index("person")
    frame = frame.with_columns(pl.col("subcohort").cast(pl.Boolean), group=pl.col("person") % 2)
    return from_frame(
        frame,
        person="person",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="exit", event="case"),
        design=CaseCohort("subcohort", **design),
        variables=[Binary("exposed")],
    )


def test_odds_ratio_of_the_table():
    found = Logistic().estimate(sample(cohort_size=500), Question(exposure="exposed"))
    a, b, c, d = 11, 23, 30, 16
    assert found.log_estimate == pytest.approx(math.log(a * d / (b * c)), rel=1e-9)
    assert found.std_error == pytest.approx(math.sqrt(1 / a + 1 / b + 1 / c + 1 / d), rel=1e-8)
    assert found.frame["measure"].to_list() == ["odds ratio"]
    assert "subcohort without them" in found.method


def test_a_stratified_subcohort_is_refused():
    sizes = {0: 250, 1: 250}
    with pytest.raises(UnsupportedError, match="unstratified"):
        Logistic().estimate(
            sample(cohort_size=sizes, stratum="group"), Question(exposure="exposed")
        )
