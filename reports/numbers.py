"""The only place where numbers become text.

Ratios with two decimals (three significant figures below 0.1), p-values with two significant
figures and never as 0, intervals as "1.87 to 2.27", counts with a comma between thousands.
"""

from collections.abc import Sequence
from math import floor, isfinite, isinf, log10

NOTHING = "\N{EN DASH}"
"""Where there is no number."""
WITHHELD = "\N{BULLET}"
"""Where there is a number that would say too much of too few people."""
SMALLEST_P = 0.001
LARGEST_PLAIN_RATIO = 1000.0


def ratio(value: float | None) -> str:
    """A hazard, odds or rate ratio: two decimals, or three significant figures below 0.1."""
    if value is None or value != value:
        return NOTHING
    if isinf(value):
        return "infinity"
    if value >= LARGEST_PLAIN_RATIO:
        return "> 1,000"
    if value == 0:
        return "0"
    if value < 0.1:
        return _significant(value, 3)
    return f"{value:.2f}"


def interval(low: float | None, high: float | None) -> str:
    """Limits of a ratio as "1.87 to 2.27"."""
    if low is None or high is None:
        return NOTHING
    return f"{ratio(low)} to {ratio(high)}"


def ratio_with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A ratio with its limits as "2.06 (1.87 to 2.27)"."""
    if value is None:
        return NOTHING
    return f"{ratio(value)} ({interval(low, high)})"


def p_value(value: float | None) -> str:
    """A p-value: two significant figures, "< 0.001", "> 0.99"; never stars, never 0.000."""
    if value is None or value != value:
        return NOTHING
    if value < SMALLEST_P:
        return "< 0.001"
    if value > 0.99:
        return "> 0.99"
    return _significant(value, 2)


def count(value: float | None) -> str:
    """A count of persons, records or events, with a comma between thousands."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """A percentage with one decimal, as "12.3 %"; nothing of nobody."""
    return NOTHING if whole == 0 else f"{100 * part / whole:.1f} %"


def level(conf_level: float) -> str:
    """A confidence level as "95 %"."""
    return f"{100 * conf_level:g} %"


def rate(value: float | None) -> str:
    """An incidence rate: three significant figures, at most two decimals."""
    if value is None or value != value:
        return NOTHING
    if isinf(value):
        return "infinity"
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else _significant(value, 3)


def rate_interval(low: float | None, high: float | None) -> str:
    """Limits of a rate as "12.1 to 18.4"."""
    if low is None or high is None:
        return NOTHING
    return f"{rate(low)} to {rate(high)}"


def measurement(value: float | None) -> str:
    """A mean, median or standard deviation: one decimal, three significant figures below 1."""
    if value is None or value != value:
        return NOTHING
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else _significant(value, 2)


def difference(value: float | None) -> str:
    """A standardised difference: two decimals."""
    if value is None or not isfinite(value):
        return NOTHING
    return f"{abs(value) if abs(value) < 0.005 else value:.2f}"


def bias(value: float | None) -> str:
    """A bias, with its sign and three decimals."""
    if value is None or not isfinite(value):
        return NOTHING
    return f"{value:+.3f}" if abs(value) >= 0.0005 else "0.000"


def error(value: float | None) -> str:
    """A standard error of a simulation: three decimals."""
    return NOTHING if value is None or not isfinite(value) else f"{value:.3f}"


def person_time(value: float | None) -> str:
    """Person-time as a whole number, with one decimal below 100."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def probability(value: float | None) -> str:
    """A survival or cumulative incidence: a percentage with one decimal."""
    return NOTHING if value is None or value != value else f"{100 * value:.1f} %"


def plain(value: float) -> str:
    """A number as a person would write it: a time, a step, a unit."""
    return f"{value:,.10g}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _significant(value: float, figures: int) -> str:
    # Rounded twice: 0.09996 has three figures only after it became 0.100.
    rounded = float(f"{value:.{figures}g}")
    decimals = max(0, figures - 1 - floor(log10(abs(rounded))))
    return f"{rounded:.{decimals}f}"
