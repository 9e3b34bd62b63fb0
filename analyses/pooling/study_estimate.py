"""One study's estimate, ready for pooling: its value on the scale of analysis and its variance.

Ratios are pooled as logarithms, differences as they are. The measure travels with the number, so
that an odds ratio and a hazard ratio never meet in one pool by accident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log

import numpy as np
from numpy.typing import NDArray

from cohort.errors import NotEstimableError, SchemaError, nearest
from cohort.published import RATIO_MEASURES, PublishedTable

from .two_by_two import TableEstimate, TwoByTwo, normal_quantile, odds_ratio

FloatArray = NDArray[np.float64]
DIFFERENCE_MEASURES = ("risk difference", "mean difference")
LOPSIDED = 0.1
"""Limits whose middle lies further than this many standard errors from the estimate are named:
rounding in print does that, and so does an interval that was not made on the log scale."""


@dataclass(frozen=True, slots=True)
class StudyEstimate:
    """One study's estimate.

    study : its name. measure : such as "odds ratio". value : on the scale of analysis, the
    logarithm for a ratio. variance : of the value.
    population_id, comparison_id : equal for studies that share a source population or the very
    same comparison women; None if nothing is known.
    summary : the study is itself a pool of studies.
    note : what the reader must know; empty if nothing.

    Raises SchemaError for an unknown measure, a value that is not finite, a variance not above 0.
    """

    study: str
    measure: str
    value: float
    variance: float
    population_id: str | None = None
    comparison_id: str | None = None
    summary: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        known = RATIO_MEASURES + DIFFERENCE_MEASURES
        if self.measure not in known:
            raise SchemaError(
                f"'{self.study}' has the measure '{self.measure}', which cannot be pooled: "
                f"{nearest(self.measure, known)}"
            )
        if not isfinite(self.value):
            raise SchemaError(
                f"the estimate of '{self.study}' is not finite: leave the study out, or correct "
                "its empty cell by name."
            )
        if not (isfinite(self.variance) and self.variance > 0):
            raise SchemaError(
                f"'{self.study}' has a variance of {self.variance:g}: expected a number above 0."
            )

    @property
    def estimate(self) -> float:
        """The estimate on the scale of the measure: a ratio, or the difference itself."""
        return on_measure_scale(self.measure, self.value)


def on_measure_scale(measure: str, value: float) -> float:
    """From the scale of analysis to that of the measure."""
    return exp(value) if measure in RATIO_MEASURES else value


def from_table(study: str, estimate: TableEstimate) -> StudyEstimate:
    """The estimate of one 2x2 table.

    Raises NotEstimableError for an exact estimate, which has no standard error.
    """
    if estimate.std_error is None:
        raise NotEstimableError(
            f"the {estimate.variance} {estimate.measure} of '{study}' has no standard error to "
            "weigh it by: use odds_ratio, or mantel_haenszel_odds_ratio on the tables."
        )
    value = estimate.estimate if estimate.log_estimate is None else estimate.log_estimate
    return StudyEstimate(study, estimate.measure, value, estimate.std_error**2, note=estimate.note)


def from_interval(
    study: str,
    measure: str,
    *,
    estimate: float,
    limits: tuple[float, float],
    conf_level: float,
) -> StudyEstimate:
    """A published ratio with its limits: the standard error from the width on the log scale.

    The note names limits that are not symmetric about the estimate there.

    Raises SchemaError for a measure that is no ratio and limits that do not enclose the estimate.
    """
    low, high = limits
    if measure not in RATIO_MEASURES:
        raise SchemaError(f"'{study}' has a {measure}: only a ratio is read from its limits.")
    if not 0 < low <= estimate <= high or low == high:
        raise SchemaError(
            f"'{study}' has the limits {low:g} to {high:g} about {estimate:g}: expected "
            "0 < low <= estimate <= high."
        )
    std_error = (log(high) - log(low)) / (2 * normal_quantile(conf_level))
    off = (log(estimate) - (log(low) + log(high)) / 2) / std_error
    note = ""
    if abs(off) > LOPSIDED:
        note = f"limits not symmetric on the log scale: off by {abs(off):.2f} standard errors"
    return StudyEstimate(study, measure, log(estimate), std_error**2, note=note)


def from_o_minus_e(study: str, measure: str, o_minus_e: float, variance: float) -> StudyEstimate:
    """Peto's one-step logarithm (O - E)/V with variance 1/V.

    o_minus_e : observed minus expected events among the exposed; variance : V, that of O - E.

    Yusuf et al. (1985), Prog Cardiovasc Dis 27:335-371. Raises SchemaError for a V not above 0.
    """
    if not (isfinite(variance) and variance > 0):
        raise SchemaError(
            f"'{study}' has V = {variance:g}: expected the variance of O - E, above 0."
        )
    return StudyEstimate(study, measure, o_minus_e / variance, 1 / variance)


def table_of(published: PublishedTable) -> TwoByTwo:
    """The 2x2 table of a published study.

    Raises NotEstimableError when a count was not found.
    """
    return TwoByTwo(*published.counts)


def crude_odds_ratios(
    tables: Sequence[PublishedTable], *, zero_cell_correction: float | None = None
) -> list[StudyEstimate]:
    """The crude odds ratio of each published table, from its counts (Woolf).

    The same odds ratio holds for case-control and cohort tables; the direction is always exposed
    against unexposed, whatever the paper printed.

    Raises NotEstimableError for unknown counts, and for an empty cell without a correction.
    """
    return [
        _placed(table, from_table(table.id, _crude(table, zero_cell_correction)))
        for table in tables
    ]


def published_effects(tables: Sequence[PublishedTable]) -> list[StudyEstimate]:
    """The main published effect of each table, in the direction of the convention.

    Raises NotEstimableError for a table without a printed effect and limits.
    """
    return [_placed(table, _printed(table)) for table in tables]


def shared_controls_covariance(
    tables: Sequence[PublishedTable], estimates: Sequence[StudyEstimate]
) -> FloatArray:
    """Covariance (k, k) of the studies' log ratios when some of them share their controls.

    estimates : of the same tables in the same order; they give the diagonal. Two crude log odds
    ratios with the same controls share the controls' part of Woolf's variance, 1/exposed +
    1/unexposed controls, and that is their covariance (delta method; Gleser and Olkin 1994, in
    Cooper and Hedges, The Handbook of Research Synthesis, chapter 22). For adjusted odds ratios
    and for the hazard ratios of a case-cohort study it is an approximation: adjustment and
    weighting are not in it.

    Raises SchemaError when tables with one comparison_id differ in their control counts, and
    NotEstimableError when those counts are unknown or hold an empty cell.
    """
    if [table.id for table in tables] != [estimate.study for estimate in estimates]:
        raise SchemaError("the estimates are not those of the tables, in the same order.")
    covariance = np.diag([estimate.variance for estimate in estimates])
    for i, one in enumerate(tables):
        for j, other in enumerate(tables[:i]):
            if one.comparison_id is not None and one.comparison_id == other.comparison_id:
                covariance[i, j] = covariance[j, i] = _shared_part(one, other)
    return covariance


def _shared_part(one: PublishedTable, other: PublishedTable) -> float:
    counts = {
        None if group is None else (group.exposed, group.unexposed)
        for group in (one.controls, other.controls)
    }
    if len(counts) > 1:
        raise SchemaError(
            f"'{one.id}' and '{other.id}' have the same comparison_id but other control counts: "
            "give their correlation yourself (correlated_covariance)."
        )
    exposed, unexposed = counts.pop() or (None, None)
    if not exposed or not unexposed:
        raise NotEstimableError(
            f"'{one.id}' and '{other.id}' share controls whose counts are unknown or 0: give their "
            "correlation yourself (correlated_covariance)."
        )
    return 1 / exposed + 1 / unexposed


def correlated_covariance(estimates: Sequence[StudyEstimate], correlation: float) -> FloatArray:
    """Covariance (k, k) when studies with one comparison_id are correlated by a known amount.

    correlation : between -1 and 1, for every such pair; pairs without a shared comparison get 0.

    Raises SchemaError for a correlation outside (-1, 1).
    """
    if not -1 < correlation < 1:
        raise SchemaError(f"correlation = {correlation:g}: expected above -1 and below 1.")
    std_errors = np.sqrt([estimate.variance for estimate in estimates])
    matrix = np.eye(len(estimates))
    for i, one in enumerate(estimates):
        for j, other in enumerate(estimates[:i]):
            if one.comparison_id is not None and one.comparison_id == other.comparison_id:
                matrix[i, j] = matrix[j, i] = correlation
    covariance: FloatArray = np.outer(std_errors, std_errors) * matrix
    return covariance


def _crude(table: PublishedTable, correction: float | None) -> TableEstimate:
    try:
        return odds_ratio(table_of(table), zero_cell_correction=correction)
    except NotEstimableError as error:
        raise NotEstimableError(f"'{table.id}': {error}") from None


def _printed(table: PublishedTable) -> StudyEstimate:
    effect = table.effects[0].directed if table.effects else None
    if effect is None or effect.estimate is None or effect.conf_low is None:
        raise NotEstimableError(
            f"'{table.id}' has no printed effect with limits: nothing was found in a source."
        )
    assert effect.conf_high is not None
    assert effect.conf_level is not None
    return from_interval(
        table.id,
        effect.measure,
        estimate=effect.estimate,
        limits=(effect.conf_low, effect.conf_high),
        conf_level=effect.conf_level,
    )


def _placed(table: PublishedTable, estimate: StudyEstimate) -> StudyEstimate:
    return StudyEstimate(
        estimate.study,
        estimate.measure,
        estimate.value,
        estimate.variance,
        population_id=table.population_id,
        comparison_id=table.comparison_id,
        summary=table.design_kind in ("meta-analysis", "pooled analysis"),
        note=estimate.note,
    )
