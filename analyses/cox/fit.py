"""A fitted Cox model: the maximum in the units of the data, with what later questions need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from cohort.errors import NotEstimableError, UnsupportedError

from ..parts import one_thread_each
from ..records import Flags, Floats, RiskRecords
from .exact_ties import exact_ties
from .influence import score_residuals
from .newton import Maximum, maximise
from .partial_likelihood import Moments, Problem, Ties, moments
from .slots import Slots, slots_of
from .standardised import standardised
from .variance import inverse_information

Maximiser = Callable[[Problem], Maximum]


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """A chi-square test with its degrees of freedom."""

    statistic: float
    df: int

    @property
    def p_value(self) -> float:
        """The upper tail probability."""
        return float(special.chdtrc(self.df, self.statistic)) if self.df else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A Cox model at its maximum, in the units of the data.

    names : (p,) of the columns. beta : (p,) log hazard ratios per unit, 0 where aliased.
    covariance : (p, p) by the variance that was asked for; model_covariance by the information.
    given : all records; kept : (n,) which are at risk for any event; problem holds those, with
    terms centred by ``centre`` and divided by ``scale`` (p,). apart : (strata, p) by how much more
    than that the terms of a stratum were centred, if at all. sample : the kind of sampled design,
    None for a full cohort. remarks : what a reader of its rows must know.
    """

    names: tuple[str, ...]
    beta: Floats
    covariance: Floats
    model_covariance: Floats
    centre: Floats
    scale: Floats
    given: RiskRecords
    kept: Flags
    problem: Problem
    maximum: Maximum
    apart: Floats | None = None
    sample: str | None = None
    remarks: tuple[str, ...] = ()

    def need_full_cohort(self, what: str) -> None:
        """Refuse what weighted or drawn risk sets cannot give.

        Raises UnsupportedError naming the sampled design.
        """
        if self.sample is not None:
            raise UnsupportedError(
                f"{what} is not built for a {self.sample}: its risk sets are a sample, and numbers "
                "read from them as if they were the cohort would be wrong."
            )

    @property
    def ties(self) -> Ties:
        """The rule for tied events."""
        return self.problem.ties

    @property
    def aliased(self) -> Flags:
        """Columns that the others determine, (p,)."""
        return self.maximum.aliased

    @property
    def monotone(self) -> Flags:
        """Columns whose coefficient runs to infinity, (p,)."""
        return self.maximum.monotone

    @property
    def std_error(self) -> Floats:
        """Standard errors of beta, (p,); 0 where aliased."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def log_likelihood(self) -> float:
        """Log partial likelihood at the maximum."""
        return self.maximum.log_likelihood

    @property
    def log_likelihood_at_zero(self) -> float:
        """Log partial likelihood with every coefficient 0."""
        return self.maximum.log_likelihood_at_start

    @property
    def likelihood_ratio_test(self) -> Test:
        """All coefficients against 0 by the likelihood ratio."""
        twice = 2.0 * (self.log_likelihood - self.log_likelihood_at_zero)
        return Test(twice, self._df)

    @property
    def score_test(self) -> Test:
        """All coefficients against 0 by the score at 0; the log-rank test for one factor."""
        start = self.maximum
        inverse = inverse_information(start.information_at_start, start.aliased)
        score = start.score_at_start
        return Test(float(score @ inverse @ score), self._df)

    @property
    def wald_test(self) -> Test:
        """All coefficients against 0 by the Wald statistic, with the fit's own variance."""
        kept = ~self.aliased
        block = self.covariance[np.ix_(kept, kept)]
        beta = self.beta[kept]
        return Test(float(beta @ np.linalg.solve(block, beta)), self._df)

    @property
    def _df(self) -> int:
        return int((~self.aliased).sum())

    def moments(self, *, nearly: bool = False) -> Moments:
        """The risk-set sums at the maximum; ``nearly`` : or so near that no variance tells.

        Raises UnsupportedError for exact ties, whose likelihood is made of no such sums.
        """
        if self.ties == "exact":
            raise UnsupportedError(
                "residuals, robust variance, baseline hazard and the proportional-hazards test are "
                "not built for exact ties: fit with ties='efron'."
            )
        known = self.maximum.at
        if known is not None and (nearly or self.maximum.exactly):
            return known
        with one_thread_each():
            return moments(self.problem, self.beta * self.scale)


def maximum_likelihood(problem: Problem) -> Maximum:
    """The maximum of the partial likelihood by the problem's own rule for ties."""
    exact = exact_ties(problem).evaluate if problem.ties == "exact" else None
    return maximise(problem, exact)


def fit_cox(
    records: RiskRecords,
    columns: Sequence[Floats],
    names: tuple[str, ...],
    ties: Ties,
    maximiser: Maximiser = maximum_likelihood,
) -> CoxFit:
    """Fit by maximum partial likelihood, or another maximiser, with the model's variance.

    columns : p of them, (n,) each.

    Raises NotEstimableError where no event happens to anybody at risk, or a value is too large.
    """
    given = records
    slots = slots_of(records)
    if not slots.count:
        raise NotEstimableError("no event happens while anybody of the sample is at risk.")
    kept = slots.active
    found = standardised(columns, kept, records.stratum)
    scale = found.scale
    check_size(names, scale)
    if not kept.all():
        records, slots = records.where(kept), slots.of_active()
    problem = Problem(records, slots, found.terms, ties)
    maximum = maximiser(problem)
    covariance = _model_covariance(maximum, scale)
    return CoxFit(
        names=names,
        beta=maximum.beta / scale,
        covariance=covariance,
        model_covariance=covariance,
        centre=found.centre,
        scale=scale,
        apart=found.apart,
        given=given,
        kept=kept,
        problem=problem,
        maximum=maximum,
    )


def check_size(names: tuple[str, ...], scale: Floats) -> None:
    """Refuse columns whose squares are too large for a number."""
    huge = [name for name, one in zip(names, scale, strict=True) if not np.isfinite(one)]
    if huge:
        raise NotEstimableError(
            f"values of {', '.join(huge)} are so large that their squares are no numbers: expected "
            "values below 1e150. Give them in another unit, or look for a missing code among them."
        )


def fit_beside(fit: CoxFit, records: RiskRecords, slots: Slots, ties: Ties) -> CoxFit:
    """The same terms fitted to other risk sets of the same records, from this fit's maximum on.

    records, slots : of those at risk in ``fit``, in its order. Its tests of all terms are not
    against 0.
    """
    problem = replace(fit.problem, records=records, slots=slots, ties=ties)
    start = None if fit.monotone.any() or not fit.maximum.converged else fit.maximum.beta
    maximum = maximise(problem, start=start)
    if start is not None and not maximum.converged:
        maximum = maximise(problem)
    covariance = _model_covariance(maximum, fit.scale)
    return replace(
        fit,
        beta=maximum.beta / fit.scale,
        covariance=covariance,
        model_covariance=covariance,
        problem=problem,
        maximum=maximum,
    )


def _model_covariance(maximum: Maximum, scale: Floats) -> Floats:
    return inverse_information(maximum.information, maximum.aliased) / np.outer(scale, scale)


def dfbeta(fit: CoxFit) -> Floats:
    """The influence of each record on beta, (records at risk, p), in the units of the data."""
    residuals = score_residuals(fit.problem, fit.moments(nearly=True)).total
    return influence_on_beta(fit, residuals)


def influence_on_beta(fit: CoxFit, residuals: Floats) -> Floats:
    """Score residuals (m, p) in the scale of the terms, as changes of beta in its own units."""
    return residuals @ (fit.scale[:, None] * fit.model_covariance)
