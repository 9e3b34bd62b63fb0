"""Newton's method on sums that sites send: where to ask next, and when the maximum is reached.

Every step is a function of the sums so far, so that a coordinator can always be checked by going
through an exchange again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..cox.newton import SLACK
from ..cox.variance import aliased_columns, inverse_information
from ..records import Flags, Floats
from .messages import Start

MOST_ROUNDS = 10
"""Sums at more coefficients than these would begin to tell of single persons."""
NEAR = 1e-5
"""Squared length of a step, in standard errors, from which the next sums may be the last."""
SETTLED = 1e-18
"""As above: the information before this last step is that of the maximum to about 1e-10."""
ROUNDING = 1e-15
"""A gain below this that no longer falls is the rounding error of the score."""
NO_SHORTER = 0.7
RUNNING = 0.1
CLOSE = 1.0
"""A monotone likelihood: three steps in a row from within one standard error of the maximum, each
still this long in standard units and hardly shorter than the one before. Where there is a maximum,
Newton's steps from so near become shorter at once."""
State = Literal["climbing", "settled", "running"]


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """All sites' sums at one value of beta (p,), in standard units."""

    beta: Floats
    value: float
    score: Floats
    information: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """How far one fit has come; standard units, by which data units are divided by ``scale``.

    aliased (p,), information_at_zero (p, p) : with every coefficient 0, as in a pooled fit.
    typical : mean weight of an event. asked : (p,) where sums are asked for next. best : the
    highest point so far; step : Newton's from there. pieces : whether variance is asked for too.
    """

    fit: str
    scale: Floats
    aliased: Flags
    information_at_zero: Floats
    typical: float
    asked: Floats
    best: Point | None = None
    step: Floats | None = None
    halvings: int = 0
    gains: tuple[float, ...] = ()
    steps: tuple[Floats, ...] = ()
    pieces: bool = False
    state: State = "climbing"

    @property
    def monotone(self) -> Flags:
        """Columns whose coefficient ran on, (p,)."""
        if self.state != "running":
            return np.zeros_like(self.aliased)
        return _running(self.steps, self.gains)


def start_of(fit: str, starts: Sequence[Start], events: int) -> Climb:
    """Where a fit begins: the sites' own maxima, weighted by their information; else 0.

    events : of all sites that tell of theirs.
    """
    magnitudes = [[m for m in each if m is not None] for each in _columns(starts)]
    scale = np.array([2.0 ** max(each, default=0) for each in magnitudes])
    units = np.outer(scale, scale)
    at_zero = np.sum([np.array(one.information) for one in starts], axis=0) / units
    typical = max(float(np.mean([one.event_weight for one in starts])), 1e-300)
    aliased = aliased_columns(at_zero, typical * events)
    own = [one for one in starts if one.beta is not None]
    asked = np.zeros(scale.size)
    if own and not aliased.any():
        weights = [np.array(one.information_there) / units for one in own]
        summed = np.sum(weights, axis=0)
        betas = [np.array(one.beta) * scale for one in own]
        moved = np.sum([w @ b for w, b in zip(weights, betas, strict=True)], axis=0)
        if not aliased_columns(summed).any():
            asked = inverse_information(summed, aliased) @ moved
    return Climb(fit, scale, aliased, at_zero, typical, asked)


def _columns(starts: Sequence[Start]) -> list[tuple[int | None, ...]]:
    return list(zip(*(one.magnitude for one in starts), strict=True))


def advanced(climb: Climb, value: float, score: Floats, information: Floats) -> Climb:
    """The climb after the sums (in data units) at what it asked for."""
    if climb.state != "climbing":
        return climb
    units = np.outer(climb.scale, climb.scale)
    point = Point(climb.asked, value, score / climb.scale, information / units)
    if not _rises(climb, point):
        return _shorter(climb)
    step = inverse_information(point.information, climb.aliased) @ point.score
    gain = float(point.score @ step) / climb.typical
    here = replace(
        climb,
        best=point,
        step=step,
        halvings=0,
        gains=(*climb.gains, gain),
        steps=(*climb.steps, step),
        pieces=gain < NEAR,
    )
    still = gain < ROUNDING and bool(climb.gains) and gain > climb.gains[-1] / 4
    if climb.pieces and (gain < SETTLED or still):
        return replace(here, state="settled", pieces=True)
    if _running(here.steps, here.gains).any():
        return replace(here, state="running", pieces=False)
    return replace(here, asked=point.beta + step)


def _rises(climb: Climb, point: Point) -> bool:
    """Whether the log-likelihood rose by a quarter of what the slope promised."""
    if climb.best is None or climb.step is None:
        return True
    promised = 0.25 * float(climb.best.score @ climb.step)
    if promised <= SLACK * (1.0 + abs(climb.best.value)):
        return True
    return point.value >= climb.best.value + promised * 0.5**climb.halvings


def _shorter(climb: Climb) -> Climb:
    assert climb.best is not None
    assert climb.step is not None
    halvings = climb.halvings + 1
    asked = climb.best.beta + climb.step * 0.5**halvings
    return replace(climb, asked=asked, halvings=halvings, pieces=False)


def _running(steps: Sequence[Floats], gains: Sequence[float]) -> Flags:
    """Columns whose coefficient runs on, (p,): their likelihood has no maximum."""
    last = np.array(steps[-3:])
    if len(last) < 3 or max(gains[-3:]) > CLOSE:
        return np.zeros(last.shape[1], dtype=bool)
    size = np.abs(last)
    same_way = (np.sign(last) == np.sign(last[0])).all(axis=0)
    long = (size[1:] > NO_SHORTER * size[:-1]).all(axis=0) & (size > RUNNING).all(axis=0)
    return np.asarray(same_way & long)
