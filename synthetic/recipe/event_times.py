"""Event times under a hazard that changes at times of a person's own: exact inversion.

The cumulative hazard is walked from one change to the next until it reaches the exponential draw
(Bender, Augustin and Blettner 2005, Stat Med 24:1713-23, for one piece; the pieces follow).
"""

import numpy as np

from ..hazards import Hazard
from ..streams import FloatArray


def event_times(
    baseline: Hazard,
    need: FloatArray,
    log_ratio: FloatArray,
    since: FloatArray,
    changes: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """The time of each person's event, (n,), infinite where it never comes.

    need : cumulative hazard at which it comes, counted from ``since``, (n,). log_ratio : log
    hazard ratio before any change, (n,). since : time from which the person is at risk, (n,).
    changes : times (n, k), NaN for never, and what each adds to the log hazard ratio, (n, k).
    """
    at, add = _in_order(since, *changes)
    starts = np.column_stack((since, at))
    ratios = np.exp(log_ratio[:, None] + np.column_stack((np.zeros_like(since), add.cumsum(1))))
    time = np.full(len(need), np.inf)
    gone = np.zeros(len(need))
    open_ = np.ones(len(need), dtype=bool)
    for piece in range(starts.shape[1]):
        start, ratio = starts[:, piece], ratios[:, piece]
        begun = np.where(np.isfinite(start), start, 0.0)
        low = baseline.cumulative(begun)
        last = piece == starts.shape[1] - 1
        end = np.full(len(need), np.inf) if last else starts[:, piece + 1]
        finite = np.isfinite(end)
        step = ratio * (baseline.cumulative(np.where(finite, end, begun)) - low)
        here = open_ & np.isfinite(start) & (~finite | (gone + step >= need))
        target = low[here] + (need[here] - gone[here]) / ratio[here]
        time[here] = baseline.inverse(target)
        open_ &= ~here
        gone += np.where(open_ & finite, step, 0.0)
    return time


def _in_order(since: FloatArray, at: FloatArray, add: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Changes by time; one that comes before ``since`` holds from there on, a missing one never."""
    at = np.maximum(np.where(np.isnan(at), np.inf, at), since[:, None])
    order = np.argsort(at, axis=1, kind="stable")
    added = np.where(np.isfinite(at), np.nan_to_num(add), 0.0)
    return np.take_along_axis(at, order, 1), np.take_along_axis(added, order, 1)
