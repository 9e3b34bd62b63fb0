"""Data without an answer: each must be named, and none may pass for an estimate.

Found by random search; each of these once gave a number, an error of numpy, or "converged".
"""

import numpy as np
import polars as pl
import pytest

from analyses import BorganI, BorganII, Cox, ModelBased, Prentice, Question, Robust, SelfPrentice
from analyses.cox.diagnostics import proportional_hazards
from analyses.cox.newton import maximise
from analyses.cox.partial_likelihood import Problem, derivatives, moments
from analyses.cox.slots import slots_of
from cohort import CaseCohort, CohortError, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import DesignError
from tests.cox import brute
from tests.cox.worlds import draw, records_of

MONTHS = TimeScale("time since recruitment", "months")


def cohort_of(table, **facts):
    follow_up = FollowUp(
        MONTHS, entry="from", exit="to", event="ends", stratum=facts.pop("stratum", None)
    )
    return from_frame(
        table.with_columns(pl.int_range(pl.len()).alias("person")),
        person="person",
        follow_up=follow_up,
        variables=[Continuous("x"), Continuous("z")],
        **facts,
    )


def test_a_likelihood_monotone_in_two_terms_together():
    """Neither term alone separates the events, but z + x does: R runs out of iterations."""
    table = pl.DataFrame(
        {
            "from": [0.0, 4.0, 4.0, 1.0, 1.0, 0.0, 2.0, 2.0],
            "to": [1.0, 10.0, 6.0, 6.0, 10.0, 5.0, 11.0, 8.0],
            "ends": [True, True, True, False, True, False, True, True],
            "z": [52.0, 32.0, 61.0, 43.0, 39.0, 44.0, 40.0, 43.0],
            "x": [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0],
            "w": [1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 2.0],
            "s": [0, 0, 0, 0, 0, 1, 1, 0],
        }
    )
    cohort = cohort_of(table, stratum="s", weight="w")
    for variance in (ModelBased(), Robust()):
        for exposure, other in (("x", "z"), ("z", "x")):
            question = Question(exposure=exposure, adjustments={"model": [other]})
            found = Cox(ties="breslow", variance=variance).estimate(cohort, question)
            assert found.frame["estimate"][0] is None
            assert "monotone" in found.frame["note"][0]
            assert not found.frame["converged"][0]


def test_curvature_that_is_rounding_error_is_none():
    """A slope for ever, and what is left of the information a rounding error instead of 0."""
    data = draw(3, late=False, weights="one", strata=False, offset=False, several=False,
                clusters=False, persons=20)  # fmt: skip
    records = records_of(data)
    problem = Problem(records, slots_of(records), data.terms[:, :1], "efron")

    def evaluate(beta):
        left = max(2.45 * np.exp(-1.7 * abs(beta[0])), 1.8e-15)
        return 4.4 * beta[0], np.array([4.4]), np.array([[left]])

    found = maximise(problem, evaluate)
    assert found.monotone.all()
    assert not found.converged


def test_information_of_an_aliased_term_below_0_by_rounding():
    """Streamed, where numpy's warnings are not silenced, it was an invalid square root."""
    data = draw(3, late=False, weights="one", strata=False, offset=False, several=False,
                clusters=False, persons=20)  # fmt: skip
    records = records_of(data)
    problem = Problem(records, slots_of(records), data.terms, "efron")

    def evaluate(beta):
        return -((beta[0] - 1.0) ** 2), np.array([2.0 - 2.0 * beta[0], 0.0]), np.diag([2.0, -1e-17])

    found = maximise(problem, evaluate)
    assert found.converged
    assert found.aliased.tolist() == [False, True]
    assert found.beta == pytest.approx([1.0, 0.0])


def test_a_likelihood_that_rises_less_than_it_is_rounded():
    """With a log-likelihood of a million, steps along a monotone one were halved without end.

    The whole model was null for want of convergence: among 25,000 events, a rare exposure sufficed.
    """
    data = draw(3, late=False, weights="one", strata=False, offset=False, several=False,
                clusters=False, persons=20)  # fmt: skip
    records = records_of(data)
    problem = Problem(records, slots_of(records), data.terms[:, :1], "efron")

    def evaluate(beta):  # Exposed persons without an event: what they add falls as exp(beta).
        left = 1e3 * np.exp(beta[0])
        return -1e6 - left, np.array([-left]), np.array([[left]])

    found = maximise(problem, evaluate)
    assert found.monotone.all()
    assert found.iterations < 30


def test_a_likelihood_that_rises_without_end():
    """Cases outside the risk sets: the pseudo-likelihood has a slope where it has no curvature."""
    table = pl.DataFrame(
        {
            "from": [1.0, 2.0, 2.0, 0.0, 0.0, 1.0, 2.0],
            "to": [7.0, 7.0, 8.0, 8.0, 8.0, 8.0, 7.0],
            "ends": [True, True, True, True, True, False, False],
            "x": [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0],
            "z": [0.0] * 7,
            "drawn": [False, False, False, False, False, True, True],
        }
    )
    cohort = cohort_of(table, design=CaseCohort("drawn", cohort_size=50))
    question = Question(exposure="x")
    for variance in (None, Robust()):
        alone = Cox(weighting=SelfPrentice(), variance=variance).estimate(cohort, question)
        assert alone.frame["estimate"][0] is None
        assert "monotone" in alone.frame["note"][0]
    # Prentice's likelihood has a maximum, but its two-phase variance is that of the fit above.
    prentice = Cox(weighting=Prentice()).estimate(cohort, question)
    assert prentice.frame["estimate"][0] is None
    assert "monotone" in prentice.frame["note"][0]
    robust = Cox(weighting=Prentice(), variance=Robust()).estimate(cohort, question)
    assert robust.estimate > 0
    assert robust.std_error > 0


