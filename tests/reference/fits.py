"""A fit and its estimates against everything that R printed of one model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from analyses import Cox, Question
from analyses.cox import residuals as residual
from analyses.cox.baseline import Stretch, cumulative_hazard
from analyses.cox.concordance import concordance
from analyses.cox.diagnostics import proportional_hazards
from analyses.cox.fit import CoxFit
from analyses.cox.robust_score import robust_score_test
from analyses.model import Prepared, prepared
from analyses.rows import wald_row
from cohort import Cohort
from tests.reference.oracle import Node, agree, agree_vector

RESIDUALS = {
    "martingale": residual.martingale,
    "deviance": residual.deviance,
    "score": residual.score,
    "schoenfeld": residual.schoenfeld,
    "scaledsch": residual.scaled_schoenfeld,
    "dfbeta": residual.dfbeta,
    "dfbetas": residual.dfbetas,
}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted through the public doors.

    rows : its rows of the estimates. order : the place among the fit's columns of each of R's
    coefficients.
    """

    model: Prepared
    rows: pl.DataFrame
    fit: CoxFit
    order: np.ndarray

    def terms(self) -> np.ndarray:
        """The columns of the model in R's order, (n, p)."""
        return self.model.columns.values[:, self.order]

    def ordered(self, names: Sequence[str]) -> "Fitted":
        """The same with the columns in another order of names."""
        assert sorted(self.fit.names) == sorted(names)
        return replace(self, order=np.array([self.fit.names.index(name) for name in names]))


def fitted(
    cox: Cox, cohort: Cohort, question: Question, names: Sequence[str] = (), model: int = 0
) -> Fitted:
    """One model of a question; names : the fit's columns in R's order. model : which of them."""
    estimates = cox.estimate(cohort, question)
    models = list(prepared(cohort, question))
    begins = np.cumsum([0, *(len(one.columns.comparisons) for one in models)])
    rows = estimates.frame[int(begins[model]) : int(begins[model + 1])]
    fit = estimates.fits[model]
    return Fitted(models[model], rows, fit, np.arange(len(fit.names))).ordered(names or fit.names)


def by_terms(
    cox: Cox, cohort: Cohort, terms: Sequence[str], *, strata: Sequence[str] = ()
) -> Mapping[str, Fitted]:
    """The same model once with each term as the exposure and the others as confounders."""
    found = {}
    for exposure in terms:
        others = [term for term in terms if term != exposure]
        question = Question(
            exposure=exposure,
            adjustments={"model": others},
            strata=tuple(strata),
            missing="complete case",
        )
        found[exposure] = fitted(cox, cohort, question)
    names = found[terms[-1]].fit.names
    return {term: one.ordered(names) for term, one in found.items()}


def agree_model(
    models: Mapping[str, Fitted], stored: Node, rtol: float, *, skip: Sequence[str] = ()
) -> Fitted:
    """A model fitted once for each of its terms, against all that R printed of it."""
    for one in models.values():
        agree_rows(one, stored["coef_table"], rtol)
    last = list(models.values())[-1]
    agree_fit(last, stored, rtol, skip=skip)
    return last


def agree_rows(one: Fitted, table: Node, rtol: float) -> None:
    """The rows of the estimates against R's rows for the same contrasts."""
    comparisons = one.model.columns.comparisons
    for row, comparison in zip(one.rows.iter_rows(named=True), comparisons, strict=True):
        used = np.flatnonzero(comparison.weights)
        if used.size == 1:
            place = int(np.flatnonzero(one.order == used[0])[0])
            _agree_row(row, table, place, rtol, step=float(comparison.weights[used[0]]))


def _agree_row(
    row: Mapping[str, float], table: Node, place: int, rtol: float, *, step: float = 1.0
) -> None:
    get = {key: table["columns"][key][place] for key in table["columns"] if key != "term"}
    se = get["se"].number()
    what = f"{table.name} {table['columns']['term'].value[place]}"
    agree(row["log_estimate"] / step, get["coef"], rtol, se, what=f"{what} coef")
    agree(row["std_error"] / step, get["se"], rtol, what=f"{what} se")
    for ours, theirs in (("conf_low", "lower"), ("conf_high", "upper")):
        agree(np.log(row[ours]) / step, get[theirs], rtol, se, what=f"{what} {theirs}")
    z = row["log_estimate"] / row["std_error"]
    # A relative error of the tail probability is that of z^2 times the square itself.
    agree(row["p_value"], get["p"], rtol * (10 + z**2), what=f"{what} p")
    if step == 1:
        # An error of rtol standard errors of the log is as much of the ratio itself.
        ratios = {"estimate": "exp_coef", "conf_low": "exp_lower", "conf_high": "exp_upper"}
        for ours, theirs in ratios.items():
            agree(row[ours], get[theirs], rtol * (1 + 3 * se), what=f"{what} {theirs}")


