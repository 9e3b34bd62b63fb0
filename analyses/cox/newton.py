"""The maximum of a log partial likelihood, by Newton's method."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from cohort.errors import ConvergenceError

from ..parts import by_parts, sum_in_order
from ..records import Flags, Floats
from .partial_likelihood import Moments, Problem, derivatives, moments
from .variance import aliased_columns, lost_columns, solved, undetermined_columns

Evaluate = Callable[[Floats], tuple[float, Floats, Floats]]

MOST_ITERATIONS = 60
CONVERGED = 1e-23
"""Squared length of a Newton step in standard errors: the information, which is that before the
last step, belongs to the optimum to about 1e-12 of one."""
MANY = 50_000
NEAR = 1e-12
UNCHANGED = 2e-10
"""With so many records that an evaluation costs something, a step of less than 1e-6 standard errors
that promises to change the information by less than 2e-10 of itself, judged by how much the one
before did, is the last: beta is then off by its square, standard errors by half that share."""
NEARER, SAME = 1e-20, 1e-14
"""The sums one step before beta are as good as those at beta after a step below this: for all that
is made of them, and with many records for a variance, of which the step is a smaller share."""
STANDING_STILL = 1e-7
RUNNING = 0.1
"""A monotone likelihood: no more to gain than 1e-7 of log-likelihood, yet a Newton step still
moves the linear predictor by 0.1 over a term's range."""
NO_CURVATURE = 1e-14
"""A share of a column's information at the start that is rounding error."""
ROUNDING = 1e-15
"""A gain below this that no longer falls is the rounding error of the score."""
SLACK = 1e-11
"""A promised rise below this share of the log-likelihood is within its rounding error."""


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the log partial likelihood is largest, on the scale of the terms given.

    beta : (p,); 0 where aliased. information : (p, p) minus the second derivative there.
    ..._at_start : where it began, at beta = 0 but for resamples: for the tests of all terms.
    aliased, monotone : (p,) bool; terms that cannot be estimated, and why. at : the sums behind
    the likelihood one step before beta, where that is as good as there for a variance; exactly :
    for all else too.
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
    at: Moments | None = None
    exactly: bool = True

    @property
    def undetermined(self) -> Flags:
        """Columns that the records do not determine, (p,): from the start, or at the limit."""
        lost = lost_columns(
            self.information, self.information_at_start, self.aliased, self.monotone
        )
        return undetermined_columns(self.information_at_start, self.aliased) | lost


def maximise(
    problem: Problem,
    evaluate: Evaluate | None = None,
    start: Floats | None = None,
    last: float = CONVERGED,
) -> Maximum:
    """The maximum of the log partial likelihood by Newton's method with step-halving.

    evaluate : log-likelihood, score and information at beta; those of the problem without it.
    start : beta to begin at, (p,); 0 without it. last : squared length of the step, in standard
    errors, after which no other is made. A term is aliased when the terms before it leave
    it no information there; monotone when it runs on while the log-likelihood stands still.

    Raises ConvergenceError when the start has no finite log-likelihood.
    """
    latest: list[Moments] = []
    if evaluate is None:

        def evaluate(beta: Floats) -> tuple[float, Floats, Floats]:
            latest[:] = [moments(problem, beta)]
            return derivatives(problem, latest[0])

    p = problem.terms.shape[1]
    beta = np.zeros(p) if start is None else start
    value, score, information = begun = _begun(evaluate, beta)
    typical = max(float(problem.records.event_weight[problem.slots.death].mean()), 1e-300)
    aliased = aliased_columns(information, typical * float(problem.slots.deaths.sum()))
    kept = ~aliased
    at_start = np.maximum(np.diag(information), 0.0)  # Below 0 by rounding where aliased.
    monotone = np.zeros(p, dtype=bool)
    converged = bool(not kept.any())
    many = problem.records.size >= MANY
    iteration, gain, last_gain, last_size = 0, 0.0, np.inf, np.ones(int(kept.sum()))
    widest = None
    while not converged and iteration < MOST_ITERATIONS:
        iteration += 1
        step = _newton_step(score, information, kept)
        gain = float(score @ step) / typical
        if gain < STANDING_STILL:
            widest = _widest(problem.terms) if widest is None else widest
            monotone = _running(problem.terms, step, widest)
        if not monotone.any():
            monotone = kept & _straight(score, information, step, at_start)
        if monotone.any():
            break
        size = np.diag(information)[kept]
        if (
            gain < last
            or (gain < ROUNDING and gain > last_gain / 4)
            or (many and gain < NEAR and _stands(size, last_size, gain / last_gain))
        ):
            beta = beta + step
            converged = True
            break
        last_gain, last_size = gain, size
        moved, found = _moved(evaluate, beta, step, (value, score))
        if not np.isfinite(found[2]).all():
            break
        beta, (value, score, information) = moved, found
    return Maximum(
        beta=beta,
        information=information,
        log_likelihood=value,
        log_likelihood_at_start=begun[0],
        score_at_start=begun[1],
        information_at_start=begun[2],
        aliased=aliased,
        monotone=monotone,
        converged=converged,
        iterations=iteration,
        gradient_norm=float(np.linalg.norm(score[kept])),
        at=latest[0] if converged and latest and gain < (SAME if many else NEARER) else None,
        exactly=gain < NEARER,
    )


