"""Cases against the subcohort without them: the odds ratio of a two by two table, by hand."""

import math

import polars as pl
import pytest

from analyses import Logistic, Question
from cohort import Binary, CaseCohort, CaseControl, Categorical, FollowUp, TimeScale, from_frame
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


def case_control(case, **columns):
    frame = pl.DataFrame({"case": case, **columns}).with_row_index("person")
    levels = sorted(set(columns.get("level", [0])))
    return from_frame(
        frame.with_columns(exit=pl.lit(1.0)),
        person="person",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="exit", event="case"),
        design=CaseControl(),
        variables=[Binary("exposed"), Categorical("level", levels=tuple(levels), reference=0)],
    )


@pytest.mark.parametrize("only", [0, 1])
def test_a_level_with_cases_or_controls_alone_tells_nothing_of_the_others(only):
    """Its odds ratio is 0 or infinite; the others are those of the rest (Clarkson and Jennrich
    1991, JRSS B 53:417-426)."""
    rows = [
        {"case": case, "exposed": exposed, "level": level}
        for (case, exposed, level), count in {
            (1, 1, 0): 12, (1, 0, 0): 20, (0, 1, 0): 9, (0, 0, 0): 31, (1, 1, 1): 5, (1, 0, 1): 7,
            (0, 1, 1): 6, (0, 0, 1): 14, (only, 1, 2): 8, (only, 0, 2): 3,
        }.items()
        for _ in range(count)
    ]  # fmt: skip
    whole = pl.DataFrame(rows)
    asked = Question(exposure="exposed", adjustments={"level": ["level"]})
    found = Logistic().estimate(case_control(**whole.to_dict(as_series=False)), asked)
    rest = whole.filter(pl.col("level") < 2).to_dict(as_series=False)
    expected = Logistic().estimate(case_control(**rest), asked)
    assert found.log_estimate == pytest.approx(expected.log_estimate, rel=1e-9)
    assert found.std_error == pytest.approx(expected.std_error, rel=1e-9)
    levels = (
        Logistic()
        .estimate(
            case_control(**whole.to_dict(as_series=False)),
            Question(exposure="level", adjustments={"exposed": ["exposed"]}),
        )
        .frame
    )
    assert levels["estimate"].is_null().to_list() == [False, True]
    assert "infinite or 0" in levels["note"][1]


def test_nobody_left_to_compare():
    case = [1] * 10 + [0] * 10
    study = case_control(case, exposed=case, level=[0, 1] * 10)
    row = Logistic().estimate(study, Question(exposure="exposed")).frame.row(0, named=True)
    assert row["estimate"] is None
    assert "infinite or 0" in row["note"]
