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
from ..records import BLOCK, Floats, RiskRecords, blocks_of
from ..sums_by_code import column_sums, counts_of
from .slot_sums import (
    Passing,
    lived_by,
    lived_loses_digits,
    passing,
    sums_of_passing,
    sums_while_at_risk,
)
from .slots import Slots

Ties = Literal["efron", "breslow", "exact"]
WIDE = 8 * BLOCK
"""Records weighed at once: a few long calls meet each other at Python's lock less than many short
ones, and a weight takes little memory."""
FAR = 50.0
"""A linear predictor whose exponential still leaves room for squares and products of sums."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What a partial likelihood is made of: records at risk for some slot, slots, and terms.

    terms : (n, p), each column centred and scaled. ties : "efron" or "breslow". What follows is
    made of them, once: dead_terms (m, p), those of the records that fail, ordered by slot;
    event_weight (m,), theirs, and weight (m,), its mean at their slot; f (m,), the share of the
    tied deaths that Efron's denominator of each leaves out, 0 where ties are not spread; failing
    (K,), their weight by slot, and events, in all; observed (p,) and offset, the weighted sums of
    their terms and offsets.
    """

    records: RiskRecords
    slots: Slots
    terms: Floats
    ties: Ties
    dead_terms: Floats = field(init=False)
    event_weight: Floats = field(init=False)
    weight: Floats = field(init=False)
    f: Floats = field(init=False)
    failing: Floats = field(init=False)
    events: float = field(init=False)
    observed: Floats = field(init=False)
    offset: float = field(init=False)

    def __post_init__(self) -> None:
        slots, at = self.slots, self.slots.death_slot
        own = self.records.event_weight[slots.death]
        failing = counts_of(at, own, slots.count)
        mean = failing / slots.deaths
        left_out = slots.rank / slots.deaths[at] if self.spread else np.zeros(at.size)
        object.__setattr__(self, "dead_terms", self.terms.take(slots.death, axis=0))
        object.__setattr__(self, "event_weight", own)
        object.__setattr__(self, "weight", mean[at])
        object.__setattr__(self, "f", left_out)
        object.__setattr__(self, "failing", failing)
        object.__setattr__(self, "events", float(own.sum()))
        object.__setattr__(self, "observed", own @ self.dead_terms)
        object.__setattr__(self, "offset", float(own @ self.records.offset.take(slots.death)))

    @property
    def spread(self) -> bool:
        """Whether there are ties, and Efron's rule for them."""
        return self.ties == "efron" and self.slots.death.size > self.slots.count


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The sums behind a partial likelihood at one value of beta.

    beta : (p,) that value. risk : (n,) risk weight times exp(linear predictor less shift).
    s0 (K,), s1 (K, p) : sums over risk sets of risk and of risk times terms; d0, d1 : the same
    over those who fail at the slot, 0 where ties are not spread. u : (m,) one over Efron's
    denominator of each tied death. hazard, tied : (K,) sums of weight * u and of weight * f * u.
    shift : 0, or the largest linear predictor where that is far from 0; hazards are e^shift too
    large. additions_only : whether the sums could not be made from running sums.
    """

    beta: Floats
    risk: Floats
    s0: Floats
    s1: Floats
    d0: Floats
    d1: Floats
    u: Floats
    hazard: Floats
    tied: Floats
    shift: float
    additions_only: bool


def moments(problem: Problem, beta: Floats) -> Moments:
    """The sums behind the partial likelihood at beta (p,)."""
    slots, weight = problem.slots, problem.weight
    at, count = slots.death_slot, slots.count
    risk, shift, parts = _risks(problem, beta)
    s0, s1, entered, additions_only = sums_of_passing(slots, parts, risk, problem.terms)
    d0, d1, denominator, tied = np.zeros_like(s0), np.zeros_like(s1), s0[at], np.zeros_like(s0)
    with np.errstate(all="ignore"):
        if problem.spread:
            dead_risk = risk[slots.death]
            d0 = counts_of(at, dead_risk, count)
            d1 = column_sums(at, dead_risk, problem.dead_terms, count)
            denominator -= problem.f * d0[at]
        u = 1.0 / denominator
        wu = weight * u
        hazard = counts_of(at, wu, count)
        if problem.spread:
            tied = counts_of(at, problem.f * wu, count)
        if slots.late and not additions_only:
            failing = problem.failing
            additions_only = lived_loses_digits(slots.begins, entered, hazard, failing)
    return Moments(
        beta=beta,
        risk=risk,
        s0=s0,
        s1=s1,
        d0=d0,
        d1=d1,
        u=u,
        hazard=hazard,
        tied=tied,
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
    if problem.spread:
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
    squared = problem.weight * (at.u * at.s0[slot]) ** 2
    uu = counts_of(slot, squared, count)
    if not problem.spread:
        return TieSums(uu, np.zeros_like(uu), np.zeros_like(uu))
    squared *= problem.f
    uv = counts_of(slot, squared, count)
    squared *= problem.f
    return TieSums(uu, uv, counts_of(slot, squared, count))


def derivatives(problem: Problem, at: Moments) -> tuple[float, Floats, Floats]:
    """Log-likelihood, score (p,) and information (p, p); not finite where beta went too far."""
    with np.errstate(all="ignore"):
        return _derivatives(problem, at)


def _derivatives(problem: Problem, at: Moments) -> tuple[float, Floats, Floats]:
    linear = problem.observed @ at.beta + problem.offset - at.shift * problem.events
    value = float(linear + problem.weight @ np.log(at.u))
    score = problem.observed - (at.hazard @ at.s1 - at.tied @ at.d1)
    return value, np.asarray(score), information_of(problem, at)


def information_of(problem: Problem, at: Moments, slot_weight: Floats | None = None) -> Floats:
    """The information (p, p); with a weight (K,) for what each slot adds to it."""
    sums = tie_sums(problem, at)
    uu, uv, vv, hazard, tied = sums.uu, sums.uv, sums.vv, at.hazard, at.tied
    if slot_weight is not None:
        uu, uv, vv = uu * slot_weight, uv * slot_weight, vv * slot_weight
        hazard, tied = hazard * slot_weight, tied * slot_weight
    s1 = at.s1 / at.s0[:, None]
    means = s1.T @ (uu[:, None] * s1)
    if problem.spread:
        several = np.flatnonzero(problem.slots.deaths > 1)
        s1, d1 = s1.take(several, axis=0), at.d1.take(several, axis=0) / at.s0[several, None]
        cross = s1.T @ (uv[several, None] * d1)
        means += d1.T @ (vv[several, None] * d1) - cross - cross.T
    information = _expected_crossproduct(problem, at, hazard, tied) - means
    return np.asarray((information + information.T) / 2)


def _expected_crossproduct(problem: Problem, at: Moments, hazard: Floats, tied: Floats) -> Floats:
    """Terms' diag(expected events) terms, (p, p), for slot values as in ``while_at_risk``."""
    slots, terms = problem.slots, problem.terms
    if at.additions_only:
        return weighted_crossproduct(terms, at.risk * while_at_risk(problem, at, hazard, tied))
    live = lived_by(slots, hazard, additions_only=False)
    spared = np.zeros(at.risk.size if problem.spread else 0)
    if problem.spread:
        spared[slots.death] = tied[slots.death_slot]

    def expect(rows: slice, out: Floats, spare: Floats) -> None:
        live(rows, out, spare)
        if spared.size:
            out -= spared[rows]
        out *= at.risk[rows]

    return _crossproduct(terms, expect)


def weighted_crossproduct(terms: Floats, weight: Floats) -> Floats:
    """Terms' diag(weight) terms, (p, p)."""

    def copy(rows: slice, out: Floats, spare: Floats) -> None:
        out[:] = weight[rows]

    return _crossproduct(terms, copy)


def _crossproduct(terms: Floats, weigh: Callable[[slice, Floats, Floats], None]) -> Floats:
    """Terms' diag(weight) terms, (p, p), in blocks of terms that stay in the processor's cache.

    weigh : takes rows, where to write their weights, and room for as many more.
    """
    p = terms.shape[1]

    def of_part(part: slice) -> Floats:
        total = np.zeros((p, p))
        weight, spare = room("weight", WIDE), room("spare weight", WIDE)
        products = room("products", BLOCK, p)
        for wide in blocks_of(part.start, part.stop, WIDE):
            count = wide.stop - wide.start
            weigh(wide, weight[:count], spare)
            for own in blocks_of(0, count):
                block = terms[wide.start + own.start : wide.start + own.stop]
                weighted = np.multiply(block, weight[own, None], out=products[: len(block)])
                total += np.dot(block.T, weighted)
        return total

    return sum_in_order(by_parts(terms.shape[0], of_part))
