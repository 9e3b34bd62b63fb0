"""Quantiles of a survival curve, such as the median, with limits read from the curve's own."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from cohort.errors import QuestionError

from ..curve import Curve
from ..records import Floats

REACHED = 1.5e-8
"""Survival this near a level has reached it: rounding must not move a quantile to the next time."""


def quantiles(curve: Curve, shares: Sequence[float] = (0.25, 0.5, 0.75)) -> pl.DataFrame:
    """When a share of each group has had the event: group, share, time, conf_low, conf_high.

    The time is where survival falls to 1 - share; where the curve runs level at it, halfway along.
    Limits are where the curve's pointwise limits do so. Null where they never do.

    Brookmeyer and Crowley (1982), Biometrics 38:29-41, with the conventions of R's package
    survival.

    Raises QuestionError for a curve that is not survival, or a share outside (0, 1).
    """
    if curve.measure != "survival":
        raise QuestionError(f"quantiles are of survival, but the curve is {curve.measure}.")
    for share in shares:
        if not 0 < share < 1:
            raise QuestionError(f"share = {share}: expected between 0 and 1.")
    wanted = np.array(shares, dtype=np.float64)
    parts = []
    for (group,), part in curve.frame.group_by("group", maintain_order=True):
        times = part["time"].to_numpy()
        columns = {"group": [group] * wanted.size, "share": wanted}
        for name, column in (
            ("time", "estimate"),
            # The lower limit of the curve is the first to fall.
            ("conf_low", "conf_low"),
            ("conf_high", "conf_high"),
        ):
            level = part[column].fill_null(np.nan).to_numpy()
            columns[name] = _reaching(times, 1 - level, wanted)
        parts.append(pl.DataFrame(columns))
    bounds = ("time", "conf_low", "conf_high")
    return pl.concat(parts).with_columns(pl.col(bounds).fill_nan(None))


def _reaching(times: Floats, fallen: Floats, shares: Floats) -> Floats:
    """Times at which ``fallen`` (K,) first reaches each share, NaN where it never does.

    Limits may turn back; it is the first time that counts, as in the medians that R prints.
    """
    known = ~np.isnan(fallen)
    when, fallen = times[known], fallen[known]
    out = np.full(shares.size, np.nan)
    for number, share in enumerate(shares):
        reached = np.flatnonzero(fallen > share - REACHED)
        passed = np.flatnonzero(fallen > share + REACHED)
        if not reached.size:
            continue
        level = abs(fallen[reached[0]] - share) < REACHED
        after = when[passed[0]] if passed.size else times[-1]
        out[number] = (when[reached[0]] + after) / 2 if level else when[reached[0]]
    return out
