"""Recipes: one stream a column, exact event times, errors that tell a story."""

import re
import tomllib

import numpy as np
import polars as pl
import pytest
from scipy import stats

from cohort.errors import StudyError
from synthetic.recipe import draw, recipe_from

PERSONS = 20_000


def recipe(text):
    return recipe_from(tomllib.loads(text)["world"])


def columns(*lines, keep=None):
    body = ",\n".join(lines)
    tail = "" if keep is None else f'keep = "{keep}"\n'
    return recipe(f"[world]\ncolumns = [\n{body}\n]\n{tail}")


CARRIER = '{ name = "carrier", draw = "bernoulli", probability = 0.3 }'
LEVEL = '{ name = "level", draw = "normal", mean = "2 * carrier", sd = 0.5 }'
DEATH = (
    '{ name = "death", draw = "time", baseline = { kind = "exponential", rate = 0.1 }, '
    'log_hazard_ratio = "LN(2) * carrier" }'
)


def test_the_same_seed_gives_the_same_people_and_another_gives_others():
    world = columns(CARRIER, LEVEL)
    assert draw(world, 100, 5).equals(draw(world, 100, 5))
    assert not draw(world, 100, 5)["level"].equals(draw(world, 100, 6)["level"])


def test_a_column_more_leaves_the_others_as_they_are():
    """Each column has a stream keyed by its own name."""
    other = '{ name = "other", draw = "uniform", low = 0, high = 1 }'
    before = draw(columns(CARRIER, LEVEL), 200, 3)
    after = draw(columns(other, CARRIER, LEVEL), 200, 3)
    assert before["carrier"].equals(after["carrier"])
    assert before["level"].equals(after["level"])


def test_more_persons_leave_the_first_as_they_are():
    world = columns(CARRIER, LEVEL, DEATH)
    assert draw(world, 100, 3).equals(draw(world, 900, 3).head(100))


def test_an_intervention_changes_what_follows_and_nothing_else():
    """Common random numbers: with do(carrier) her level moves by exactly 2."""
    world = columns('{ name = "z", draw = "normal", mean = 0, sd = 1 }', CARRIER, LEVEL)
    without, with_ = (draw(world, 500, 9, do={"carrier": x}) for x in (0.0, 1.0))
    assert without["z"].equals(with_["z"])
    assert 2.0 == pytest.approx((with_["level"] - without["level"]).to_numpy(), abs=1e-12)
    with pytest.raises(StudyError, match=r"do= sets 'carier': did you mean 'carrier'"):
        draw(world, 5, 9, do={"carier": 1.0})


def test_draws_have_the_distributions_that_they_name():
    """Kolmogorov-Smirnov against scipy; p-values of a fixed seed, so this cannot flicker."""
    people = draw(
        columns(
            '{ name = "normal", draw = "normal", mean = 3, sd = 2 }',
            '{ name = "flat", draw = "uniform", low = -1, high = 4 }',
        ),
        PERSONS,
        17,
    )
    assert stats.kstest(people["normal"], stats.norm(3, 2).cdf).pvalue > 0.01
    assert stats.kstest(people["flat"], stats.uniform(-1, 5).cdf).pvalue > 0.01


@pytest.mark.parametrize("mean", [0.2, 3.0, 60.0])
def test_counts_are_the_inverse_of_the_poisson_distribution(mean):
    """Each count is scipy's quantile of the same uniform draw."""
    world = columns(f'{{ name = "copies", draw = "poisson", mean = {mean} }}')
    from synthetic.streams import Draws

    uniform = Draws(4, 0, PERSONS).uniform("copies")
    assert np.array_equal(stats.poisson.ppf(uniform, mean), draw(world, PERSONS, 4)["copies"])


def test_a_test_errs_as_its_sensitivity_and_specificity_say():
    measured = (
        '{ name = "test", draw = "measured", of = "carrier", sensitivity = 0.8, specificity = 0.9 }'
    )
    people = draw(columns(CARRIER, measured), PERSONS, 8)
    positive = people.group_by("carrier").agg(pl.col("test").mean()).sort("carrier")["test"]
    error = 4 * np.sqrt(0.25 / (0.3 * PERSONS))
    assert [0.1, 0.8] == pytest.approx(positive.to_list(), abs=error)


@pytest.mark.parametrize(
    ("baseline", "cumulative"),
    [
        ('{ kind = "exponential", rate = 0.1 }', lambda t: 0.1 * t),
        ('{ kind = "weibull", rate = 0.05, shape = 1.5 }', lambda t: 0.05 * t**1.5),
        ('{ kind = "gompertz", rate = 0.02, slope = 0.1 }', lambda t: 0.2 * np.expm1(0.1 * t)),
        (
            '{ kind = "piecewise", starts = [0, 5], rates = [0.02, 0.3] }',
            lambda t: np.where(t < 5, 0.02 * t, 0.1 + 0.3 * (t - 5)),
        ),
    ],
)
def test_event_times_invert_a_hazard_that_changes(baseline, cumulative):
    """The cumulative hazard, integrated by hand over three pieces, is standard exponential.

    From time 1 the ratio is 2, from 3 on 1/2 of that; late entry at 0.5.
    """
    world = columns(
        f'{{ name = "t", draw = "time", baseline = {baseline}, since = 0.5, '
        'changes = [{ at = "3.0", add = "LN(0.5)" }, { at = 1, add = "LN(2)" }, '
        '{ at = "CASE WHEN person < 0 THEN 1.0 END", add = 5 }] }'
    )
    t = draw(world, PERSONS, 11)["t"].to_numpy()
    assert (t > 0.5).all()
    pieces = [(0.5, 1.0, 1.0), (1.0, 3.0, 2.0), (3.0, np.inf, 1.0)]
    total = sum(
        ratio * (cumulative(np.clip(t, low, high)) - cumulative(np.full_like(t, low)))
        for low, high, ratio in pieces
    )
    assert stats.kstest(total, stats.expon.cdf).pvalue > 0.01