def agree_short(one: Fitted, stored: Node, rtol: float) -> None:
    """A fit against R's short print: coefficients, both variances, log-likelihoods, score test."""
    fit, order = one.fit, one.order
    se = stored["se"].array()
    assert fit.given.size == stored["n"].number()
    assert int(fit.given.event.sum()) == stored["nevent"].number()
    agree(np.where(fit.aliased, np.nan, fit.beta)[order], stored["coef"], rtol, se)
    model = np.sqrt(np.diag(fit.model_covariance))
    agree(model[order], stored["se"], rtol)
    if "robust_se" in stored:
        agree(fit.std_error[order], stored["robust_se"], rtol)
    _agree_covariance(fit.covariance, stored["vcov"], order, rtol)
    lower, upper = stored["loglik"].array()
    agree(fit.log_likelihood_at_zero, lower, rtol, 1.0, what=f"{stored.name} loglik at 0")
    agree(fit.log_likelihood, upper, rtol, 1.0, what=f"{stored.name} loglik")
    agree(fit.score_test.statistic, stored["score_test"], rtol, 1.0)
    if "n_dropped_missing" in stored:
        assert one.rows["dropped"][0] == stored["n_dropped_missing"].number()


def agree_fit(one: Fitted, stored: Node, rtol: float, *, skip: Sequence[str] = ()) -> None:
    """A fit against R's long print; skip : parts that the caller compares or leaves out."""
    fit, order, frame = one.fit, one.order, one.rows
    assert fit.ties == stored["ties"].read()
    assert fit.given.size == stored["n"].number()
    assert frame["dropped"][0] == stored["n_dropped_missing"].number()
    assert int(fit.given.event.sum()) == frame["events"][0] == stored["nevent"].number()
    assert frame["variance"][0] == ("robust" if "naive_vcov" in stored else "model")
    _agree_coefficients(fit, stored, order, rtol)
    agree(fit.log_likelihood_at_zero, stored["loglik_null"], rtol)
    agree(fit.log_likelihood, stored["loglik_final"], rtol)
    tests = {
        "lr_test": fit.likelihood_ratio_test,
        "score_test": fit.score_test,
        "wald_test": fit.wald_test,
    }
    for key, test in tests.items():
        assert test.df == stored[key]["df"].number()
        # A relative error of the tail probability is the statistic's error times its half.
        agree(test.p_value, stored[key]["pvalue"], rtol * (10 + test.statistic))
        if key != "wald_test":
            agree(test.statistic, stored[key]["test"], rtol, 1.0)
    parts = {
        "concordance": _agree_concordance,
        "linear_predictor_centered": _agree_predictor,
        "residuals": _agree_residuals,
        "baseline_cumhaz_at_zero": _agree_baseline,
        "baseline_cumhaz_at_means": _agree_baseline,
        "cox_zph": _agree_zph_all,
        "robust_score_test": _agree_robust_score,
    }
    for key, compare in parts.items():
        if key in stored and key not in skip:
            compare(one, stored, key, rtol)


def _agree_robust_score(one: Fitted, stored: Node, key: str, rtol: float) -> None:
    test = robust_score_test(one.fit)
    assert test.df == stored[key]["df"].number()
    agree(test.statistic, stored[key]["test"], rtol, 1.0)
    agree(test.p_value, stored[key]["pvalue"], rtol * (10 + test.statistic))


def _agree_covariance(ours: np.ndarray, stored: Node, order: np.ndarray, rtol: float) -> None:
    theirs = stored.matrix()
    size = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    agree(ours[np.ix_(order, order)], theirs, rtol, size, what=stored.name)


def _agree_coefficients(fit: CoxFit, stored: Node, order: np.ndarray, rtol: float) -> None:
    table = stored["coef_table"]
    se = table.column("se")
    agree(fit.beta[order], table.column("coef"), rtol, se, what=f"{table.name} coef")
    agree(fit.std_error[order], se, rtol, what=f"{table.name} se")
    for place, column in enumerate(order):
        row = wald_row(float(fit.beta[column]), float(fit.std_error[column]), 0.95)
        _agree_row(row, table, place, rtol)
    _agree_covariance(fit.covariance, stored["vcov"], order, rtol)
    if "naive_vcov" in stored:
        _agree_covariance(fit.model_covariance, stored["naive_vcov"], order, rtol)
        agree(np.sqrt(np.diag(fit.model_covariance))[order], stored["naive_se"], rtol)


