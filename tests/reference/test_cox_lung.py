"""Cox models of R's lung data: every number that R's survival 3.5-3 printed of them."""

import numpy as np
import polars as pl
import pytest

from analyses import Cox, ModelBased, Question
from analyses.splines import natural, restricted_cubic
from tests.reference.cohorts import factor, lung, numeric
from tests.reference.fits import (
    agree_fit,
    agree_model,
    agree_residual,
    agree_rows,
    agree_short,
    agree_zph,
    by_terms,
    fitted,
)
from tests.reference.oracle import agree, data, load

PROVISIONAL = "case-weighted Schoenfeld residuals were corrected in survival 3.8-10"
CERTIFIES = {
    "cox_lung_breslow": {},
    "cox_lung_efron": {},
    "cox_lung_exact": {
        "residuals*": "residuals are not built for exact ties",
        "baseline*": "a baseline hazard is not built for exact ties",
    },
    "cox_lung_strata": {},
    "cox_lung_weights": {
        "*.schoenfeld.*": PROVISIONAL,
        "*.scaledsch.*": PROVISIONAL,
    },
    "cox_lung_offset_factor": {},
    "cox_lung_rcs": {},
    "cox_lung_splines": {"pspline.*": "penalised splines are not built"},
    "federated_cox_one_step_rotterdam_like": {
        "multivariate_fixed*": "pooling of coefficient vectors is not built in the Cox core",
        "univariate_sex*": "pooled by analyses/pooling/pool.py",
    },
}
ECOG = (0, 1, 2, 3)


def complete_case(exposure, adjusted=(), **roles):
    return Question(
        exposure=exposure, adjustments={"model": adjusted}, missing="complete case", **roles
    )


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_main_model(ties):
    record = load(f"cox_lung_{ties}")
    terms = ["age", "sex", "ph.ecog", "wt.loss"]
    models = by_terms(Cox(ties=ties), lung(*numeric(*terms)), terms)
    agree_model(models, record.results, record.rtol)
    record.finish(CERTIFIES[record.name])


def test_exact_ties():
    record = load("cox_lung_exact")
    terms = ["age", "sex", "ph.ecog", "wt.loss"]
    models = by_terms(Cox(ties="exact"), lung(*numeric(*terms)), terms)
    skip = ("residuals", "baseline_cumhaz_at_zero", "baseline_cumhaz_at_means")
    agree_model(models, record.results, record.rtol, skip=skip)
    record.finish(CERTIFIES[record.name])