def test_a_change_before_entry_holds_from_entry_on():
    base = '{ name = "t", draw = "time", baseline = { kind = "exponential", rate = 0.1 }, '
    early = columns(base + 'since = 4, changes = [{ at = 1, add = "LN(3)" }] }')
    plain = columns(base + 'since = 4, log_hazard_ratio = "LN(3)" }')
    assert draw(plain, 300, 2)["t"].to_numpy() == pytest.approx(draw(early, 300, 2)["t"].to_numpy())


def test_a_hazard_that_ends_leaves_the_event_out():
    world = columns(
        '{ name = "t", draw = "time", '
        'baseline = { kind = "piecewise", starts = [0, 2], rates = [0.1, 0] } }'
    )
    t = draw(world, PERSONS, 6)["t"].to_numpy()
    assert np.exp(-0.2) == pytest.approx(np.isinf(t).mean(), abs=4 * np.sqrt(0.15 / PERSONS))
    assert (t[np.isfinite(t)] <= 2).all()


def test_what_is_no_number_or_no_condition_is_refused():
    text = '{ name = "word", draw = "is", value = "CASE WHEN carrier = 1 THEN \'a\' END" }'
    level = '{ name = "a", draw = "normal", mean = "word", sd = 1 }'
    with pytest.raises(StudyError, match="'word' gives String: expected numbers"):
        draw(columns(CARRIER, text, level), 9, 1)
    with pytest.raises(StudyError, match=r"'word . 2' cannot be worked out"):
        draw(columns(CARRIER, text, '{ name = "a", draw = "is", value = "word - 2" }'), 9, 1)
    with pytest.raises(StudyError, match="'carrier' is no condition: it gives Int64"):
        draw(columns(CARRIER, keep="carrier"), 9, 1)


def test_only_those_kept_are_seen():
    people = draw(columns(CARRIER, keep="carrier = 1"), 200, 1)
    assert {1} == set(people["carrier"])
    assert 0 < len(people) < 200


@pytest.mark.parametrize(
    ("line", "story"),
    [
        ('{ name = "a", draw = "norml" }', "has draw = 'norml': did you mean 'normal' or"),
        ('{ name = "a", draw = "normal", mean = 0 }', "lacks 'sd'"),
        ('{ name = "a", draw = "normal", mean = 0, sdev = 1 }', "'sdev': did you mean 'sd'?"),
        ('{ name = "a", draw = "is", value = "carier + 1" }', "did you mean 'carrier'?"),
        ('{ name = "a", draw = "is", value = "1 +" }', "is no expression in SQL"),
        ('{ name = "a", draw = "is", value = true }', "expected a number or an expression in SQL"),
        ('{ name = "carrier", draw = "is", value = 1 }', "two columns named 'carrier'"),
        ('{ draw = "is", value = 1 }', "number 2 has no name"),
        (
            '{ name = "a", draw = "time", baseline = { kind = "exponental", rate = 1 } }',
            "did you mean 'exponential'?",
        ),
        (
            '{ name = "a", draw = "time", baseline = { kind = "weibull", rate = 1 } }',
            "lacks 'shape'",
        ),
        (
            '{ name = "a", draw = "time", baseline = { kind = "exponential", rate = -1 } }',
            "a hazard cannot be negative",
        ),
        (
            '{ name = "a", draw = "time", baseline = { kind = "exponential", rate = 1 }, '
            'changes = [{ at = "latr", add = 1 }] }',
            "names 'latr', which is not drawn before it",
        ),
    ],
)
def test_a_fault_of_the_document_is_told(line, story):
    with pytest.raises(StudyError, match=re.escape(story)):
        columns(CARRIER, line)


@pytest.mark.parametrize(
    ("line", "story"),
    [
        ('{ name = "a", draw = "bernoulli", probability = "0.5 + carrier" }', "outside 0 to 1 for"),
        ('{ name = "a", draw = "normal", mean = 0, sd = -1 }', "a standard deviation below 0"),
        ('{ name = "a", draw = "uniform", low = 1, high = 1 }', "no room between low and high"),
        ('{ name = "a", draw = "poisson", mean = 20000 }', "a mean outside 0 to 10,000"),
        (
            '{ name = "a", draw = "measured", of = "carrier + 1", sensitivity = 1, '
            "specificity = 1 }",
            "neither 0 nor 1",
        ),
        (
            '{ name = "a", draw = "time", baseline = { kind = "exponential", rate = 1 }, '
            'since = "-1" }',
            "below 0 or missing for 50 of 50 persons (rows 1, 2, 3, 4, 5 and 45 more)",
        ),
    ],
)
def test_values_that_cannot_be_are_refused_with_the_rows(line, story):
    with pytest.raises(StudyError, match=re.escape(story)):
        draw(columns(CARRIER, line), 50, 1)
