"""Several 2x2 tables: Mantel-Haenszel and Peto, and whether the tables agree.

Empty cells need no correction here: a table contributes as long as it has exposed, unexposed,
cases and non-cases; a table without one of these adds nothing and is refused, so that the caller
leaves it out in the open.
"""

from collections.abc import Sequence
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from cohort.errors import NotEstimableError

from .study_estimate import StudyEstimate, from_o_minus_e
from .two_by_two import ChiSquare, TableEstimate, TwoByTwo, normal_quantile, ratio_estimate

FloatArray = NDArray[np.float64]


def mantel_haenszel_odds_ratio(
    tables: Sequence[TwoByTwo], *, conf_level: float = 0.95
) -> TableEstimate:
    """Common odds ratio, with the variance of its logarithm by Robins, Breslow and Greenland.

    Mantel and Haenszel (1959), J Natl Cancer Inst 22:719-748; Robins, Breslow and Greenland
    (1986), Biometrics 42:311-323.

    Raises NotEstimableError when a table has an empty margin or the estimate is 0 or infinite.
    """
    a, b, c, d, n = _cells(tables)
    r, s = a * d / n, b * c / n
    _finite(r.sum(), s.sum(), "odds ratio")
    p, q = (a + d) / n, (b + c) / n
    variance = (
        (p * r).sum() / (2 * r.sum() ** 2)
        + (p * s + q * r).sum() / (2 * r.sum() * s.sum())
        + (q * s).sum() / (2 * s.sum() ** 2)
    )
    return ratio_estimate(
        ("odds ratio", "Robins-Breslow-Greenland"),
        log(r.sum() / s.sum()),
        sqrt(float(variance)),
        conf_level=conf_level,
    )


def mantel_haenszel_risk_ratio(
    tables: Sequence[TwoByTwo], *, conf_level: float = 0.95
) -> TableEstimate:
    """Common risk ratio of cohorts or trials; variance of Greenland and Robins.

    Greenland and Robins (1985), Biometrics 41:55-68. Raises as `mantel_haenszel_odds_ratio`.
    """
    a, b, c, d, n = _cells(tables)
    n1, n0 = a + b, c + d
    r, s = a * n0 / n, c * n1 / n
    _finite(r.sum(), s.sum(), "risk ratio")
    numerator = ((n1 * n0 * (a + c) - a * c * n) / n**2).sum()
    return ratio_estimate(
        ("risk ratio", "Greenland-Robins"),
        log(r.sum() / s.sum()),
        sqrt(float(numerator / (r.sum() * s.sum()))),
        conf_level=conf_level,
    )


def mantel_haenszel_risk_difference(
    tables: Sequence[TwoByTwo], *, conf_level: float = 0.95
) -> TableEstimate:
    """Common risk difference of cohorts or trials; variance of Sato.

    Greenland and Robins (1985); Sato, Greenland and Robins (1989), Biometrics 45:1323-1324.
    """
    a, b, c, d, n = _cells(tables)
    n1, n0 = a + b, c + d
    weight = (n1 * n0 / n).sum()
    value = float(((a * n0 - c * n1) / n).sum() / weight)
    p = (c * (n1 / n) ** 2 - a * (n0 / n) ** 2 + n1 * n0 * (n0 - n1) / (2 * n**2)).sum()
    q = ((a * (n0 - c) + c * (n1 - a)) / (2 * n)).sum()
    variance = float((value * p + q) / weight**2)
    if variance <= 0:
        raise NotEstimableError("the variance of the common risk difference is 0 in these tables.")
    std_error = sqrt(variance)
    reach = normal_quantile(conf_level) * std_error
    return TableEstimate(
        measure="risk difference",
        variance="Sato",
        estimate=value,
        conf_low=value - reach,
        conf_high=value + reach,
        conf_level=conf_level,
        std_error=std_error,
        p_value=float(chi2.sf((value / std_error) ** 2, 1)),
    )


def peto_estimate(study: str, table: TwoByTwo) -> StudyEstimate:
    """One table's log odds ratio (O - E)/V given its margins, with variance 1/V.

    Pooled with the fixed effect it is Peto's odds ratio (Yusuf et al. 1985, Prog Cardiovasc Dis
    27:335-371). Biased for large effects and for unequal groups.
    """
    a, expected, variance = (float(part[0]) for part in _observed_expected([table]))
    return from_o_minus_e(study, "odds ratio", a - expected, variance)


