"""One 2x2 table: odds ratio, risk ratio and risk difference, and the chi-square tests.

Large-sample formulas; the exact ones are in `exact.py`. A table with an empty cell is never
corrected in silence: the caller says what to add, and the result says that it was added.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from operator import index

from scipy.special import ndtri
from scipy.stats import chi2, norm

from cohort.errors import NotEstimableError, SchemaError


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Four counts of persons: exposure by case status.

    In a cohort the non-cases are those without the event; in a case-control study, the controls.

    Raises SchemaError for a count that is negative or not whole, or a table of nobody.
    """

    exposed_cases: int
    exposed_noncases: int
    unexposed_cases: int
    unexposed_noncases: int

    def __post_init__(self) -> None:
        for name in self.__slots__:
            count = getattr(self, name)
            try:
                whole = index(count)
            except TypeError:
                raise SchemaError(
                    f"{name} is of type {type(count).__name__}: expected a whole count of persons."
                ) from None
            if isinstance(count, bool) or whole < 0:
                raise SchemaError(f"{name} = {count}: expected a whole count of 0 or more.")
            object.__setattr__(self, name, whole)
        if self.persons == 0:
            raise SchemaError("the four counts are all 0: expected a table of at least one person.")

    @property
    def cells(self) -> tuple[int, int, int, int]:
        """The counts in the order of the fields: a, b, c, d of the textbooks."""
        return (
            self.exposed_cases,
            self.exposed_noncases,
            self.unexposed_cases,
            self.unexposed_noncases,
        )

    @property
    def persons(self) -> int:
        """All four counts together."""
        return sum(self.cells)

    @property
    def has_empty_cell(self) -> bool:
        """Whether one of the four counts is 0."""
        return 0 in self.cells


