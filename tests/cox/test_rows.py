"""Rows of the estimates: steps, levels of confidence, levels of a modifier."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from analyses import Cox, Question
from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import QuestionError
from tests.cox import brute
from tests.cox.worlds import draw, frame_of

MONTHS = TimeScale("time", "months")


def cohort(**steps):
    data = draw(31, late=False, weights="none", strata=True, clusters=False, offset=False,
                several=False, persons=80)  # fmt: skip
    variables = [
        Continuous("x1", unit="kg", **steps),
        Binary("x2"),
        Categorical("s", levels=(0, 1), reference=0, labels={0: "north", 1: "south"}),
    ]
    return from_frame(
        frame_of(data),
        person="person",
        follow_up=FollowUp(MONTHS, exit="to", event="happened"),
        variables=variables,
    )


def test_a_ratio_per_ten_units():
    """The hazard ratio per 10 is that per 1 to the power 10, and so are its limits."""
    question = Question(exposure="x1", adjustments={"model": ["x2"]})
    one = Cox().estimate(cohort(), question)
    ten = Cox().estimate(cohort(per=10.0), question)
    for name in ("estimate", "conf_low", "conf_high"):
        assert getattr(ten, name) == pytest.approx(getattr(one, name) ** 10, rel=1e-10)
    assert ten.log_estimate == pytest.approx(10 * one.log_estimate, rel=1e-12)
    assert ten.std_error == pytest.approx(10 * one.std_error, rel=1e-12)
    assert ten.p_value == pytest.approx(one.p_value, rel=1e-12)
    assert ten.frame["contrast"][0] == "per 10 kg"
    assert one.frame["contrast"][0] == "per 1 kg"


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_the_confidence_level(level):
    found = Cox(conf_level=level).estimate(cohort(), Question(exposure="x1"))
    z = stats.norm.ppf(0.5 + level / 2)
    reach = np.log([found.estimate / found.conf_low, found.conf_high / found.estimate])
    assert reach == pytest.approx([z * found.std_error] * 2, rel=1e-10)
    assert found.frame["conf_level"][0] == level
    assert found.p_value == pytest.approx(
        2 * stats.norm.sf(abs(found.log_estimate) / found.std_error), rel=1e-10
    )


def test_levels_of_a_modifier_are_those_of_a_model_recoded():
    """The row of the second level is the first row of the model with that level as reference."""
    question = Question(exposure="x1", adjustments={"model": ["x2"]}, modifiers=("s",))
    rows = Cox().estimate(cohort(), question).frame
    assert rows["modifier_level"].to_list() == [None, "s: north", "s: south"]
    data = cohort()
    turned = from_frame(
        data.frame.select("person", "to", "happened", "x1", "x2", "s"),
        person="person",
        follow_up=FollowUp(MONTHS, exit="to", event="happened"),
        variables=[
            Continuous("x1"), Binary("x2"),
            Categorical("s", levels=(0, 1), reference=1, labels={0: "north", 1: "south"}),
        ],
    )  # fmt: skip
    other = Cox().estimate(turned, question).frame
    assert other["modifier_level"].to_list() == [None, "s: south", "s: north"]
    for name in ("estimate", "conf_low", "conf_high", "std_error"):
        assert rows[name][2] == pytest.approx(other[name][1], rel=1e-9)
        assert rows[name][1] == pytest.approx(other[name][2], rel=1e-9)


def test_a_level_outside_0_and_1_is_refused():
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(QuestionError, match="between 0 and 1"):
            Cox(conf_level=level)


def test_strata_cross():
    """Two stratifying variables give a baseline hazard for each pair of their levels."""
    data = draw(33, late=True, weights="none", strata=True, clusters=False, offset=False,
                several=False, persons=90)  # fmt: skip
    other = np.arange(data.exit.size) % 3
    table = frame_of(data).with_columns(pl.Series("site", other))
    together = pl.Series("pair", 3 * data.stratum + other)
    cohort_of_pairs = from_frame(
        table.with_columns(together),
        person="person",
        follow_up=FollowUp(MONTHS, entry="from", exit="to", event="happened"),
        variables=[Continuous("x1"), *(Categorical(name) for name in ("s", "site", "pair"))],
    )
    two = Cox().estimate(cohort_of_pairs, Question(exposure="x1", strata=("s", "site")))
    pair = Cox().estimate(cohort_of_pairs, Question(exposure="x1", strata=("pair",)))
    assert two.fits[0].log_likelihood == pytest.approx(pair.fits[0].log_likelihood, rel=1e-14)
    assert two.estimate == pytest.approx(pair.estimate, rel=1e-12)
    crossed = replace(data, stratum=together.to_numpy(), terms=data.terms[:, :1])
    value = brute.log_likelihood(crossed, two.fits[0].beta, "efron")
    assert two.fits[0].log_likelihood == pytest.approx(value, rel=1e-12)
    assert "s and site" in two.method


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"exposure": ["smoker"]}, "exposure= is list: expected the text of one term"),
        ({"exposure": "smoker", "adjustments": ["age"]}, "adjustments= names each set"),
        ({"exposure": "smoker", "adjustments": {"a": "age"}}, "'a' is one text"),
        ({"exposure": "smoker", "modifiers": "age"}, "modifiers= is one text"),
        ({"exposure": "smoker", "missing": "drop"}, "expected 'refuse' or 'complete case'"),
    ],
)
def test_a_question_of_another_form_is_refused(asked, told):
    with pytest.raises(QuestionError, match=told):
        Question(**asked)
