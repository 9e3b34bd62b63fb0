"""Concordance: how often the person with the higher predictor fails first (Harrell's C)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cohort.errors import QuestionError, one_of

from ..records import Codes, Flags, Floats, RiskRecords
from ..sums_by_code import counts_of
from .fit import CoxFit

BLOCK = 2_000_000
TimeWeight = Literal["n", "S", "S/G", "n/G2", "I"]
TIME_WEIGHTS = ("n", "S", "S/G", "n/G2", "I")


@dataclass(frozen=True, slots=True, eq=False)
class Concordance:
    """Weighted counts of comparable pairs by stratum, and the concordance among them all.

    concordant, discordant, tied_predictor : (strata,). Pairs tied in the predictor count half.
    influence : (units,) of each cluster, else person, on the concordance, so that splitting her
    follow-up does not change it; two concordances of the same records have the covariance
    ``influence @ influence``.
    """

    concordant: Floats
    discordant: Floats
    tied_predictor: Floats
    concordance: float
    influence: Floats

    @property
    def std_error(self) -> float:
        """Infinitesimal jackknife over clusters, else persons."""
        return float(np.sqrt(self.influence @ self.influence))


def concordance(
    fit: CoxFit, *, time_weight: TimeWeight = "n", until: float = np.inf
) -> Concordance:
    """The concordance of a fit's linear predictor with its outcome, within strata."""
    given = fit.given
    predictor = np.zeros(given.size)
    # Column by column, so that equal records have equal predictors to the last bit: a matrix
    # product may round them apart, and ties would no longer count half.
    linear = fit.problem.records.offset.copy()
    for column, beta in zip(fit.problem.terms.T, fit.beta * fit.scale, strict=True):
        linear += column * beta
    predictor[fit.kept] = linear
    return concordance_of(given, predictor, time_weight=time_weight, until=until)


def concordance_of(
    records: RiskRecords,
    predictor: Floats,
    *,
    time_weight: TimeWeight = "n",
    until: float = np.inf,
) -> Concordance:
    """The concordance of any predictor (n,) of hazard with the outcome.

    A pair is comparable when one has an event while the other is at risk and outlives it; two
    events at one time are not comparable. time_weight : how pairs of an event time t count: "n"
    each pair once (Harrell); "S" as Peto and Wilcoxon, "S/G" as Schemper, "n/G2" as Uno, by the
    Kaplan-Meier estimates of outcome S and censoring G just before t; "I" by one over those at
    risk. until : events later than this do not count. Work grows as events times records.

    Harrell et al. (1982), JAMA 247:2543; Therneau and Watson, concordance vignette of survival.
    """
    if time_weight not in TIME_WEIGHTS:
        raise QuestionError(
            f"time_weight = '{time_weight}' is not known: expected {one_of(TIME_WEIGHTS)}."
        )
    n = records.size
    strata = int(records.stratum.max(initial=0)) + 1
    weight = records.event_weight
    wins, pairs = np.zeros(n), np.zeros(n)
    totals = np.zeros((strata, 3))
    events = np.flatnonzero(records.event & (records.exit <= until))
    scale = _scales(records, records.exit[events], time_weight)
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, events.size, step):
        case = events[start : start + step]
        own = weight[case] * scale[start : start + step]
        both = _comparable(records, case) * weight * own[:, None]
        sign = np.sign(predictor[case][:, None] - predictor)
        signed = both * sign
        wins += signed.sum(axis=0)
        pairs += both.sum(axis=0)
        wins[case] += signed.sum(axis=1)
        pairs[case] += both.sum(axis=1)
        for column, kind in enumerate((sign > 0, sign < 0, sign == 0)):
            totals[:, column] += counts_of(records.stratum[case], (both * kind).sum(axis=1), strata)
    all_pairs = float(totals.sum())
    difference = float((totals[:, 0] - totals[:, 1]).sum() / all_pairs)
    each = (wins - difference * pairs) / all_pairs / 2.0
    influence = counts_of(records.cluster, each, int(records.cluster.max(initial=-1)) + 1)
    return Concordance(
        totals[:, 0],
        totals[:, 1],
        totals[:, 2],
        (difference + 1.0) / 2.0,
        np.asarray(influence, dtype=np.float64),
    )


def _comparable(records: RiskRecords, case: Codes) -> Flags:
    time = records.exit[case][:, None]
    dies_too = (records.exit == time) & records.event
    return np.asarray(
        (records.entry < time)
        & (records.exit >= time)
        & ~dies_too
        & (records.stratum == records.stratum[case][:, None])
    )


def _scales(records: RiskRecords, times: Floats, time_weight: TimeWeight) -> Floats:
    """What a pair at each event time counts, (events,)."""
    if time_weight == "n":
        return np.ones(times.size)
    at_risk = _at_risk(records, times)
    if time_weight == "I":
        return 1.0 / at_risk
    censored = _survival_before(records, ~records.event, times)
    if time_weight == "n/G2":
        return 1.0 / censored**2
    outcome = _survival_before(records, records.event, times)
    total = float(records.event_weight.sum())
    return total * outcome / (at_risk * (1.0 if time_weight == "S" else censored))


def _at_risk(records: RiskRecords, times: Floats) -> Floats:
    """Weight of those at risk at each time, (times,)."""
    distinct, place = np.unique(times, return_inverse=True)
    entered = np.searchsorted(distinct, records.entry, side="right")
    left = np.searchsorted(distinct, records.exit, side="right")
    size = distinct.size + 1
    change = np.bincount(entered, records.event_weight, size) - np.bincount(
        left, records.event_weight, size
    )
    return np.asarray(np.cumsum(change)[place])


def _survival_before(records: RiskRecords, event: Flags, times: Floats) -> Floats:
    """Kaplan-Meier estimate just before each time; censorings come after events at a tie."""
    when = np.unique(records.exit[event])
    if not when.size:
        return np.ones(times.size)
    ended = np.bincount(
        np.searchsorted(when, records.exit[event]), records.event_weight[event], when.size
    )
    at_risk = _at_risk(records, when)
    if event is not records.event:
        deaths = records.event & np.isin(records.exit, when)
        at_risk = at_risk - np.bincount(
            np.searchsorted(when, records.exit[deaths]), records.event_weight[deaths], when.size
        )
    survival = np.concatenate(([1.0], np.cumprod(1.0 - ended / at_risk)))
    return np.asarray(survival[np.searchsorted(when, times, side="left")])
