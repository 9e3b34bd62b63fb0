"""The partial likelihood by plain loops over risk sets, and derivatives without rounding.

Written from the definition alone and sharing nothing with the code under test: for every stratum
and event time, list who is at risk and who dies. Derivatives in one direction are complex steps
(Squire and Trapp 1998, SIAM Review 40:110-112), exact to the last digits; second derivatives are
central differences of those, extrapolated (Richardson).
"""

from dataclasses import dataclass, replace

import numpy as np

STEP = 1e-30


@dataclass(frozen=True, eq=False)
class Data:
    """Aligned arrays, (n,) each, with terms (n, p); the same names as the toolkit's records."""

    entry: np.ndarray
    exit: np.ndarray
    event: np.ndarray
    event_weight: np.ndarray
    risk_weight: np.ndarray
    offset: np.ndarray
    stratum: np.ndarray
    person: np.ndarray
    cluster: np.ndarray
    terms: np.ndarray


def risk_sets(data):
    """Each event time of each stratum: (stratum, time, those at risk, those who die)."""
    found = []
    for stratum in sorted(set(data.stratum.tolist())):
        here = [i for i in range(len(data.exit)) if data.stratum[i] == stratum]
        fails = [i for i in here if data.event[i] and data.event_weight[i].real > 0]
        for time in sorted({float(data.exit[i]) for i in fails}):
            at_risk = [i for i in here if data.entry[i] < time <= data.exit[i]]
            dead = [i for i in fails if data.exit[i] == time]
            found.append((stratum, time, at_risk, dead))
    return found


def shares(dead, ties):
    """Of the tied deaths, the share that each one's risk set leaves out."""
    return [k / len(dead) if ties == "efron" else 0.0 for k in range(len(dead))]


def log_likelihood(data, beta, ties):
    """The log partial likelihood; beta, weights and offsets may be complex."""
    eta = data.terms @ beta + data.offset
    risk = data.risk_weight * np.exp(eta)
    total = 0.0
    for _, _, at_risk, dead in risk_sets(data):
        s0, d0 = sum(risk[i] for i in at_risk), sum(risk[i] for i in dead)
        total += sum(data.event_weight[i] * eta[i] for i in dead)
        mean_weight = sum(data.event_weight[i] for i in dead) / len(dead)
        for share in shares(dead, ties):
            total -= mean_weight * np.log(s0 - share * d0)
    return total


def score(data, beta, ties):
    """The derivative of the log-likelihood, (p,), from the same risk sets."""
    eta = data.terms @ beta + data.offset
    risk = data.risk_weight * np.exp(eta)
    total = np.zeros(len(beta), dtype=np.result_type(risk, float))
    for _, _, at_risk, dead in risk_sets(data):
        s0, d0 = risk[at_risk].sum(), risk[dead].sum()
        s1, d1 = risk[at_risk] @ data.terms[at_risk], risk[dead] @ data.terms[dead]
        total = total + data.event_weight[dead] @ data.terms[dead]
        mean_weight = data.event_weight[dead].sum() / len(dead)
        for share in shares(dead, ties):
            total = total - mean_weight * (s1 - share * d1) / (s0 - share * d0)
    return total


def complex_score(data, beta, ties):
    """The score again, as the complex-step derivative of the log-likelihood."""
    steps = 1j * STEP * np.eye(len(beta))
    return np.array([log_likelihood(data, beta + h, ties).imag / STEP for h in steps])


def information(data, beta, ties):
    """Minus the second derivative, (p, p): extrapolated central differences of the score."""
    rows = []
    for unit in np.eye(len(beta)):
        wide, narrow = (
            (
                complex_score(data, beta + h * unit, ties)
                - complex_score(data, beta - h * unit, ties)
            )
            / (2 * h)
            for h in (4e-3, 2e-3)
        )
        rows.append(-(4 * narrow - wide) / 3)
    return np.array(rows)


def weight_influence(data, beta, ties):
    """The derivative of the score with respect to each record's weight, (n, p).

    The weight multiplies both what a record adds to the events and to the risk sets. This is the
    score residual of that record, weights included, under either rule for ties.
    """
    rows = []
    for record in range(len(data.exit)):
        grown = np.ones(len(data.exit), dtype=complex)
        grown[record] += 1j * STEP
        heavier = replace(
            data,
            event_weight=data.event_weight * grown,
            risk_weight=data.risk_weight * grown,
        )
        rows.append(score(heavier, beta, ties).imag / STEP)
    return np.array(rows)


def offset_influence(data, beta, ties):
    """The derivative of the log-likelihood with respect to each record's offset, (n,).

    Event weight times event less the expected events: the martingale residual, weights included.
    """
    rows = []
    for record in range(len(data.exit)):
        offset = data.offset.astype(complex)
        offset[record] += 1j * STEP
        rows.append(log_likelihood(replace(data, offset=offset), beta, ties).imag / STEP)
    return np.array(rows)


def cumulative_hazard(data, beta, ties, time, stratum):
    """The baseline cumulative hazard of a stratum for terms and offset 0."""
    risk = data.risk_weight * np.exp(data.terms @ beta + data.offset)
    total = 0.0
    for where, at, at_risk, dead in risk_sets(data):
        if where == stratum and at <= time:
            mean_weight = data.event_weight[dead].sum() / len(dead)
            for share in shares(dead, ties):
                total += mean_weight / (risk[at_risk].sum() - share * risk[dead].sum())
    return total
