"""The partial likelihood of Cox (1972, 1975) and its maximum, on arrays.

Ties by Breslow (1974) or Efron (1977). One Newton step makes two passes over the records (slots.py)
and one weighted crossproduct; the second-moment matrix of the risk sets is never formed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import linalg

from cohort.errors import ConvergenceError

from ..parts import by_parts, sum_in_order
from ..records import Flags, Floats, RiskRecords, blocks_of, column_sums, counts_of
from .slots import (
    Passing,
    Slots,
    lived_by,
    lived_loses_digits,
    passing,
    sums_of_passing,
    sums_while_at_risk,
)
from .variance import aliased_columns

Ties = Literal["efron", "breslow", "exact"]
Evaluate = Callable[[Floats], tuple[float, Floats, Floats]]

MOST_ITERATIONS = 60
CONVERGED = 1e-24
"""Squared length of a Newton step in standard errors: the information, which is that before the
last step, belongs to the optimum to about 1e-12 of one."""
MANY = 50_000
NEAR = 1e-12
UNCHANGED = 2e-10
"""With so many records that an evaluation costs something, a step of less than 1e-6 standard errors
that promises to change the information by less than 2e-10 of itself, judged by how much the one
before did, is the last: beta is then off by its square, standard errors by half that share."""
STANDING_STILL = 1e-7
RUNNING = 0.1
"""A monotone likelihood: no more to gain than 1e-7 of log-likelihood, yet a Newton step still
moves the linear predictor by 0.1 over a term's range."""
ROUNDING = 1e-15
"""A gain below this that no longer falls is the rounding error of the score."""
SLACK = 1e-11
"""A promised rise below this share of the log-likelihood is within its rounding error."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What a partial likelihood is made of: records at risk for some slot, slots, and terms.

    terms : (n, p), each column centred and scaled. ties : "efron" or "breslow".
    dead_terms : (m, p) those of the records that fail, ordered by slot.
    """

    records: RiskRecords
    slots: Slots
    terms: Floats
    ties: Ties
    dead_terms: Floats = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dead_terms", self.terms[self.slots.death])


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The sums behind a partial likelihood at one value of beta.

    risk : (n,) risk weight times exp(linear predictor), up to a common factor.
    s0 (K,), s1 (K, p) : sums over risk sets of risk and of risk times terms; d0, d1 : the same
    over those who fail at the slot. u : (m,) one over Efron's denominator of each tied death, and
    f : (m,) the share of the tied deaths that it leaves out. weight : (m,) mean event weight of
    the slot. hazard, tied : (K,) sums of weight * u and of weight * f * u.
    linear : (m,) linear predictor of those who fail, less shift, its largest value among all;
    hazards are e^shift too large.
    additions_only : whether the sums could not be made from running sums.
    """

    risk: Floats
    s0: Floats
    s1: Floats
    d0: Floats
    d1: Floats
    u: Floats
    f: Floats
    weight: Floats
    hazard: Floats
    tied: Floats
    linear: Floats
    shift: float
    additions_only: bool


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the log partial likelihood is largest, on the scale of the terms given.

    beta : (p,); 0 where aliased. information : (p, p) minus the second derivative there.
    score_at_start, information_at_start : at beta = 0, for the score test.
    aliased, monotone : (p,) bool; terms that cannot be estimated, and why.
    """

    beta: Floats
    information: Floats
    log_likelihood: float
    log_likelihood_at_start: float
    score_at_start: Floats
    information_at_start: Floats
    aliased: Flags
    monotone: Flags
    converged: bool
    iterations: int
    gradient_norm: float


