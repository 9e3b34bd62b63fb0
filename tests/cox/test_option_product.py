"""Every option together: each cell against a likelihood by loops and derivatives of it.

ties x late entry x weights (none; one; different among events and in risk sets; zeros in the risk
sets, as for cases outside a subcohort) x strata x clusters x offset x several records a person.
"""

from itertools import product

import numpy as np
import pytest

from analyses import Cox, Question
from analyses.cox import residuals as residual
from analyses.cox.baseline import Stretch, cumulative_hazard
from analyses.cox.fit import fit_cox
from analyses.cox.sampled_fit import with_robust
from cohort import Categorical, Continuous, FollowUp, TimeScale, from_frame
from tests.cox import brute
from tests.cox.worlds import draw, frame_of, records_of

SWITCHES = ("late", "strata", "clusters", "offset", "several")
CELLS = [
    dict(zip(("ties", "weights", *SWITCHES), cell, strict=True))
    for cell in product(
        ("breslow", "efron"), ("none", "one", "two", "zeros"), *[(False, True)] * len(SWITCHES)
    )
]
TIGHT = 1e-9
"""Of a standard error, of the log-likelihood, and of the information's own size."""


def named(cell):
    on = [name for name in SWITCHES if cell[name]]
    return "-".join([cell["ties"], cell["weights"], *on])


def world(cell, seed):
    options = {name: value for name, value in cell.items() if name != "ties"}
    return draw(seed, **options)


def agree_with_loops(fit, data, ties):
    """Maximum, likelihood, information, both variances, residuals and hazard of a fit."""
    assert fit.maximum.converged
    beta = fit.beta
    value = brute.log_likelihood(data, beta, ties)
    assert fit.log_likelihood == pytest.approx(value, rel=1e-12)
    at_zero = brute.log_likelihood(data, 0 * beta, ties)
    assert fit.log_likelihood_at_zero == pytest.approx(at_zero, rel=1e-12)
    information = brute.information(data, beta, ties)
    size = np.sqrt(np.outer(np.diag(information), np.diag(information)))
    ours = fit.maximum.information * np.outer(fit.scale, fit.scale)
    assert np.abs(ours - information).max() <= TIGHT * size.max()
    slope = brute.score(data, beta, ties)
    assert slope == pytest.approx(brute.complex_score(data, beta, ties), abs=1e-11 * size.max())
    assert slope @ np.linalg.solve(information, slope) < 1e-18
    covariance = np.linalg.inv(information)
    assert fit.model_covariance == pytest.approx(covariance, rel=1e-7, abs=TIGHT)
    start = brute.score(data, 0 * beta, ties)
    at_start = brute.information(data, 0 * beta, ties)
    test = start @ np.linalg.solve(at_start, start)
    assert fit.score_test.statistic == pytest.approx(test, rel=1e-7, abs=1e-9)
    agree_with_influence(fit, data, ties, covariance)


def agree_with_influence(fit, data, ties, covariance):
    residuals = brute.weight_influence(data, fit.beta, ties)
    influence = residuals @ covariance
    assert residual.dfbeta(fit) == pytest.approx(influence, abs=1e-8)
    by_cluster = np.array(
        [influence[data.cluster == code].sum(axis=0) for code in np.unique(data.cluster)]
    )
    robust = with_robust(fit).covariance
    assert robust == pytest.approx(by_cluster.T @ by_cluster, rel=1e-7, abs=1e-10)
    seen = data.event_weight * data.event - brute.offset_influence(data, fit.beta, ties)
    expected = data.event - residual.martingale(fit)
    assert data.risk_weight * expected == pytest.approx(seen, abs=1e-10)
    assert (data.event_weight * data.event).sum() == pytest.approx(seen.sum(), rel=1e-12)


@pytest.mark.parametrize("cell", CELLS, ids=named)
def test_records(cell):
    data = world(cell, seed=7)
    fit = fit_cox(records_of(data), data.terms.T, ("x1", "x2"), cell["ties"])
    assert fit.problem.slots.late == (cell["late"] or cell["several"])
    agree_with_loops(fit, data, cell["ties"])


DOORS = [cell for cell in CELLS if cell["weights"] in ("none", "one")]


def cohort_of(data, cell):
    scale = TimeScale("time", "months")
    entry = "from" if np.isfinite(data.entry).any() else None
    frame = frame_of(data)
    if entry is not None:
        frame = frame.with_columns(frame["from"].clip(lower_bound=0.0))
    facts = {"weight": "weight"} if cell["weights"] == "one" else {}
    facts |= {"offset": "known"} if cell["offset"] else {}
    facts |= {"cluster": "group"} if cell["clusters"] else {}
    variables = [Continuous("x1"), Continuous("x2"), Categorical("s", reference=0)]
    return from_frame(
        frame,
        person="person",
        follow_up=FollowUp(scale, exit="to", event="happened", entry=entry),
        variables=variables,
        **facts,
    )


@pytest.mark.parametrize("cell", DOORS, ids=named)
def test_doors(cell):
    """The same through the public doors: rows, variance by default, hazard by stratum."""
    data = world(cell, seed=11)
    if cell["several"] and not cell["late"]:
        entry = np.where(np.isfinite(data.entry), data.entry, 0.0)
        data = brute.replace(data, entry=entry)
    strata = ("s",) if cell["strata"] else ()
    question = Question(exposure="x2", adjustments={"model": ["x1"]}, strata=strata)
    estimates = Cox(ties=cell["ties"]).estimate(cohort_of(data, cell), question)
    fit = estimates.fits[0]
    recurrent = np.bincount(data.person[data.event.astype(bool)]).max() > 1
    robust = cell["weights"] == "one" or cell["clusters"] or recurrent
    covariance = np.linalg.inv(brute.information(data, fit.beta, cell["ties"]))
    if robust:
        influence = brute.weight_influence(data, fit.beta, cell["ties"]) @ covariance
        sums = [influence[data.cluster == c].sum(axis=0) for c in np.unique(data.cluster)]
        covariance = np.array(sums).T @ np.array(sums)
    row = estimates.frame.row(0, named=True)
    assert row["variance"] == ("robust" if robust else "model")
    slope = brute.score(data, fit.beta, cell["ties"])
    assert np.abs(slope).max() < 1e-8
    se = float(np.sqrt(covariance[1, 1]))
    assert row["std_error"] == pytest.approx(se, rel=1e-8)
    z = 1.959963984540054
    assert np.log(row["estimate"]) == pytest.approx(fit.beta[1], abs=1e-14)
    assert np.log(row["conf_low"]) == pytest.approx(fit.beta[1] - z * se, abs=1e-8)
    assert np.log(row["conf_high"]) == pytest.approx(fit.beta[1] + z * se, abs=1e-8)
    assert row["persons"] == np.unique(data.person).size
    assert row["events"] == data.event.sum()
    agree_with_hazard(fit, data, cell["ties"])


def agree_with_hazard(fit, data, ties):
    path = [Stretch(-np.inf, np.inf, np.zeros(2))]
    for stratum in np.unique(data.stratum):
        for time in (4.0, 7.5, 20.0):
            ours, _ = cumulative_hazard(fit, np.array([time]), path, stratum=int(stratum))
            theirs = brute.cumulative_hazard(data, fit.beta, ties, time, stratum)
            assert ours[0] == pytest.approx(theirs, rel=1e-10)