@pytest.mark.parametrize("weighting", [BorganI(), BorganII()])
def test_a_sampling_stratum_from_which_nobody_was_drawn(weighting):
    table = pl.DataFrame(
        {
            "from": [0.0] * 8,
            "to": [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 9.0],
            "ends": [True, True, True, True, False, False, False, False],
            "x": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
            "z": [0.0] * 8,
            "drawn": [False, False, False, False, True, True, True, True],
            "site": ["a", "b", "a", "a", "a", "a", "a", "a"],
        }
    )
    design = CaseCohort("drawn", cohort_size={"a": 40, "b": 30}, stratum="site")
    with pytest.raises(DesignError, match="from 1 of 2 sampling strata"):
        Cox(weighting=weighting).estimate(cohort_of(table, design=design), Question(exposure="x"))


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_heavy_persons_who_enter_after_a_great_hazard(ties):
    """Early risk sets hold persons with tiny risks, so their hazard dwarfs what comes later.

    Running sums of the hazard then lose what a person who enters late has lived.
    """
    data = draw(17, weights="none", late=True, strata=False, clusters=False, offset=False,
                several=False, persons=60)  # fmt: skip
    late = data.entry >= 4
    data.terms[late, 0] += 12.0
    beta = np.array([2.0, 0.3])
    records = records_of(data)
    slots = slots_of(records)
    keep = slots.active
    problem = Problem(records.where(keep), slots.of_active(), data.terms[keep], ties)
    at = moments(problem, beta)
    assert at.additions_only
    information = derivatives(problem, at)[2]
    theirs = brute.information(data, beta, ties)
    assert information == pytest.approx(theirs, rel=1e-8, abs=1e-8 * theirs.max())


def test_one_event_time_holds_no_trend():
    table = pl.DataFrame(
        {
            "from": [0.0] * 8,
            "to": [3.0] * 6 + [4.0, 4.0],
            "ends": [True, True, True, False, False, False, False, False],
            "x": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0],
            "z": [5.0, 3.0, 4.0, 8.0, 1.0, 2.0, 7.0, 6.0],
        }
    )
    found = Cox().estimate(cohort_of(table), Question(exposure="x"))
    test = proportional_hazards(found.fits[0], "identity").table
    assert test["chi_square"].to_list() == [None, None]
    assert test["p_value"].to_list() == [None, None]


def test_one_cluster_gives_no_robust_variance():
    """The influence of all records together is 0: no standard error may come of it."""
    rng = np.random.default_rng(2)
    table = pl.DataFrame(
        {
            "from": np.zeros(30),
            "to": rng.permutation(np.arange(1.0, 31.0)),
            "ends": rng.random(30) < 0.7,
            "x": rng.integers(0, 2, 30).astype(float),
            "z": rng.normal(size=30),
            "site": ["one"] * 30,
        }
    )
    found = Cox().estimate(cohort_of(table, cluster="site"), Question(exposure="x"))
    row = found.frame.row(0, named=True)
    assert row["estimate"] is None
    assert row["std_error"] is None
    assert "independent units" in row["note"]


def test_every_refusal_is_a_cohort_error():
    """Random small samples, most without an answer: a row with a note or a typed error."""
    rng = np.random.default_rng(5)
    answered = refused = 0
    for _ in range(150):
        n = int(rng.integers(4, 9))
        table = pl.DataFrame(
            {
                "from": rng.integers(0, 4, n).astype(float),
                "to": rng.integers(4, 9, n).astype(float),
                "ends": rng.random(n) < 0.6,
                "x": rng.integers(0, 2, n).astype(float),
                "z": rng.integers(0, 3, n).astype(float),
                "drawn": rng.random(n) < 0.5,
            }
        ).filter(pl.col("drawn") | pl.col("ends"))
        try:
            cohort = cohort_of(table, design=CaseCohort("drawn", cohort_size=50))
            for weighting in (Prentice(), SelfPrentice()):
                found = Cox(weighting=weighting).estimate(
                    cohort, Question(exposure="x", adjustments={"model": ["z"]})
                )
                row = found.frame.row(0, named=True)
                if row["estimate"] is None:
                    refused += 1
                    assert row["note"]
                else:
                    answered += 1
                    # Beside a term that runs to infinity, another may still have its limit.
                    fit = found.fits[0]
                    assert row["converged"] or (fit.monotone[0] and not fit.monotone[1])
                    assert 0 < row["std_error"] < np.inf
        except CohortError:
            refused += 1
    assert answered > 10
    assert refused > 50