def _agree_concordance(one: Fitted, stored: Node, key: str, rtol: float) -> None:
    ours, theirs = concordance(one.fit), stored[key]
    agree(ours.concordant.sum(), theirs["concordant"], rtol)
    agree(ours.discordant.sum(), theirs["discordant"], rtol)
    agree(ours.tied_predictor.sum(), theirs["tied.x"], rtol, ours.concordant.sum())
    agree(ours.concordance, theirs["concordance"], rtol)
    agree(ours.std_error, theirs["std"], rtol)


def _agree_predictor(one: Fitted, stored: Node, key: str, rtol: float) -> None:
    means = np.array([float(v) for v in stored["means"].value.values()])
    # This version of R takes the mean offset off as well; later ones do not.
    offset = one.fit.given.offset - one.fit.given.offset.mean()
    ours = (one.terms() - means) @ one.fit.beta[one.order] + offset
    agree_vector(ours, stored[key], rtol)


def _agree_residuals(one: Fitted, stored: Node, key: str, rtol: float) -> None:
    for kind in stored[key]:
        agree_residual(one, stored[key], kind, rtol)


def agree_residual(one: Fitted, stored: Node, kind: str, rtol: float) -> None:
    """One kind of residual, in R's order of records or events."""
    theirs, ours = stored[kind], RESIDUALS[kind](one.fit)
    if "sum" in theirs:
        agree_vector(ours, theirs, rtol)
        return
    if kind in ("schoenfeld", "scaledsch"):
        ours = ours[np.argsort(_r_event_order(one.fit), kind="stable")]
    for place, name in enumerate(theirs):
        agree_vector(ours[:, one.order[place]], theirs[name], rtol)


def _r_event_order(fit: CoxFit, *, tied: int = 1) -> np.ndarray:
    """The rank of each event in R's order: strata, then time, then the order of the file.

    tied : -1 for the file's order turned round among ties.
    """
    slots = fit.problem.slots
    place = tied * residual.event_order(fit)
    order = np.lexsort((place, slots.time[slots.death_slot], slots.stratum[slots.death_slot]))
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rank


def _agree_baseline(one: Fitted, stored: Node, key: str, rtol: float) -> None:
    fit, order = one.fit, one.order
    at = np.zeros(order.size)
    if key.endswith("means"):
        at[order] = [float(v) for v in stored["means"].value.values()]
    path = [Stretch(-np.inf, np.inf, at)]
    # R's curve is at the mean offset, ours at none.
    shift = np.exp(fit.given.offset.mean())
    for stratum, name in enumerate(stored[key]):
        theirs = stored[key][name]
        hazard, _ = cumulative_hazard(fit, theirs["time"].array(), path, stratum=stratum)
        agree(hazard * shift, theirs["cumhaz"], rtol)


def _agree_zph_all(one: Fitted, stored: Node, key: str, rtol: float) -> None:
    for transform in stored[key]:
        agree_zph(one, stored[key][transform], rtol)


def agree_zph(
    one: Fitted,
    stored: Node,
    rtol: float,
    *,
    groups: Mapping[str, Sequence[int]] | None = None,
    transform: object = None,
) -> None:
    """The test of proportional hazards; groups : R's terms as places among its coefficients."""
    order = one.order
    names = stored["table"].value["rownames"][:-1]
    groups = groups or {name: [place] for place, name in enumerate(names)}
    ours = proportional_hazards(
        one.fit,
        transform or stored["transform"].read(),
        terms={name: [int(order[p]) for p in places] for name, places in groups.items()},
    )
    table = np.column_stack(
        [ours.table["chi_square"], ours.table["df"].cast(float), ours.table["p_value"]]
    )
    theirs = stored["table"].matrix()
    agree(table[:, :2], theirs[:, :2], rtol, 1.0, what=f"{stored.name} chi-square")
    slack = rtol * (10 + theirs[:, :1])
    ratio = table[:, 2:] / theirs[:, 2:]
    agree((ratio - 1) / slack * rtol + 1, np.ones_like(ratio), rtol, what=f"{stored.name} p")
    # With late entry cox.zph lists tied events from the last of the file to the first.
    late = np.isfinite(one.fit.given.entry).any()
    rank = np.argsort(_r_event_order(one.fit, tied=-1 if late else 1), kind="stable")
    y = ours.residuals[rank]
    size = np.nanmax(np.abs(y), axis=0)
    if "residual_sums" in stored:
        sums = stored["residual_sums"].array()
        agree(y.sum(axis=0), sums, rtol, np.nansum(np.abs(y), axis=0), what=f"{stored.name} sums")
    agree(ours.transformed[rank][:5], stored["x_first5"], rtol, np.abs(ours.transformed).max())
    agree(y[:5], stored["y_first5"].matrix(), rtol, size, what=f"{stored.name} y")
    var = stored["var"].matrix()
    root = np.sqrt(np.diag(var))
    agree(ours.covariance, var, rtol, np.outer(root, root), what=f"{stored.name} var")
