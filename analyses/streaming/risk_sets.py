"""Risk sets from sums over slots: the part of a partial likelihood that needs no records."""

from dataclasses import dataclass

import numpy as np

from ..cox.running import running
from ..cox.slot_sums import MOST_CANCELLATION
from ..records import Codes, Floats

DEATHS_AT_A_TIME = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class SlotSums:
    """What records add up to by slot, with their linear predictors less ``shift``.

    enter0 (K,), enter1 (K, p) : risk, and risk times terms, of those at risk from a slot on;
    leave0, leave1 : of those at risk up to a slot; dead0, dead1 : of those who fail at it. Careful
    sums hold the risk sets' own sums in enter0 and enter1, made by additions alone, and nothing in
    leave0 and leave1. events : (p,) sum of event weight times terms. value : of event weight times
    linear predictor less shift; weight : of event weights.
    """

    shift: float
    enter0: Floats
    enter1: Floats
    leave0: Floats
    leave1: Floats
    dead0: Floats
    dead1: Floats
    events: Floats
    value: float
    weight: float

    def with_more(self, other: "SlotSums") -> "SlotSums":
        """Both together, less the larger shift."""
        shift = max(self.shift, other.shift)
        mine, its = _factor(self.shift - shift), _factor(other.shift - shift)
        return SlotSums(
            shift=shift,
            enter0=mine * self.enter0 + its * other.enter0,
            enter1=mine * self.enter1 + its * other.enter1,
            leave0=mine * self.leave0 + its * other.leave0,
            leave1=mine * self.leave1 + its * other.leave1,
            dead0=mine * self.dead0 + its * other.dead0,
            dead1=mine * self.dead1 + its * other.dead1,
            events=self.events + other.events,
            value=_shifted(self, shift) + _shifted(other, shift),
            weight=self.weight + other.weight,
        )


def _factor(less: float) -> float:
    return float(np.exp(less)) if less < 0 else 1.0


def _shifted(one: SlotSums, shift: float) -> float:
    return one.value + one.weight * (one.shift - shift) if one.weight else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """The risk sets of each slot at one value of beta, with their tied deaths.

    s0 (K,), s1 (K, p), dead0, dead1 : as in ``cox.partial_likelihood.Moments``; so are hazard and
    tied (K,). uu, uv, vv : (K,) as in its TieSums. u, fu : (K,) mean over the tied deaths of one
    over Efron's denominator, and of that times the share left out. log_u : its weighted log,
    summed. careful : made by additions alone.
    """

    sums: SlotSums
    s0: Floats
    s1: Floats
    hazard: Floats
    tied: Floats
    uu: Floats
    uv: Floats
    vv: Floats
    u: Floats
    fu: Floats
    log_u: float
    careful: bool


def risk_set_sums(sums: SlotSums, begins: Codes, *, late: bool) -> tuple[Floats, Floats, bool]:
    """Sums over risk sets (K,) and (K, p) from those of entering and leaving records.

    The third value says that they have lost digits: a risk set is tiny beside what was subtracted
    to reach it, and the sums must be made by additions alone. See ``cox.slot_sums.risk_sums``.
    """
    if not late:
        s0 = running(sums.leave0, begins, backwards=True)
        return s0, running(sums.leave1, begins, backwards=True), not bool((s0 > 0).all())
    passed = running(sums.leave0, begins) - sums.leave0
    to_come = running(sums.enter0, begins, backwards=True) - sums.enter0
    by_past = passed <= to_come
    s0 = np.where(
        by_past,
        running(sums.enter0, begins) - passed,
        running(sums.leave0, begins, backwards=True) - to_come,
    )
    s1 = np.where(
        by_past[:, None],
        running(sums.enter1 - sums.leave1, begins) + sums.leave1,
        running(sums.leave1 - sums.enter1, begins, backwards=True) + sums.enter1,
    )
    subtracted = np.minimum(passed, to_come)
    lost = (subtracted > MOST_CANCELLATION * s0) | ~(s0 > 0)
    return s0, s1, bool(lost.any())