def test_strata():
    record = load("cox_lung_strata")
    sex = factor("sex", (1, 2))
    cohort = lung(*numeric("age", "ph.karno", "ph.ecog"), sex)
    models = by_terms(Cox(), cohort, ["age", "ph.karno"], strata=["sex"])
    agree_model(models, record["sex"], record.rtol)
    inst = factor("inst", tuple(range(1, 34)))
    cohort = lung(*numeric("age", "sex"), inst)
    models = by_terms(Cox(), cohort, ["age", "sex"], strata=["inst"])
    agree_model(models, record["inst"], record.rtol)
    # A modifier that is a stratum too: the stratum's own effect is in its baseline hazard.
    cohort = lung(*numeric("age", "ph.ecog"), sex)
    names = ["age", "ph.ecog", "age:sex 2"]
    question = complete_case("age", ["ph.ecog"], modifiers=("sex",), strata=("sex",))
    one = fitted(Cox(), cohort, question, names, model=1)
    agree_rows(one, record["interaction"]["coef_table"], record.rtol)
    agree_fit(one, record["interaction"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_weights():
    record = load("cox_lung_weights")
    terms = ["age", "sex", "ph.karno"]
    weight = pl.Series("w", 0.5 + (data("lung")["age"].to_numpy() % 7) / 4)
    cohort = lung(*numeric(*terms), frame=data("lung").with_columns(weight), weight="w")
    for ties in ("efron", "breslow"):
        last = agree_model(
            by_terms(Cox(ties=ties), cohort, terms), record[ties], record.rtol, skip=["residuals"]
        )
        for kind in ("martingale", "deviance", "score", "dfbeta", "dfbetas"):
            agree_residual(last, record[ties]["residuals"], kind, record.rtol)
        plain = Cox(ties=ties, variance=ModelBased())
        agree_model(by_terms(plain, cohort, terms), record[f"{ties}_naive"], record.rtol)
        assert last.rows["variance"][0] == "robust"
    # R refuses weights of 0; ours sets those records aside and says so.
    older = pl.Series("w", (data("lung")["age"] > 55).cast(pl.Float64))
    cohort = lung(*numeric("age", "sex"), frame=data("lung").with_columns(older), weight="w")
    assert cohort.steps[-1].reason == "sampling weight 0"
    one = fitted(Cox(variance=ModelBased()), cohort, complete_case("sex", ["age"]))
    agree_short(one, record["subset_equivalent"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_factor_offset_and_interaction():
    record = load("cox_lung_offset_factor")
    ecog = factor("ecog", ECOG, column="ph.ecog")
    cohort = lung(ecog, *numeric("age", "sex"))
    models = by_terms(Cox(), cohort, ["ecog", "sex"])
    zph = {"ecog": [0, 1, 2], "sex": [3]}
    agree_model(models, record["factor"], record.rtol, skip=["cox_zph"])
    for transform in record["factor"]["cox_zph"]:
        agree_zph(models["sex"], record["factor"]["cox_zph"][transform], record.rtol, groups=zph)
    one = factor("ecog", (1, 0, 2, 3), column="ph.ecog")
    again = lung(one, *numeric("sex"))
    agree_short(
        fitted(Cox(), again, complete_case("sex", ["ecog"])), record["relevel1"], record.rtol
    )
    sums_to_zero(models["sex"], record["sum_contrasts"], record.rtol)
    shifted = data("lung").with_columns((0.02 * pl.col("age")).alias("known"))
    with_offset = lung(*numeric("sex"), frame=shifted, offset="known")
    agree_model(by_terms(Cox(), with_offset, ["sex"]), record["offset"], record.rtol)
    question = complete_case("age", ["sex"], modifiers=("ecog",))
    names = [*(f"ecog {k}" for k in (1, 2, 3)), "age", "sex"]
    names += [f"age:ecog {k}" for k in (1, 2, 3)]
    both = fitted(Cox(), cohort, question, names, model=1)
    agree_short(both, record["interaction"], record.rtol)
    for key in ("anova_nested", "anova_sequential"):
        nested_models(record[key], cohort, record.rtol)
    record.finish(CERTIFIES[record.name])


def sums_to_zero(one, stored, rtol):
    """R's contr.sum: the same model with each level against the mean of all of them."""
    against = np.zeros((4, 4))
    against[:3, :3] = np.vstack([np.zeros(3), np.eye(3)])[:3] - 0.25
    against[3, 3] = 1.0
    beta, covariance = one.fit.beta[one.order], one.fit.covariance[np.ix_(one.order, one.order)]
    se = stored["se"].array()
    agree(against @ beta, stored["coef"], rtol, se)
    ours = against @ covariance @ against.T
    agree(np.sqrt(np.diag(ours)), se, rtol)
    agree(ours, stored["vcov"].matrix(), rtol, np.outer(se, se))
    agree(one.fit.log_likelihood, stored["loglik"].array()[1], rtol)
    agree(one.fit.log_likelihood_at_zero, stored["loglik"].array()[0], rtol)
    agree(one.fit.score_test.statistic, stored["score_test"], rtol)
    assert one.fit.given.size == stored["n"].number()
    assert int(one.fit.given.event.sum()) == stored["nevent"].number()
    assert one.rows["dropped"][0] == stored["n_dropped_missing"].number()


def nested_models(stored, cohort, rtol):
    """An analysis of deviance: log-likelihoods of nested models and the tests between them."""
    complete = cohort.restrict('"ph.ecog" IS NOT NULL', "performance known")
    smaller = fitted(Cox(), complete, complete_case("sex")).fit
    larger = fitted(Cox(), complete, complete_case("sex", ["ecog"])).fit
    steps = [smaller.log_likelihood_at_zero, smaller.log_likelihood, larger.log_likelihood]
    theirs = stored.column("loglik")
    ours = np.array(steps[-theirs.size :])
    agree(ours, theirs, rtol)
    agree(2 * np.diff(ours), stored.column("Chisq")[1:], rtol, 1.0)
    degrees = np.array([0, 1, 4])[-theirs.size :]
    agree(np.diff(degrees), stored.column("Df")[1:], rtol)


def test_restricted_cubic_spline():
    record = load("cox_lung_rcs")
    knots = record["knots"].array()
    known = data("lung").filter(pl.col("ph.ecog").is_not_null())
    cohort = lung(*numeric("age", "sex", "ph.ecog"), frame=known)
    term = f"rcs(age, knots={knots.tolist()}, reference=60)"
    names = [f"rcs(age) {k}" for k in (1, 2, 3)] + ["sex", "ph.ecog"]
    one = fitted(Cox(), cohort, complete_case(term, ["sex", "ph.ecog"]), names)
    agree(one.terms()[:5, :3], record["basis_first5"].matrix(), record.rtol, 100.0)
    agree_short(one, record["fit"], record.rtol)
    curved = one.order[1:3]
    beta, block = one.fit.beta[curved], one.fit.covariance[np.ix_(curved, curved)]
    agree(beta @ np.linalg.solve(block, beta), record["nonlinearity_wald"]["chisq"], record.rtol)
    assert record["nonlinearity_wald"]["df"].number() == curved.size
    response = record["dose_response"]
    ages = response.column("age")
    rows = dose_response(cohort, knots, ages)
    se = response.column("se")
    agree(rows["log_estimate"].to_numpy(), response.column("log_hr_vs_60"), record.rtol, se)
    agree(rows["std_error"].to_numpy(), se, record.rtol)
    record.finish(CERTIFIES[record.name])


def dose_response(cohort, knots, ages):
    """The hazard ratio of other ages than the knots, from the basis at those ages."""
    term = f"rcs(age, knots={knots.tolist()}, reference=60)"
    one = fitted(Cox(), cohort, complete_case(term, ["sex", "ph.ecog"]))
    at = [i for i, name in enumerate(one.fit.names) if name.startswith("rcs")]
    basis = restricted_cubic(ages, knots) - restricted_cubic(np.array([60.0]), knots)
    # Those at the knots are rows of the estimates, and must be the same numbers.
    for row, knot in zip(one.rows.iter_rows(named=True), knots, strict=True):
        away = restricted_cubic(np.array([knot]), knots) - restricted_cubic(np.array([60.0]), knots)
        assert row["log_estimate"] == pytest.approx(float(away[0] @ one.fit.beta[at]), rel=1e-12)
    covariance = one.fit.covariance[np.ix_(at, at)]
    return pl.DataFrame(
        {
            "log_estimate": basis @ one.fit.beta[at],
            "std_error": np.sqrt(np.einsum("ij,jk,ik->i", basis, covariance, basis)),
        }
    )


def test_natural_spline():
    record = load("cox_lung_splines")
    knots = record["ns_knots"]["internal"].array()
    edges = record["ns_knots"]["boundary"].array()
    known = data("lung").filter(pl.col("ph.ecog").is_not_null())
    cohort = lung(*numeric("age", "sex", "ph.ecog"), frame=known)
    term = f"ns(age, knots={knots.tolist()}, boundary={edges.tolist()}, reference=60)"
    names = [f"ns(age) {k}" for k in (1, 2, 3)] + ["sex", "ph.ecog"]
    one = fitted(Cox(), cohort, complete_case(term, ["sex", "ph.ecog"]), names)
    agree(one.terms()[:5, :3], record["ns_basis_first5"].matrix(), record.rtol, 1.0)
    agree_fit(one, record["ns"], record.rtol)
    for exposure in ("sex", "ph.ecog"):
        other = "sex" if exposure == "ph.ecog" else "ph.ecog"
        adjusted = fitted(Cox(), cohort, complete_case(exposure, [term, other]), names)
        agree_rows(adjusted, record["ns"]["coef_table"], record.rtol)
    at = [knots, edges]
    basis = natural(np.array([40.0, 50.0, 60.0, 70.0, 80.0]), *at)
    rows = np.column_stack([basis, np.ones(5), np.zeros(5)])
    beta, covariance = one.fit.beta[one.order], one.fit.covariance[np.ix_(one.order, one.order)]
    se = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    agree(rows @ beta, record["ns_predict_zero"]["fit"], record.rtol, se)
    agree(se, record["ns_predict_zero"]["se"], record.rtol)
    squared = fitted(Cox(), cohort, complete_case("sex", ["age", "square(age)"]))
    agree_short(squared, record["quadratic"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_sites_pooled_and_stratified():
    record = load("federated_cox_one_step_rotterdam_like")
    known = data("lung").filter(pl.col("inst").is_not_null() & pl.col("ph.karno").is_not_null())
    band = np.digitize(known["inst"].to_numpy(), [0, 3, 7, 12], right=True)
    site = pl.Series("site", band.astype(str))
    known = known.with_columns(site)
    assert dict(site.value_counts().iter_rows()) == {
        name: int(record["site_n"][name].number()) for name in record["site_n"]
    }
    terms = ["age", "sex", "ph.karno"]
    question = complete_case("ph.karno", ["age", "sex"])
    for name in record["site_n"]:
        one_site = lung(*numeric(*terms), frame=known.filter(pl.col("site") == name))
        agree_short(fitted(Cox(), one_site, question), record["sites"][f"site{name}"], record.rtol)
    cohort = lung(*numeric(*terms), factor("site", ("1", "2", "3", "4")), frame=known)
    stratified = complete_case("ph.karno", ["age", "sex"], strata=("site",))
    agree_short(fitted(Cox(), cohort, stratified), record["one_stage_stratified"], record.rtol)
    record.finish(CERTIFIES[record.name])