def cochran_mantel_haenszel_test(
    tables: Sequence[TwoByTwo], *, continuity_correction: bool
) -> ChiSquare:
    """Test that the exposure goes with the outcome in no table.

    continuity_correction : subtract one half from the deviation (never more than the deviation).
    """
    a, expected, variance = _observed_expected(tables)
    deviation = abs(float((a - expected).sum()))
    method = "Cochran-Mantel-Haenszel"
    if continuity_correction:
        deviation -= min(0.5, deviation)
        method += ", continuity-corrected"
    statistic = deviation**2 / float(variance.sum())
    return ChiSquare("no association in any table", method, statistic, 1, _p(statistic, 1))


def breslow_day_test(tables: Sequence[TwoByTwo], *, tarone: bool = True) -> ChiSquare:
    """Test that the tables have one odds ratio, about the Mantel-Haenszel value.

    Breslow and Day (1980), Statistical Methods in Cancer Research I, p. 142; Tarone's correction
    (1985), Biometrika 72:91-95, unless tarone=False.
    """
    a, b, c, _, n = _cells(tables)
    common = mantel_haenszel_odds_ratio(tables).estimate
    n1, m1 = a + b, a + c
    fitted = _fitted_exposed_cases(common, n1, m1, n)
    variance = 1 / (1 / fitted + 1 / (n1 - fitted) + 1 / (m1 - fitted) + 1 / (n - n1 - m1 + fitted))
    statistic = float(((a - fitted) ** 2 / variance).sum())
    if tarone:
        statistic -= float((a.sum() - fitted.sum()) ** 2 / variance.sum())
    df = len(tables) - 1
    if df == 0:
        raise NotEstimableError("one table agrees with itself: the test needs at least two.")
    method = "Breslow-Day, Tarone" if tarone else "Breslow-Day"
    return ChiSquare("one odds ratio in all tables", method, statistic, df, _p(statistic, df))


def homogeneity_test(estimates: Sequence[StudyEstimate], common: float) -> ChiSquare:
    """Cochran's Q of the studies about a common value made in another way (Mantel-Haenszel).

    common : on the scale of analysis, the logarithm for a ratio.
    """
    df = len(estimates) - 1
    if df < 1:
        raise NotEstimableError("one study agrees with itself: the test needs at least two.")
    q = sum((one.value - common) ** 2 / one.variance for one in estimates)
    return ChiSquare("the studies have one value", "Cochran's Q", q, df, _p(q, df))


def _fitted_exposed_cases(
    odds_ratio: float, n1: FloatArray, m1: FloatArray, n: FloatArray
) -> FloatArray:
    """Exposed cases that a given odds ratio fits to the margins: the root inside their range.

    The quadratic (1 - psi) e^2 + (n - n1 - m1 + psi (n1 + m1)) e - psi n1 m1 = 0, solved in the
    form that stays exact when psi is 1.
    """
    slope = n - n1 - m1 + odds_ratio * (n1 + m1)
    root = np.sqrt(slope**2 + 4 * (1 - odds_ratio) * odds_ratio * n1 * m1)
    fitted: FloatArray = 2 * odds_ratio * n1 * m1 / (slope + root)
    return fitted


def _observed_expected(tables: Sequence[TwoByTwo]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Exposed cases, and their mean and variance given the margins (hypergeometric)."""
    a, b, c, d, n = _cells(tables)
    n1, n0, m1, m0 = a + b, c + d, a + c, b + d
    return a, n1 * m1 / n, n1 * n0 * m1 * m0 / (n**2 * (n - 1))


def _cells(
    tables: Sequence[TwoByTwo],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    if not tables:
        raise NotEstimableError("there are no tables to put together.")
    for number, table in enumerate(tables, start=1):
        a, b, c, d = table.cells
        if 0 in (a + b, c + d, a + c, b + d):
            raise NotEstimableError(
                f"table {number} has no exposed, no unexposed, no cases or no non-cases: it holds "
                "no information on an association. Leave it out, and say so."
            )
    counts = np.array([table.cells for table in tables], dtype=np.float64)
    a, b, c, d = counts.T
    return a, b, c, d, counts.sum(axis=1)


def _finite(numerator: float, denominator: float, measure: str) -> None:
    if numerator == 0 or denominator == 0:
        raise NotEstimableError(
            f"the common {measure} is 0 or infinite: every table has an empty cell on one side."
        )


def _p(statistic: float, df: int) -> float:
    return float(chi2.sf(statistic, df))
