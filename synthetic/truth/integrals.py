"""Integrals of each woman's known hazards: expected events, time at risk, deaths, time lost.

Rao-Blackwellised: no event of the outcome itself is drawn. Diagnoses of other outcomes that add to
the hazard of death are drawn, because they are independent of the outcome given a woman's path.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..outcomes.events import added_death, cut_death
from ..outcomes.paths import Path, empty_path, fill_path
from ..outcomes.tables import Lives
from ..streams import FloatArray

EVENTS, AT_RISK, DEATHS, LOST, SEEN_EVENTS, SEEN_AT_RISK = range(6)
QUANTITIES = 6


class Watch(NamedTuple):
    """Whom to integrate over, from when, and into which sums.

    outcome : its row; the last is death. others : (n, c) ages at the other diagnoses. start : (n,)
    age from which she is watched, infinite to leave her out. stop, leaving : (n,) age at the end
    of the study and hazard of emigration, for the sums of what is seen. batch : (n,) whose sums.
    weight : (n, k) how much she counts in each of k groups.
    """

    outcome: int
    others: FloatArray
    start: FloatArray
    stop: FloatArray
    leaving: FloatArray
    batch: NDArray[np.int64]
    weight: FloatArray


@compiled
def integrate(lives: Lives, watch: Watch, sums: FloatArray) -> None:
    """Add the women's integrals to ``sums``, shape (batches, k, years of age, 6).

    The six: expected events, time alive and free of the outcome, expected deaths before it, time
    lived after it or lost to it (the integral of the cumulative incidence), and the first two
    again as seen: until emigration or the end of the study.
    """
    path = empty_path(lives)
    for i in range(len(watch.start)):
        if watch.start[i] < lives.tables.rate.shape[1]:
            fill_path(i, lives, path)
            cut_death(watch.others[i], lives.tables, path)
            _add_woman(i, lives, watch, path, sums)


@compiled
def _add_woman(i: int, lives: Lives, watch: Watch, path: Path, sums: FloatArray) -> None:
    ratio, age, cuts = path.ratio, path.age, path.cuts
    tables, c, others = lives.tables, watch.outcome, watch.others[i]
    last = len(others) - 1
    rate, death, oldest = tables.rate[c], tables.rate[last], tables.rate.shape[1]
    a = watch.start[i]
    s = 0
    k = 0
    free, seen, lost = 1.0, 1.0, 0.0
    while a < oldest:
        while cuts[s + 1] <= a:
            s += 1
        while age[k + 1] <= a:
            k += 1
        year = int(a)
        b = min(cuts[s + 1], float(year + 1))
        dying = ratio[last, k] * death[year] + added_death(others, c, cuts[s], tables)
        event = dying
        if c == last:
            dying = 0.0
        else:
            event = ratio[c, k] * rate[year]
        length = b - a
        share, after = _spent(event + dying, length)
        seen_length = max(0.0, min(b, watch.stop[i]) - a)
        seen_share, seen_after = _spent(event + dying + watch.leaving[i], seen_length)
        for g in range(watch.weight.shape[1]):
            w = watch.weight[i, g]
            row = sums[watch.batch[i], g, year]
            row[0] += w * free * event * share
            row[1] += w * free * share
            row[2] += w * free * dying * share
            row[3] += w * (lost * length + free * event * _twice(event + dying, length))
            row[4] += w * seen * event * seen_share
            row[5] += w * seen * seen_share
        lost += free * event * share
        free *= after
        seen *= seen_after if b <= watch.stop[i] else 0.0
        a = b


@compiled
def _spent(hazard: float, length: float) -> tuple[float, float]:
    """Integral of exp(-hazard t) over a length, and its last value."""
    if hazard * length < 1e-12:
        return length, 1.0
    return -np.expm1(-hazard * length) / hazard, np.exp(-hazard * length)


@compiled
def _twice(hazard: float, length: float) -> float:
    """Integral of the integral of exp(-hazard t): the mean wait after an event in the piece."""
    x = hazard * length
    if x < 1e-4:
        return 0.5 * length * length * (1 - x / 3)
    return float((length - (-np.expm1(-x)) / hazard) / hazard)
