"""Is the hazard ratio the same at all times? The score test for proportional hazards.

The exact score test of each term times a function of time, as in R's survival from 3.0 on; the
approximate test of Grambsch and Therneau (1994) that other programs print gives other numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy import linalg, special

from cohort.errors import NotEstimableError, QuestionError

from ..parts import one_thread_each
from ..records import Codes, Flags, Floats
from .fit import CoxFit
from .influence import event_means
from .partial_likelihood import information_of
from .variance import ALIASED

FIRST = 256
"""Records that mostly tell which columns vary."""
TABLE = {"term": pl.String, "chi_square": pl.Float64, "df": pl.Int64, "p_value": pl.Float64}
"""The columns of the table of tests."""
Transform = Literal["km", "rank", "identity", "log"] | Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class ProportionalHazards:
    """The test of proportional hazards of a fit, and what a plot of it needs.

    table : one row a term and one "all terms": term, chi_square, df, p_value; null where the
    events hold no information on a trend, all at one time or in one risk set that varies.
    time, transformed : (events,) of each event, by stratum and time. residuals : (events, terms)
    scaled Schoenfeld residuals, which estimate the coefficient at that time; NaN where a term does
    not vary in the stratum. covariance : (terms, terms) of one such residual.
    """

    table: pl.DataFrame
    transform: str
    time: Floats
    transformed: Floats
    residuals: Floats
    covariance: Floats


@one_thread_each()
def proportional_hazards(
    fit: CoxFit,
    transform: Transform = "km",
    *,
    terms: dict[str, list[int]] | None = None,
) -> ProportionalHazards:
    """Test each term's hazard ratio for a trend in transformed time.

    transform : "km" (one less the Kaplan-Meier estimate just before), "rank", "identity", "log" or
    a function of times. terms : columns that are tested together, ``{name: [column, ...]}``; each
    column alone without it.

    Raises NotEstimableError when a column is aliased or monotone: leave it out of the model;
    UnsupportedError for a sampled design.
    """
    if not isinstance(fit, CoxFit):
        raise QuestionError(
            f"expected a fitted model, found {type(fit).__name__}: give estimates.fit('crude'), "
            "the fit of one adjustment set."
        )
    fit.need_full_cohort("the test of proportional hazards")
    if (fit.aliased | fit.monotone).any():
        raise NotEstimableError(
            "the model has terms that cannot be estimated, so their hazard ratios have no trend to "
            "test: leave them out and fit again."
        )
    problem, at = fit.problem, fit.moments(nearly=True)
    slots, records = problem.slots, problem.records
    clock = _transformed(fit, transform)
    dead, slot = slots.death, slots.death_slot
    time = clock - clock[slot].mean()
    means = event_means(problem, at)
    residuals = problem.dead_terms - means.take(slot, axis=0)
    weight = records.event_weight[dead]
    score = (weight * time[slot]) @ residuals
    plain = fit.maximum.information if at is fit.maximum.at else information_of(problem, at)
    first = information_of(problem, at, time)
    second = information_of(problem, at, time**2)
    left, score = _left_by(plain, first, second, score)
    groups = terms or {name: [j] for j, name in enumerate(fit.names)}
    rows = [(name, *_test(left, score, columns)) for name, columns in groups.items()]
    rows.append(("all terms", *_test(left, score, list(range(score.size)))))
    table = pl.DataFrame(rows, schema=TABLE, orient="row")
    scaled, covariance = _scaled(fit, residuals, plain, groups)
    return ProportionalHazards(
        table,
        transform if isinstance(transform, str) else "user",
        slots.time[slot],
        clock[slot],
        scaled,
        covariance,
    )


def _left_by(plain: Floats, first: Floats, second: Floats, score: Floats) -> tuple[Floats, Floats]:
    """The information on trends that coefficients leave, (p, p), and the score of trends, (p,).

    plain, first, second : (p, p) information on coefficients, on both, and on trends. Scaled so
    that 1 on the diagonal is all the information on a trend.
    """
    size = np.sqrt(np.diag(second))
    size[size == 0] = 1.0
    left = second - first.T @ np.linalg.solve(plain, first)
    return left / np.outer(size, size), score / size


def _test(
    left: Floats, score: Floats, columns: list[int]
) -> tuple[float | None, int, float | None]:
    block, u, df = left[np.ix_(columns, columns)], score[columns], len(columns)
    root, refused = linalg.lapack.dpotrf(block, lower=1)
    if refused or (np.diag(root) ** 2 <= ALIASED).any():
        return None, df, None
    inside, _ = linalg.lapack.dtrtrs(root, u, lower=1)
    statistic = float(inside @ inside)
    return statistic, df, float(special.chdtrc(df, statistic))


def _transformed(fit: CoxFit, transform: Transform) -> Floats:
    """The transformed time of each slot, (K,)."""
    times = fit.problem.slots.time
    if not isinstance(transform, str):
        return np.asarray(transform(times), dtype=np.float64)
    if transform == "identity":
        return times
    if transform == "log":
        return np.asarray(np.log(times))
    if transform == "rank":
        exits = np.sort(fit.given.exit)
        low = np.searchsorted(exits, times, side="left")
        return np.asarray((low + np.searchsorted(exits, times, side="right") + 1) / 2.0)
    return _one_minus_survival_before(fit, times)


def _one_minus_survival_before(fit: CoxFit, times: Floats) -> Floats:
    """One less the Kaplan-Meier estimate of all records, unweighted, just before each time."""
    event_times, deaths = np.unique(fit.given.exit[fit.given.event], return_counts=True)
    entered = np.searchsorted(np.sort(fit.given.entry), event_times, side="left")
    left = np.searchsorted(np.sort(fit.given.exit), event_times, side="left")
    survival = np.cumprod(1.0 - deaths / (entered - left))
    before = np.concatenate(([1.0], survival))
    return np.asarray(1.0 - before[np.searchsorted(event_times, times, side="left")])


def _scaled(
    fit: CoxFit, residuals: Floats, information: Floats, groups: dict[str, list[int]]
) -> tuple[Floats, Floats]:
    """Residuals over the mean information of an event; columns of a term by their predictor."""
    slots = fit.problem.slots
    used = _used(fit)
    strata = slots.stratum[slots.death_slot]
    codes = np.unique(strata, return_inverse=True)[1]
    counts = np.bincount(codes)
    together = np.zeros((used.shape[1], used.shape[1]))
    for row, count in zip(used, counts, strict=True):
        together += np.outer(row, row) * count
    mean = information / np.where(together > 0, together, 1.0)
    start = np.array([fit.beta[c[0]] if len(c) == 1 else 1.0 for c in groups.values()])
    mix = np.zeros((fit.beta.size, len(groups)))
    for place, columns in enumerate(groups.values()):
        by_predictor = fit.beta[columns] if len(columns) > 1 else 1.0
        mix[columns, place] = fit.scale[columns] * by_predictor
    mean = mix.T @ mean @ mix
    pulled = residuals @ mix
    scaled = np.full(pulled.shape, np.nan)
    vary = np.column_stack([used[:, c].any(axis=1) for c in groups.values()])
    for code in range(counts.size):
        mine, k = codes == code, np.flatnonzero(vary[code])
        if k.size:
            scaled[np.ix_(mine, k)] = np.linalg.solve(mean[np.ix_(k, k)], pulled[mine][:, k].T).T
    return np.asarray(scaled + start), np.asarray(np.linalg.inv(mean))


def _used(fit: CoxFit) -> Flags:
    """Whether each column varies within each stratum that has events, (strata, p)."""
    records, terms = fit.problem.records, fit.problem.terms
    slots = fit.problem.slots
    present: Codes = np.unique(slots.stratum)
    if records.stratum.max(initial=0) == 0:
        vary = (terms[:FIRST] != terms[0]).any(axis=0)
        if not vary.all():
            vary = (terms != terms[0]).any(axis=0)
        return np.asarray(vary)[None, :][present]
    # Sorted by stratum, so that each is a run; reductions over runs are quick.
    order = np.argsort(records.stratum, kind="stable")
    runs = np.flatnonzero(np.diff(records.stratum[order], prepend=-1))
    ordered = terms[order]
    vary = np.maximum.reduceat(ordered, runs) > np.minimum.reduceat(ordered, runs)
    place = np.searchsorted(records.stratum[order][runs], present)
    return np.asarray(vary[place])