def moments(problem: Problem, beta: Floats) -> Moments:
    """The sums behind the partial likelihood at beta (p,)."""
    records, slots = problem.records, problem.slots
    dead, at = slots.death, slots.death_slot
    count = slots.count
    risk, shift = _linear_predictor(problem, beta)
    linear = risk[dead] - shift

    def pass_by(rows: slice) -> Passing:
        part = risk[rows]
        part -= shift
        np.exp(part, out=part)
        part *= records.risk_weight[rows]
        return passing(slots, rows, risk, problem.terms)

    parts = by_parts(risk.size, pass_by)
    s0, s1, additions_only = sums_of_passing(slots, parts, risk, problem.terms)
    dead_risk = risk[dead]
    d0 = counts_of(at, dead_risk, count)
    d1 = column_sums(at, dead_risk, problem.dead_terms, count)
    tied_deaths = slots.deaths[at]
    f = slots.rank / tied_deaths if problem.ties == "efron" else np.zeros(at.size)
    weight = (counts_of(at, records.event_weight[dead], count) / slots.deaths)[at]
    with np.errstate(all="ignore"):
        u = 1.0 / (s0[at] - f * d0[at])
        hazard, tied = counts_of(at, weight * u, count), counts_of(at, weight * f * u, count)
        if not additions_only:
            additions_only = lived_loses_digits(slots, risk, hazard, float(weight.sum()))
    return Moments(
        risk=risk,
        s0=s0,
        s1=s1,
        d0=d0,
        d1=d1,
        u=u,
        f=f,
        weight=weight,
        hazard=hazard,
        tied=tied,
        linear=linear,
        shift=shift,
        additions_only=additions_only,
    )


def _linear_predictor(problem: Problem, beta: Floats) -> tuple[Floats, float]:
    """The linear predictor of each record (n,), and its largest value."""
    linear = np.empty(problem.terms.shape[0])

    def predict(rows: slice) -> float:
        part = np.dot(problem.terms[rows], beta, out=linear[rows])
        part += problem.records.offset[rows]
        return float(part.max(initial=-np.inf))

    return linear, max(by_parts(linear.size, predict))


def while_at_risk(problem: Problem, at: Moments, values: Floats, tied: Floats) -> Floats:
    """Sums of slot values over each record's time at risk, (n,) or (n, p).

    Under Efron's rule a person who dies in a tie is exposed to only part of what her own slot
    holds: ``tied`` (K,) or (K, p) is the part that she is not.
    """
    slots = problem.slots
    lived = sums_while_at_risk(slots, values, additions_only=at.additions_only)
    lived[slots.death] -= tied[slots.death_slot]
    return lived


def expected(problem: Problem, at: Moments) -> Floats:
    """Expected events of each record, (n,): its risk, weight included, times the hazard lived."""
    return np.asarray(at.risk * while_at_risk(problem, at, at.hazard, at.tied))


@dataclass(frozen=True, slots=True, eq=False)
class TieSums:
    """Sums over the tied deaths of each slot that residuals and hazards are made of.

    uu, uv, vv : (K,) of weight * v^2, weight * f v^2, weight * f^2 v^2, with v = u * s0: relative
    to the risk set's sum, whose square overflows where linear predictors are hundreds apart.
    """

    uu: Floats
    uv: Floats
    vv: Floats


def tie_sums(problem: Problem, at: Moments) -> TieSums:
    """The tie sums at one value of beta."""
    slot, count = problem.slots.death_slot, problem.slots.count
    squared = (at.u * at.s0[slot]) ** 2
    return TieSums(
        counts_of(slot, at.weight * squared, count),
        counts_of(slot, at.weight * at.f * squared, count),
        counts_of(slot, at.weight * at.f**2 * squared, count),
    )


def derivatives(problem: Problem, at: Moments) -> tuple[float, Floats, Floats]:
    """Log-likelihood, score (p,) and information (p, p); not finite where beta went too far."""
    with np.errstate(all="ignore"):
        return _derivatives(problem, at)


def _derivatives(problem: Problem, at: Moments) -> tuple[float, Floats, Floats]:
    dead = problem.slots.death
    event_weight = problem.records.event_weight[dead]
    value = float(event_weight @ at.linear + at.weight @ np.log(at.u))
    score = event_weight @ problem.dead_terms - (at.hazard @ at.s1 - at.tied @ at.d1)
    return value, np.asarray(score), information_of(problem, at)


