"""Concordance: how often the person with the higher predictor fails first (Harrell's C)."""

from dataclasses import dataclass

import numpy as np

from .fit import CoxFit
from .records import Floats, RiskRecords

BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Concordance:
    """Counts of comparable pairs, weighted, and the concordance among them.

    tied_predictor pairs count half. std_error : infinitesimal jackknife over clusters, else
    persons, so that splitting a person's follow-up does not change it.
    """

    concordant: float
    discordant: float
    tied_predictor: float
    concordance: float
    std_error: float


def concordance(fit: CoxFit) -> Concordance:
    """The concordance of a fit's linear predictor with its outcome, within strata."""
    given = fit.given
    predictor = np.zeros(given.size)
    # Column by column, so that equal records have equal predictors to the last bit: a matrix
    # product may round them apart, and ties would no longer count half.
    linear = fit.problem.records.offset.copy()
    for column, beta in zip(fit.problem.terms.T, fit.beta * fit.scale, strict=True):
        linear += column * beta
    predictor[fit.kept] = linear
    return concordance_of(given, predictor)


def concordance_of(records: RiskRecords, predictor: Floats) -> Concordance:
    """The concordance of any predictor (n,) of hazard with the outcome.

    A pair is comparable when one has an event while the other is at risk and outlives it; two
    events at one time are not comparable. Work grows as events times records.
    Harrell et al. (1982), JAMA 247:2543; Therneau and Watson, concordance vignette of survival.
    """
    n = records.size
    weight = records.event_weight
    wins, pairs = np.zeros(n), np.zeros(n)
    totals = np.zeros(3)
    events = np.flatnonzero(records.event)
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, events.size, step):
        case = events[start : start + step]
        time = records.exit[case][:, None]
        dies_too = (records.exit == time) & records.event
        comparable = (
            (records.entry < time)
            & (records.exit >= time)
            & ~dies_too
            & (records.stratum == records.stratum[case][:, None])
        )
        both = comparable * weight * weight[case][:, None]
        sign = np.sign(predictor[case][:, None] - predictor)
        signed = both * sign
        wins += signed.sum(axis=0)
        pairs += both.sum(axis=0)
        wins[case] += signed.sum(axis=1)
        pairs[case] += both.sum(axis=1)
        totals += [both[sign > 0].sum(), both[sign < 0].sum(), both[sign == 0].sum()]
    all_pairs = float(totals.sum())
    difference = float((totals[0] - totals[1]) / all_pairs)
    influence = np.bincount(records.cluster, (wins - difference * pairs) / all_pairs)
    return Concordance(
        float(totals[0]),
        float(totals[1]),
        float(totals[2]),
        (difference + 1.0) / 2.0,
        float(np.sqrt((influence**2).sum()) / 2.0),
    )