def _stands(size: Floats, before: Floats, gain: float) -> bool:
    """Whether the next step changes the information by less than is worth an evaluation.

    size, before : its diagonal here and before the last step. gain : what the next step gains over
    what the last did; lengths of steps go by its root.
    """
    changed = float(np.abs(size / before - 1.0).max())
    return bool(gain > 0.0 and changed * np.sqrt(gain) < UNCHANGED)


def _begun(evaluate: Evaluate, beta: Floats) -> tuple[float, Floats, Floats]:
    """The first evaluation; raises ConvergenceError when it is not finite."""
    value, score, information = evaluate(beta)
    if not (np.isfinite(value) and np.isfinite(information).all()):
        raise ConvergenceError(
            "the log-likelihood has no finite value even with every coefficient 0: an event has "
            "nobody at risk, or offsets differ by more than the exponential function holds (about "
            "700); expected offsets that are known log hazards."
        )
    return value, score, information


def _widest(terms: Floats) -> Floats:
    """What the range of each column is at most, (p,): its length is quicker to have."""
    parts = by_parts(len(terms), lambda rows: np.einsum("ij,ij->j", terms[rows], terms[rows]))
    return np.asarray(2.0 * np.sqrt(sum_in_order(parts)))


def _running(terms: Floats, step: Floats, widest: Floats) -> Flags:
    """Terms whose part of the linear predictor a step still moves, with no more to gain, (p,)."""
    if (np.abs(step) * widest <= RUNNING).all():
        return np.zeros(step.size, dtype=bool)
    return np.asarray(np.abs(step) * np.ptp(terms, axis=0) > RUNNING)


def _straight(score: Floats, information: Floats, step: Floats, at_start: Floats) -> Flags:
    """Terms with a slope and no curvature, (p,): the likelihood rises without end.

    at_start : the diagonal of the information there.
    """
    bent = np.diag(information) > NO_CURVATURE * at_start
    unmet = np.abs(score - np.where(bent, information @ step, 0.0))
    return np.asarray(unmet > STANDING_STILL * np.sqrt(at_start))


def _newton_step(score: Floats, information: Floats, kept: Flags) -> Floats:
    step = np.zeros(score.size)
    block = information if kept.all() else information[np.ix_(kept, kept)]
    if not np.isfinite(block).all():
        return np.full(score.size, np.nan)
    found = solved(block, score[kept])
    step[kept] = linalg.lstsq(block, score[kept])[0] if found is None else found
    return step


def _moved(
    evaluate: Evaluate, beta: Floats, step: Floats, start: tuple[float, Floats]
) -> tuple[Floats, tuple[float, Floats, Floats]]:
    """Where a step leads, halved where it must be, and what is found there."""
    gain = float(start[1] @ step)
    if gain > SLACK * (1.0 + abs(start[0])):
        return _risen(evaluate, beta, step, start)
    return _settled(evaluate, beta, step, gain)


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
    """Halve a step too small for the log-likelihood to show, until the score falls by half.

    One that still points uphill from where it leads has not gone too far, as where a likelihood
    rises without end.
    """
    for halving in range(6):
        candidate = beta + step * 0.5**halving
        found = evaluate(candidate)
        moved = step != 0
        left = float(found[1] @ _newton_step(found[1], found[2], moved))
        if left <= gain / 4 or float(found[1] @ step) > 0:
            break
    return candidate, found