def information_of(problem: Problem, at: Moments, slot_weight: Floats | None = None) -> Floats:
    """The information (p, p); with a weight (K,) for what each slot adds to it."""
    sums = tie_sums(problem, at)
    uu, uv, vv, hazard, tied = sums.uu, sums.uv, sums.vv, at.hazard, at.tied
    if slot_weight is not None:
        uu, uv, vv = uu * slot_weight, uv * slot_weight, vv * slot_weight
        hazard, tied = hazard * slot_weight, tied * slot_weight
    s1, d1 = at.s1 / at.s0[:, None], at.d1 / at.s0[:, None]
    cross = s1.T @ (uv[:, None] * d1)
    means = s1.T @ (uu[:, None] * s1) + d1.T @ (vv[:, None] * d1) - cross - cross.T
    information = _expected_crossproduct(problem, at, hazard, tied) - means
    return np.asarray((information + information.T) / 2)


def _expected_crossproduct(problem: Problem, at: Moments, hazard: Floats, tied: Floats) -> Floats:
    """Terms' diag(expected events) terms, (p, p), for slot values as in ``while_at_risk``."""
    slots, terms = problem.slots, problem.terms
    if at.additions_only:
        return weighted_crossproduct(terms, at.risk * while_at_risk(problem, at, hazard, tied))
    lived = lived_by(slots, hazard, additions_only=False)
    own = at.risk[slots.death] * tied[slots.death_slot]
    whole = _crossproduct(terms, lambda rows: lived(rows) * at.risk[rows])
    return whole - weighted_crossproduct(problem.dead_terms, own)


def weighted_crossproduct(terms: Floats, weight: Floats) -> Floats:
    """Terms' diag(weight) terms, (p, p)."""
    return _crossproduct(terms, weight.__getitem__)


def _crossproduct(terms: Floats, weight: Callable[[slice], Floats]) -> Floats:
    """Terms' diag(weight) terms, (p, p), in blocks that stay in the processor's cache."""

    def of_part(part: slice) -> Floats:
        total = np.zeros((terms.shape[1], terms.shape[1]))
        for rows in blocks_of(part.start, part.stop):
            block = terms[rows]
            total += np.dot(block.T, block * weight(rows)[:, None])
        return total

    return sum_in_order(by_parts(terms.shape[0], of_part))


def maximise(problem: Problem, evaluate: Evaluate | None = None) -> Maximum:
    """The maximum of the log partial likelihood by Newton's method with step-halving.

    evaluate : log-likelihood, score and information at beta; those of the problem without it.
    Starts at beta = 0. A term is aliased when the terms before it leave it no information there;
    monotone when it runs on while the log-likelihood stands still.

    Raises ConvergenceError when the start has no finite log-likelihood.
    """
    if evaluate is None:

        def evaluate(beta: Floats) -> tuple[float, Floats, Floats]:
            return derivatives(problem, moments(problem, beta))

    p = problem.terms.shape[1]
    beta = np.zeros(p)
    value, score, information = evaluate(beta)
    if not (np.isfinite(value) and np.isfinite(information).all()):
        raise ConvergenceError(
            "the log-likelihood has no finite value even with every coefficient 0: an event has "
            "nobody at risk, or offsets differ by more than the exponential function holds (about "
            "700); expected offsets that are known log hazards."
        )
    aliased = aliased_columns(information)
    start = (value, score, information)
    kept = ~aliased
    typical = max(float(problem.records.event_weight[problem.slots.death].mean()), 1e-300)
    monotone = np.zeros(p, dtype=bool)
    converged = bool(not kept.any())
    large = problem.records.size >= MANY
    iteration, last_gain, last_size = 0, np.inf, np.ones(int(kept.sum()))
    while not converged and iteration < MOST_ITERATIONS:
        iteration += 1
        step = _newton_step(score, information, kept)
        gain = float(score @ step) / typical
        if gain < STANDING_STILL and (running := _runs_on(problem.terms, step)).any():
            monotone = running
            break
        unmet = np.abs(score - information @ step) * kept
        if (unmet > STANDING_STILL * np.sqrt(np.diag(start[2]))).any():
            monotone = unmet > STANDING_STILL * np.sqrt(np.diag(start[2]))
            break  # A slope without curvature: the likelihood rises without end.
        size = np.diag(information)[kept]
        if (
            gain < CONVERGED
            or (gain < ROUNDING and gain > last_gain / 4)
            or (large and gain < NEAR and _stands(size, last_size, gain / last_gain))
        ):
            beta = beta + step
            converged = True
            break
        last_gain, last_size = gain, size
        if gain * typical > SLACK * (1.0 + abs(value)):
            moved, found = _risen(evaluate, beta, step, (value, score))
        else:
            moved, found = _settled(evaluate, beta, step, gain * typical)
        if not np.isfinite(found[2]).all():
            break
        beta, (value, score, information) = moved, found
    return Maximum(
        beta=beta,
        information=information,
        log_likelihood=value,
        log_likelihood_at_start=start[0],
        score_at_start=start[1],
        information_at_start=start[2],
        aliased=aliased,
        monotone=monotone,
        converged=converged,
        iterations=iteration,
        gradient_norm=float(np.linalg.norm(score[kept])),
    )


