"""The three small data sets of R's validation vignette: every number that R printed of them.

The same data by hand, from formulas on paper, stand in tests/hand.
"""

import numpy as np
import polars as pl

from analyses import Cox, ModelBased, Question, Robust
from analyses.cox import residuals as residual
from analyses.cox.baseline import Stretch, cumulative_hazard
from analyses.cox.influence import score_residuals
from analyses.cox.partial_likelihood import derivatives, expected, moments
from analyses.curves.intervals import probability_limits
from cohort import FollowUp
from tests.reference.cohorts import DAYS, cohort_of, numeric
from tests.reference.fits import (
    agree_fit,
    agree_model,
    agree_residual,
    agree_short,
    by_terms,
    fitted,
)
from tests.reference.oracle import agree, data, load

PROVISIONAL = "case-weighted Schoenfeld residuals were corrected in survival 3.8-10"
MONOTONE = "the exact likelihood of these data is monotone: there is no maximum"
CURVE_COUNTS = "a predicted curve has no censorings, and counts those at risk at events"
CERTIFIES = {
    "cox_validate1": {
        "exact.coef_table*": MONOTONE,
        "exact.vcov*": MONOTONE,
        "exact.linear_predictor*": MONOTONE,
        "exact.wald_test*": MONOTONE,
        "exact.*residuals*": "residuals are not built for exact ties",
        "exact.baseline*": "a baseline hazard is not built for exact ties",
        "exact.concordance*": MONOTONE,
        "exact.at_beta0.martingale*": "residuals are not built for exact ties",
        "*curve_x?.curve.columns.n_*": CURVE_COUNTS,
        "*conf_int": "the level asked for",
        "*curve_x?.n*": CURVE_COUNTS,
    },
    "cox_validate2": {
        "*curve_x0.curve.columns.n_*": CURVE_COUNTS,
        "*conf_int": "the level asked for",
        "*curve_x0.n*": CURVE_COUNTS,
    },
    "cox_validate3_weights": {
        "*.schoenfeld*": PROVISIONAL,
        "*.scaledsch*": PROVISIONAL,
    },
}


def agree_curve(fit, stored, rtol, x):
    """A predicted survival curve at all its times, with its intervals."""
    curve = stored["curve"]
    path = [Stretch(-np.inf, np.inf, np.array([x]))]
    hazard, error = cumulative_hazard(fit, curve.column("time"), path)
    survival = np.exp(-hazard)
    low, high = probability_limits(survival, error, stored["conf_type"].read(), 0.95)
    agree(hazard, curve.column("cumhaz"), rtol)
    agree(error, curve.column("std_chaz"), rtol)
    agree(survival, curve.column("surv"), rtol)
    agree(survival * error, curve.column("std_err"), rtol)
    agree(low, curve.column("lower"), rtol)
    agree(high, curve.column("upper"), rtol)


def test_right_censored():
    record = load("cox_validate1")
    cohort = cohort_of(data("validate1"), FollowUp(DAYS, exit="time", event="status"), numeric("x"))
    for ties in ("breslow", "efron"):
        models = by_terms(Cox(ties=ties), cohort, ["x"])
        one = agree_model(models, record[ties], record.rtol)
        at_zero(one.fit, record[ties]["at_beta0"], record.rtol)
        agree_curve(one.fit, record[ties]["curve_x0"], record.rtol, 0.0)
        agree_curve(one.fit, record[ties]["curve_x1"], record.rtol, 1.0)
    beta = models["x"].fit.beta
    assert beta.size == 1
    breslow = by_terms(Cox(ties="breslow"), cohort, ["x"])["x"].fit
    agree(breslow.beta[0], record["closed_form"]["breslow_beta"], 1e-12)
    exact = Cox(ties="exact").estimate(cohort, Question(exposure="x"))
    fit, stored = exact.fits[0], record["exact"]
    assert fit.monotone.all()
    assert "monotone" in exact.frame["note"][0]
    agree(fit.log_likelihood, stored["loglik_final"], 1e-6)
    agree(fit.log_likelihood_at_zero, stored["loglik_null"], record.rtol)
    agree(fit.log_likelihood_at_zero, stored["at_beta0"]["loglik"], record.rtol)
    agree(fit.score_test.statistic, stored["score_test"]["test"], record.rtol)
    agree(fit.score_test.p_value, stored["score_test"]["pvalue"], record.rtol)
    agree(fit.likelihood_ratio_test.statistic, stored["lr_test"]["test"], 1e-6)
    agree(fit.likelihood_ratio_test.p_value, stored["lr_test"]["pvalue"], 1e-6)
    for test in ("score_test", "lr_test"):
        assert stored[test]["df"].number() == 1
    information = fit.maximum.information_at_start * fit.scale**2
    agree(information, stored["at_beta0"]["information"].matrix(), record.rtol)
    assert stored["n"].number() == fit.given.size
    assert stored["nevent"].number() == fit.given.event.sum()
    assert stored["n_dropped_missing"].number() == 0
    record.finish(CERTIFIES[record.name])


def at_zero(fit, stored, rtol):
    """The same quantities with every coefficient 0."""
    problem = fit.problem
    at = moments(problem, np.zeros(1))
    value, _, information = derivatives(problem, at)
    agree(value, stored["loglik"], rtol)
    agree(information * fit.scale**2, stored["information"].matrix(), rtol)
    agree(problem.records.event - expected(problem, at), stored["martingale"], rtol, 1.0)
    score = score_residuals(problem, at).total[:, 0] * fit.scale[0]
    agree(score, stored["score_residuals"], rtol, 1.0)


def test_late_entry():
    record = load("cox_validate2")
    follow_up = FollowUp(DAYS, entry="start", exit="stop", event="event")
    cohort = cohort_of(data("validate2"), follow_up, numeric("x"))
    for ties in ("breslow", "efron"):
        models = by_terms(Cox(ties=ties), cohort, ["x"])
        one = agree_model(models, record[ties], record.rtol)
        agree_curve(one.fit, record[ties]["curve_x0"], record.rtol, 0.0)
    record.finish(CERTIFIES[record.name])


def test_weights():
    record = load("cox_validate3_weights")
    follow_up = FollowUp(DAYS, exit="time", event="status")
    weighted = cohort_of(data("validate3"), follow_up, numeric("x"), weight="wt")
    copies = data("validate3").select(pl.all().repeat_by("wt").explode())
    repeated = cohort_of(copies, follow_up, numeric("x"))
    question = Question(exposure="x", adjustments={"model": []})
    for ties in ("breslow", "efron"):
        plain = fitted(Cox(ties=ties, variance=ModelBased()), weighted, question)
        robust = fitted(Cox(ties=ties, variance=Robust()), weighted, question)
        for one, stored in ((plain, record[ties]), (robust, record[f"{ties}_robust"])):
            agree_fit(one, stored, record.rtol, skip=["residuals"])
            for kind in ("martingale", "deviance", "score", "dfbeta", "dfbetas"):
                agree_residual(one, stored["residuals"], kind, record.rtol)
        mine = record[ties]["residuals_weighted"]
        weight = data("validate3")["wt"].to_numpy()
        agree(residual.martingale(plain.fit) * weight, mine["martingale"], record.rtol, 1.0)
        agree(residual.score(plain.fit)[:, 0] * weight, mine["score"], record.rtol, 1.0)
        agree(residual.dfbeta(plain.fit)[:, 0], mine["dfbeta"], record.rtol, 1.0)
        twice = fitted(Cox(ties=ties), repeated, question)
        agree_short(twice, record[f"replicated_rows_{ties}"], record.rtol)
    record.finish(CERTIFIES[record.name])