def with_ties(
    sums: SlotSums,
    risk: tuple[Floats, Floats],
    deaths: Floats,
    weights: Floats,
    *,
    efron: bool,
    careful: bool,
) -> RiskSets:
    """Risk sets with the sums over their tied deaths.

    risk : s0 (K,) and s1 (K, p). deaths, weights : (K,) number that fail, their event weight.
    """
    s0 = risk[0]
    mean = weights / deaths
    tied = np.zeros((6, s0.size))
    log_u = 0.0
    if efron:
        for begin, end in _stretches(deaths):
            tied[:, begin:end], more = _tied(s0, sums.dead0, deaths, mean, (begin, end))
            log_u += more
    else:
        tied[0] = deaths / s0
        tied[2] = deaths
        log_u = -float(weights @ np.log(s0))
    return RiskSets(
        sums=sums,
        s0=s0,
        s1=risk[1],
        hazard=mean * tied[0],
        tied=mean * tied[1],
        uu=mean * tied[2],
        uv=mean * tied[3],
        vv=mean * tied[4],
        u=tied[0] / deaths,
        fu=tied[1] / deaths,
        log_u=log_u,
        careful=careful,
    )


def _stretches(deaths: Floats) -> list[tuple[int, int]]:
    """Stretches of slots that hold about a million deaths each."""
    before = np.floor_divide(np.cumsum(deaths) - deaths, DEATHS_AT_A_TIME)
    edges = np.flatnonzero(np.diff(before, prepend=-1, append=np.inf))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _tied(
    s0: Floats, dead0: Floats, deaths: Floats, mean: Floats, stretch: tuple[int, int]
) -> tuple[Floats, float]:
    """Sums over the tied deaths of a stretch of slots, by Efron's rule, (6, slots).

    Rows: u, f u, v^2, f v^2, f^2 v^2 with v = u s0, and nothing; then the weighted sum of log u.
    """
    here = slice(*stretch)
    count = deaths[here].astype(np.int64)
    slot = np.repeat(np.arange(count.size), count)
    rank = np.arange(slot.size) - np.repeat(np.cumsum(count) - count, count)
    f = rank / count[slot]
    u = 1.0 / (s0[here][slot] - f * dead0[here][slot])
    squared = (u * s0[here][slot]) ** 2
    rows = (u, f * u, squared, f * squared, f**2 * squared)
    out = np.zeros((6, count.size))
    for place, row in enumerate(rows):
        out[place] = np.bincount(slot, row, count.size)
    return out, float(mean[here][slot] @ np.log(u))


def value_and_score(at: RiskSets) -> tuple[float, Floats]:
    """Log-likelihood and score (p,)."""
    value = at.sums.value + at.log_u
    score = at.sums.events - (at.hazard @ at.s1 - at.tied @ at.sums.dead1)
    return value, np.asarray(score)


def gram_of_means(at: RiskSets) -> Floats:
    """What the information subtracts: the weighted crossproduct of the risk sets' means, (p, p)."""
    s1, d1 = at.s1 / at.s0[:, None], at.sums.dead1 / at.s0[:, None]
    cross = s1.T @ (at.uv[:, None] * d1)
    return np.asarray(s1.T @ (at.uu[:, None] * s1) + d1.T @ (at.vv[:, None] * d1) - cross - cross.T)


def residual_sums(at: RiskSets) -> tuple[Floats, Floats, Floats]:
    """Means at events, and the sums that score residuals live through, each (K, p).

    As in ``cox.influence.score_residuals``.
    """
    s0 = at.s0[:, None]
    s1, d1 = at.s1 / s0, at.sums.dead1 / s0
    means = at.u[:, None] * at.s1 - at.fu[:, None] * at.sums.dead1
    slope = (at.uu[:, None] * s1 - at.uv[:, None] * d1) / s0
    tied = (at.uv[:, None] * s1 - at.vv[:, None] * d1) / s0
    return means, slope, tied