@dataclass(frozen=True, slots=True)
class TableEstimate:
    """One measure from one or several tables, with its interval.

    estimate, conf_low, conf_high : on the scale of the measure; an exact limit may be 0 or inf.
    log_estimate, std_error : on the log scale for ratios; std_error of a difference on its own
    scale. None for exact methods and infinite logarithms.
    variance : how the interval was made ("Woolf", "exact conditional", ...).
    note : what the reader must know, such as a correction of empty cells; empty if nothing.
    """

    measure: str
    variance: str
    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    log_estimate: float | None = None
    std_error: float | None = None
    p_value: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square test: what was tested, the statistic, its degrees of freedom and p-value."""

    hypothesis: str
    method: str
    statistic: float
    df: int
    p_value: float


def odds_ratio(
    table: TwoByTwo, *, conf_level: float = 0.95, zero_cell_correction: float | None = None
) -> TableEstimate:
    """Odds ratio ad/bc with the interval of Woolf (1955), Ann Hum Genet 19:251-253.

    zero_cell_correction : added to all four counts when, and only when, one of them is 0; 0.5 is
    that of Haldane (1956), Ann Hum Genet 20:309-311.

    Raises NotEstimableError for a table with an empty cell when no correction is named.
    """
    a, b, c, d, note = _filled(table, zero_cell_correction, "odds ratio")
    return ratio_estimate(
        ("odds ratio", "Woolf"),
        log(a) + log(d) - log(b) - log(c),
        sqrt(1 / a + 1 / b + 1 / c + 1 / d),
        conf_level=conf_level,
        note=note,
    )


def risk_ratio(
    table: TwoByTwo, *, conf_level: float = 0.95, zero_cell_correction: float | None = None
) -> TableEstimate:
    """Risk ratio with the interval of Katz et al. (1978), Biometrics 34:469-474.

    Only for a cohort: in a case-control study the risks are set by the sampling.

    Raises NotEstimableError for a table with an empty cell when no correction is named.
    """
    a, b, c, d, note = _filled(table, zero_cell_correction, "risk ratio")
    n1, n0 = a + b, c + d
    return ratio_estimate(
        ("risk ratio", "Katz"),
        log(a / n1) - log(c / n0),
        sqrt(1 / a - 1 / n1 + 1 / c - 1 / n0),
        conf_level=conf_level,
        note=note,
    )


def risk_difference(table: TwoByTwo, *, conf_level: float = 0.95) -> TableEstimate:
    """Risk difference, exposed minus unexposed, with the interval of Wald.

    Only for a cohort. Raises NotEstimableError when a group is empty, and when both risks are 0 or
    1, where Wald's interval has no width.
    """
    a, b, c, d = table.cells
    n1, n0 = a + b, c + d
    if n1 == 0 or n0 == 0:
        raise NotEstimableError("the risk difference needs exposed and unexposed persons.")
    r1, r0 = a / n1, c / n0
    std_error = sqrt(r1 * (1 - r1) / n1 + r0 * (1 - r0) / n0)
    if std_error == 0:
        raise NotEstimableError(
            "both risks are 0 or 1: Wald's interval of the risk difference has no width here. "
            "Use the exact odds ratio."
        )
    z = normal_quantile(conf_level)
    return TableEstimate(
        measure="risk difference",
        variance="Wald",
        estimate=r1 - r0,
        conf_low=r1 - r0 - z * std_error,
        conf_high=r1 - r0 + z * std_error,
        conf_level=conf_level,
        std_error=std_error,
        p_value=float(2 * norm.sf(abs(r1 - r0) / std_error)),
    )


def pearson_chi_square(table: TwoByTwo) -> ChiSquare:
    """Pearson's test of no association, without correction.

    Raises NotEstimableError when a margin is empty.
    """
    return _chi_square(table, "Pearson", _pearson(table))


def mantel_haenszel_chi_square(table: TwoByTwo) -> ChiSquare:
    """Pearson's statistic times (n - 1)/n: the variance given all margins.

    Mantel and Haenszel (1959), J Natl Cancer Inst 22:719-748.
    """
    n = table.persons
    return _chi_square(table, "Mantel-Haenszel", _pearson(table) * (n - 1) / n)


def yates_chi_square(table: TwoByTwo) -> ChiSquare:
    """Pearson's test with the continuity correction of Yates (1934), J R Stat Soc Suppl 1:217-235.

    The correction never exceeds the deviation itself, so that the statistic of a table without
    any association is 0 (the rule of R's `chisq.test`).
    """
    a, b, c, d = table.cells
    _check_margins(table)
    n = table.persons
    deviation = abs(a * d - b * c) / n
    corrected = deviation - min(0.5, deviation)
    margins = float((a + b) * (c + d)) * float((a + c) * (b + d))
    return _chi_square(table, "Yates", corrected**2 * float(n) ** 3 / margins)


def ratio_estimate(
    name: tuple[str, str],
    log_estimate: float,
    std_error: float,
    *,
    conf_level: float,
    note: str = "",
) -> TableEstimate:
    """A ratio from its logarithm and standard error, normal limits on the log scale.

    name : (measure, variance).
    """
    z = normal_quantile(conf_level)
    return TableEstimate(
        measure=name[0],
        variance=name[1],
        estimate=exp(log_estimate),
        conf_low=exp(log_estimate - z * std_error),
        conf_high=exp(log_estimate + z * std_error),
        conf_level=conf_level,
        log_estimate=log_estimate,
        std_error=std_error,
        p_value=float(2 * norm.sf(abs(log_estimate) / std_error)),
        note=note,
    )


def normal_quantile(conf_level: float) -> float:
    """The two-sided normal quantile: 1.96 for a confidence level of 0.95.

    Raises SchemaError for a level outside (0, 1).
    """
    check_conf_level(conf_level)
    return float(-ndtri((1 - conf_level) / 2))


def check_conf_level(conf_level: float) -> None:
    """Refuse a confidence level that is not a share.

    Raises SchemaError.
    """
    if not 0 < conf_level < 1:
        raise SchemaError(f"conf_level = {conf_level:g}: expected a share such as 0.95.")


def _filled(
    table: TwoByTwo, correction: float | None, measure: str
) -> tuple[float, float, float, float, str]:
    a, b, c, d = (float(cell) for cell in table.cells)
    if correction is not None and not 0 < correction < float("inf"):
        raise SchemaError(f"zero_cell_correction = {correction:g}: expected above 0, such as 0.5.")
    if not table.has_empty_cell:
        return a, b, c, d, ""
    _check_margins(table)
    empty = [name for name in table.__slots__ if getattr(table, name) == 0]
    named = " and ".join(name.replace("_", " ").replace("noncases", "non-cases") for name in empty)
    if correction is None:
        raise NotEstimableError(
            f"there are no {named}: the {measure} is 0 or infinite and its large-sample interval "
            "does not exist. Use exact_odds_ratio for a one-sided exact limit, or name a "
            "correction: zero_cell_correction=0.5."
        )
    note = f"{correction:g} added to all four counts because there are no {named}"
    return a + correction, b + correction, c + correction, d + correction, note


def _check_margins(table: TwoByTwo) -> None:
    a, b, c, d = table.cells
    margins = {"exposed": a + b, "unexposed": c + d, "cases": a + c, "non-cases": b + d}
    for name, margin in margins.items():
        if margin == 0:
            raise NotEstimableError(
                f"the table has no {name}: it holds no information on an association."
            )


def _pearson(table: TwoByTwo) -> float:
    a, b, c, d = table.cells
    _check_margins(table)
    margins = float((a + b) * (c + d)) * float((a + c) * (b + d))
    return float(table.persons) * float(a * d - b * c) ** 2 / margins


def _chi_square(table: TwoByTwo, method: str, statistic: float) -> ChiSquare:
    return ChiSquare("no association", method, statistic, 1, float(chi2.sf(statistic, 1)))
