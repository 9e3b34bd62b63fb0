"""Pointwise limits of a probability from its standard error, on a chosen scale."""

from typing import Literal

import numpy as np
from scipy import special

from cohort.errors import QuestionError, one_of

from ..records import Floats

ConfType = Literal["log", "log-log", "complementary", "plain", "logit", "arcsine", "none"]
CONF_TYPES = ("log", "log-log", "complementary", "plain", "logit", "arcsine", "none")
"""``log-log`` is that of the estimate, ``complementary`` the log-log of 1 less the estimate."""


def check_interval(conf_type: str, conf_level: float) -> None:
    """Refuse an interval that is not known.

    Raises QuestionError naming the choices.
    """
    if conf_type not in CONF_TYPES:
        raise QuestionError(
            f"conf_type = '{conf_type}' is not known: expected {one_of(CONF_TYPES)}."
        )
    check_level(conf_level)


def check_level(conf_level: float) -> None:
    """Refuse a confidence level outside (0, 1).

    Raises QuestionError.
    """
    if not (isinstance(conf_level, float) and 0 < conf_level < 1):
        raise QuestionError(f"conf_level = {conf_level!r}: expected between 0 and 1.")


def probability_limits(
    estimate: Floats, relative_error: Floats, conf_type: ConfType, conf_level: float
) -> tuple[Floats, Floats]:
    """Lower and upper limits (n,) of probabilities, NaN where the scale has none.

    relative_error : (n,) standard error over estimate, which is that of the log.

    Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, 2nd ed.,
    section 1.4; the same scales and edges as survfit of R's package survival.
    """
    z = float(special.ndtri(0.5 + conf_level / 2))
    with np.errstate(all="ignore"):
        low, high = _on_scale(estimate, z * relative_error, conf_type)
    return low, high


def _on_scale(p: Floats, reach: Floats, conf_type: ConfType) -> tuple[Floats, Floats]:
    nothing = np.full_like(p, np.nan)
    if conf_type == "none":
        return nothing, nothing
    if conf_type == "plain":
        return np.maximum(p - reach * p, 0.0), np.minimum(p + reach * p, 1.0)
    if conf_type == "complementary":
        low, high = _on_scale(1 - p, reach * p / (1 - p), "log-log")
        return 1 - high, 1 - low
    p = np.where(p > 0, p, np.nan)
    if conf_type == "log":
        return np.exp(np.log(p) - reach), np.minimum(np.exp(np.log(p) + reach), 1.0)
    p = np.where(p < 1, p, np.nan)
    if conf_type == "log-log":
        centre, reach = np.log(-np.log(p)), reach / np.log(p)
        return np.exp(-np.exp(centre - reach)), np.exp(-np.exp(centre + reach))
    if conf_type == "logit":
        centre, reach = special.logit(p), reach / (1 - p)
        return special.expit(centre - reach), special.expit(centre + reach)
    centre, reach = np.arcsin(np.sqrt(p)), 0.5 * reach * np.sqrt(p / (1 - p))
    return (
        np.sin(np.maximum(centre - reach, 0.0)) ** 2,
        np.sin(np.minimum(centre + reach, np.pi / 2)) ** 2,
    )
