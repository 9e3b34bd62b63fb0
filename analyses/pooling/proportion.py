"""A proportion with exact limits: how many of those tested were positive."""

from dataclasses import dataclass

from scipy.stats import beta

from cohort.errors import SchemaError

from .two_by_two import check_conf_level


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share between 0 and 1 with its limits; conf_level : of the limits."""

    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float


def exact_proportion(positive: int, tested: int, *, conf_level: float = 0.95) -> Proportion:
    """The share of positives with limits from the binomial distribution.

    Clopper and Pearson (1934), Biometrika 26:404-413: each tail holds at most half of what is
    outside. None or all positive: that limit is 0 or 1.

    Raises SchemaError for impossible counts or an impossible level.
    """
    check_conf_level(conf_level)
    if not 0 <= positive <= tested or tested < 1:
        raise SchemaError(
            f"{positive:,} positive of {tested:,} tested: expected 0 or more positive, at most as "
            "many as were tested, and at least one tested."
        )
    tail = (1 - conf_level) / 2
    low = 0.0 if positive == 0 else float(beta.ppf(tail, positive, tested - positive + 1))
    high = 1.0 if positive == tested else float(beta.isf(tail, positive + 1, tested - positive))
    return Proportion(positive / tested, low, high, conf_level)