def _stands(size: Floats, before: Floats, gain: float) -> bool:
    """Whether the next step changes the information by less than is worth an evaluation.

    size, before : its diagonal here and before the last step. gain : what the next step gains over
    what the last did; lengths of steps go by its root.
    """
    changed = float(np.abs(size / before - 1.0).max())
    return bool(changed * np.sqrt(gain) < UNCHANGED)


def _runs_on(terms: Floats, step: Floats) -> Flags:
    """Terms whose part of the linear predictor a step still moves, (p,)."""
    # No value is above the length of its column, which is quicker to have than the range.
    widest = 2.0 * np.sqrt(np.einsum("ij,ij->j", terms, terms))
    if (np.abs(step) * widest <= RUNNING).all():
        return np.zeros(step.size, dtype=bool)
    return np.asarray(np.abs(step) * np.ptp(terms, axis=0) > RUNNING)


def _newton_step(score: Floats, information: Floats, kept: Flags) -> Floats:
    step = np.zeros(score.size)
    block = information[np.ix_(kept, kept)]
    if not np.isfinite(block).all():
        return np.full(score.size, np.nan)
    try:
        step[kept] = linalg.cho_solve(linalg.cho_factor(block), score[kept])
    except linalg.LinAlgError:
        step[kept] = linalg.lstsq(block, score[kept])[0]
    return step


def _risen(
    evaluate: Evaluate, beta: Floats, step: Floats, start: tuple[float, Floats]
) -> tuple[Floats, tuple[float, Floats, Floats]]:
    """Halve the step until the log-likelihood rises by a quarter of what its slope promises.

    A full Newton step of a quadratic rises by half; one that overshoots its maximum, as under a
    penalty that the information leaves out, would oscillate.
    """
    value, score = start
    promised = 0.25 * float(score @ step)
    for halving in range(40):
        candidate = beta + step * 0.5**halving
        found = evaluate(candidate)
        if np.isfinite(found[1]).all() and found[0] >= value + promised * 0.5**halving:
            return candidate, found
    return candidate, found


def _settled(
    evaluate: Evaluate, beta: Floats, step: Floats, gain: float
) -> tuple[Floats, tuple[float, Floats, Floats]]:
    """Halve a step too small for the log-likelihood to show, until the score falls by half."""
    for halving in range(6):
        candidate = beta + step * 0.5**halving
        found = evaluate(candidate)
        moved = step != 0
        left = float(found[1] @ _newton_step(found[1], found[2], moved))
        if left <= gain / 4:
            break
    return candidate, found
