"""The partial likelihood of Cox (1972, 1975) and its derivatives, on arrays.

Ties by Breslow (1974) or Efron (1977). The score and the information take two passes over the
records (slots.py) and one weighted crossproduct; the second-moment matrix of the risk sets is never
formed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..parts import by_parts, room, sum_in_order
from ..records import BLOCK, Floats, RiskRecords, blocks_of, column_sums, counts_of
from .slots import (
    Passing,
    Slots,
    lived_by,
    lived_loses_digits,
    passing,
    sums_of_passing,
    sums_while_at_risk,
)

Ties = Literal["efron", "breslow", "exact"]
FAR = 50.0
"""A linear predictor whose exponential still leaves room for squares and products of sums."""


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
    linear : (m,) linear predictor of those who fail, less shift: 0, or the largest among all where
    that is far from 0; hazards are e^shift too large.
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


def moments(problem: Problem, beta: Floats) -> Moments:
    """The sums behind the partial likelihood at beta (p,)."""
    records, slots = problem.records, problem.slots
    dead, at = slots.death, slots.death_slot
    count = slots.count
    linear = problem.dead_terms @ beta + records.offset[dead]
    risk, shift, parts = _risks(problem, beta)
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
        linear=linear - shift,
        shift=shift,
        additions_only=additions_only,
    )


def _risks(
    problem: Problem, beta: Floats, shift: float = 0.0
) -> tuple[Floats, float, list[Passing]]:
    """The risk of each record (n,), the shift of its linear predictor, and how it passes."""
    records, slots, terms = problem.records, problem.slots, problem.terms
    risk, moved = np.zeros(len(terms)), bool(beta.any())

    def pass_by(rows: slice) -> tuple[float, Passing]:
        part = risk[rows]
        if moved:
            np.dot(terms[rows], beta, out=part)
        part += records.offset[rows]
        if shift:
            part -= shift
        largest = float(part.max(initial=-np.inf))
        np.exp(part, out=part)
        part *= records.risk_weight[rows]
        return largest, passing(slots, rows, risk, terms)

    with np.errstate(all="ignore"):
        found = by_parts(risk.size, pass_by)
    largest = max(top for top, _ in found)
    if not shift and not abs(largest) <= FAR:
        return _risks(problem, beta, largest)
    return risk, shift, [passed for _, passed in found]


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
    live = lived_by(slots, hazard, additions_only=False)

    def expect(rows: slice, out: Floats, spare: Floats) -> None:
        live(rows, out, spare)
        out *= at.risk[rows]

    own = at.risk[slots.death] * tied[slots.death_slot]
    return _crossproduct(terms, expect) - weighted_crossproduct(problem.dead_terms, own)


def weighted_crossproduct(terms: Floats, weight: Floats) -> Floats:
    """Terms' diag(weight) terms, (p, p)."""

    def copy(rows: slice, out: Floats, spare: Floats) -> None:
        out[:] = weight[rows]

    return _crossproduct(terms, copy)


def _crossproduct(terms: Floats, weigh: Callable[[slice, Floats, Floats], None]) -> Floats:
    """Terms' diag(weight) terms, (p, p), in blocks that stay in the processor's cache.

    weigh : takes rows, where to write their weights, and room for as many more.
    """
    p = terms.shape[1]

    def of_part(part: slice) -> Floats:
        total = np.zeros((p, p))
        weight, spare = room("weight", BLOCK), room("spare weight", BLOCK)
        products = room("products", BLOCK, p)
        for rows in blocks_of(part.start, part.stop):
            block = terms[rows]
            weigh(rows, weight[: len(block)], spare)
            weighted = np.multiply(block, weight[: len(block), None], out=products[: len(block)])
            total += np.dot(block.T, weighted)
        return total

    return sum_in_order(by_parts(terms.shape[0], of_part))
