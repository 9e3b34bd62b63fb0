"""Predicted curves of the Mayo model for primary biliary cholangitis, against survival 3.5-3."""

import polars as pl
import pytest

from analyses import Cox, Prentice, Question
from analyses.cox.prediction import predicted_survival
from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import QuestionError, SchemaError, UnsupportedError
from cohort.sampling import draw_case_cohort
from tests.published.reference import TESTS, same, stored

NAMES = ("age", "edema", "bili", "albumin", "protime")
QUESTION = Question(
    exposure="log(protime)",
    adjustments={"mayo": ["age", "edema", "log(bili)", "log(albumin)"]},
    missing="complete case",
)
AT = {
    "young": dict(zip(NAMES, (40.0, 0.0, 1.0, 3.5, 10.0), strict=True)),
    "old": dict(zip(NAMES, (60.0, 1.0, 5.0, 3.0, 12.0), strict=True)),
}


def patients():
    frame = pl.read_csv(TESTS / "reference" / "data" / "pbc.csv", null_values=[""])
    return from_frame(
        frame,
        person="id",
        follow_up=FollowUp(
            TimeScale("time since registration", unit="days"),
            exit="time",
            event="status",
            happened=2,
            competing={1: "transplant"},
        ),
        variables=[Continuous(name) for name in NAMES],
    )


@pytest.mark.parametrize("conf_type", ["log", "log-log", "plain", "logit"])
def test_curves_with_every_interval(conf_type):
    expected, rtol = stored("cox_pbc_mayo")
    theirs = expected["curves"][conf_type]
    cohort = patients()
    estimates = Cox().estimate(cohort, QUESTION)
    curve = predicted_survival(
        cohort, QUESTION, estimates, model="mayo", at=AT, conf_type=conf_type
    )
    for column, group in enumerate(AT):
        mine = curve.frame.filter(pl.col("group") == group)
        for row, time in enumerate(theirs["time"]):
            ours = mine.filter(pl.col("time") <= time).row(-1, named=True)
            for name, key in (
                ("surv", "estimate"),
                ("std_err_surv", "std_error"),
                ("lower", "conf_low"),
                ("upper", "conf_high"),
            ):
                value = theirs[name]["data"][row][column]
                same(
                    value,
                    ours[key],
                    rtol,
                    scale=theirs["std_err_surv"]["data"][row][column],
                    what=f"{name} at {time}",
                )


def test_what_cannot_be_predicted_is_refused():
    cohort = patients()
    estimates = Cox().estimate(cohort, QUESTION)
    with pytest.raises(SchemaError, match="no value is given for the variable 'age'"):
        predicted_survival(cohort, QUESTION, estimates, model="mayo", at={"a": {}})
    drawn = draw_case_cohort(cohort, size=100, seed=1)
    sampled = Cox(weighting=Prentice()).estimate(drawn, QUESTION)
    with pytest.raises(UnsupportedError, match="case-cohort"):
        predicted_survival(drawn, QUESTION, sampled, model="mayo", at=AT)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("group", "zz", "'group' a value it cannot have: expected one of its 3 levels"),
        ("group", None, "one of its 3 levels"),
        ("used", "yes", "expected True or False"),
        ("used", 1, "expected True or False"),
        ("used", None, "expected True or False"),
        ("z", "3", "a finite number in points"),
        ("z", float("nan"), "a finite number"),
        ("z", True, "a finite number"),
    ],
)
def test_values_that_a_variable_cannot_have(name, value, told):
    """A level that is none was predicted as the reference level, without a word."""
    rows = range(24)
    frame = pl.DataFrame(
        {"id": rows, "years": [1.0 + i % 7 for i in rows], "died": [i % 2 for i in rows],
         "used": [i % 3 == 0 for i in rows], "z": [float(i % 5) for i in rows],
         "group": ["abc"[i * i % 3 + i % 2] for i in rows]}
    )  # fmt: skip
    cohort = from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="years", event="died"),
        variables=[Binary("used"), Continuous("z", unit="points"),
                   Categorical("group", levels=("a", "b", "c"), reference="a")],
    )  # fmt: skip
    question = Question(exposure="group", adjustments={"all": ["used", "z"]})
    estimates = Cox().estimate(cohort, question)
    good = {"group": "b", "used": True, "z": 2}
    curve = predicted_survival(cohort, question, estimates, model="all", at={"she": good})
    assert curve.frame["estimate"].is_between(0, 1).all()
    with pytest.raises(SchemaError, match=told):
        predicted_survival(
            cohort, question, estimates, model="all", at={"she": good | {name: value}}
        )
    with pytest.raises(QuestionError, match="at= names groups"):
        predicted_survival(cohort, question, estimates, model="all", at=good)
