"""The columns that a recipe can draw, each from one uniform random number a person.

A column knows how its values follow from the columns before it and from uniform draws; it knows
nothing of documents or seeds. Every draw is the inverse of a distribution function, so that the
same person with another exposure differs by that exposure alone.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from cohort.errors import StudyError, row_list

from ..hazards import Hazard
from ..streams import SMALLEST_UNIFORM, FloatArray
from .event_times import event_times
from .expressions import Expression, expression

Values = NDArray[Any]
HIGHEST_COUNT = 10_000
"""A Poisson mean above this is refused: its counts are walked one by one."""

NONE = expression(0, "")


class Column(Protocol):
    """What every kind of column answers."""

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values | pl.Series:
        """Its values, (n,), from the columns before it and uniform draws on [0, 1), (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class IsColumn:
    """No draw: what an expression comes to. value : in SQL."""

    value: Expression

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values | pl.Series:
        """The value of the expression, in its own type; true and false become 1 and 0."""
        found = self.value.series(frame)
        return found.cast(pl.Int64) if found.dtype == pl.Boolean else found


@dataclass(frozen=True, slots=True, eq=False)
class NormalColumn:
    """Normally distributed around ``mean`` with standard deviation ``sd``."""

    mean: Expression
    sd: Expression

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values:
        """Normal quantiles of the draws."""
        sd = self.sd.of(frame)
        _refuse(~(sd >= 0), where, "a standard deviation below 0")
        return np.asarray(self.mean.of(frame) + sd * ndtri(np.maximum(uniform, SMALLEST_UNIFORM)))


@dataclass(frozen=True, slots=True, eq=False)
class UniformColumn:
    """Uniformly distributed between ``low`` and ``high``."""

    low: Expression
    high: Expression

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values:
        """The draws stretched to the interval."""
        low, high = self.low.of(frame), self.high.of(frame)
        _refuse(~(low < high), where, "no room between low and high")
        return low + (high - low) * uniform


@dataclass(frozen=True, slots=True, eq=False)
class BernoulliColumn:
    """1 with the given ``probability``, else 0."""

    probability: Expression

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values:
        """1 where the draw is below the probability."""
        probability = self.probability.of(frame)
        _refuse(~((probability >= 0) & (probability <= 1)), where, "a probability outside 0 to 1")
        return (uniform < probability).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PoissonColumn:
    """A count with the given ``mean``, such as copies of a gene in an assay."""

    mean: Expression

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values:
        """The smallest count whose distribution function exceeds the draw."""
        mean = self.mean.of(frame)
        _refuse(~((mean >= 0) & (mean <= HIGHEST_COUNT)), where, "a mean outside 0 to 10,000")
        count = np.zeros(len(mean), dtype=np.int64)
        term = np.exp(-mean)
        reached = term.copy()
        left = np.flatnonzero(reached <= uniform)
        number = 0
        while len(left):
            number += 1
            term[left] *= mean[left] / number
            reached[left] += term[left]
            count[left] = number
            # Beyond the mean a term too small to move the sum ends the walk.
            moving = (term[left] > reached[left] * 1e-17) | (number < mean[left])
            left = left[(reached[left] <= uniform[left]) & moving]
        return count


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredColumn:
    """A yes-or-no column as a test reads it.

    of : the true state, 0 or 1. sensitivity, specificity : of the test, which may differ between
    persons (between cases and others, say).
    """

    of: Expression
    sensitivity: Expression
    specificity: Expression

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values:
        """1 where the test is positive."""
        true = self.of.of(frame)
        _refuse(~np.isin(true, (0.0, 1.0)), where, "a true state that is neither 0 nor 1")
        positive = np.where(true == 1, self.sensitivity.of(frame), 1 - self.specificity.of(frame))
        _refuse(~((positive >= 0) & (positive <= 1)), where, "a sensitivity or specificity not 0-1")
        return (uniform < positive).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """From the time ``at`` on, ``add`` is added to the log hazard ratio; a missing time: never."""

    at: Expression
    add: Expression


@dataclass(frozen=True, slots=True, eq=False)
class TimeColumn:
    """The time of an event; infinite where it never comes.

    baseline : the hazard of a person whose log hazard ratio is 0. log_hazard_ratio : in SQL.
    since : the event has not come before this time (late entry). changes : of the log hazard ratio
    along time, such as an exposure acquired or an effect that wanes.
    """

    baseline: Hazard
    log_hazard_ratio: Expression = NONE
    since: Expression = NONE
    changes: tuple[Change, ...] = field(default=())

    def values(self, frame: pl.DataFrame, uniform: FloatArray, where: str) -> Values:
        """The exact inverse of each person's cumulative hazard."""
        need = -np.log1p(-uniform)
        log_ratio = self.log_hazard_ratio.of(frame)
        _refuse(~np.isfinite(log_ratio), where, "a log hazard ratio that is no finite number")
        since = self.since.of(frame)
        _refuse(~(np.isfinite(since) & (since >= 0)), where, "a time 'since' below 0 or missing")
        at = np.column_stack([np.empty((len(frame), 0)), *(c.at.of(frame) for c in self.changes)])
        add = np.column_stack([np.empty((len(frame), 0)), *(c.add.of(frame) for c in self.changes)])
        return event_times(self.baseline, need, log_ratio, since, (at, add))


def _refuse(wrong: NDArray[np.bool_], where: str, what: str) -> None:
    if wrong.any():
        raise StudyError(
            f"{where} has {what} for {int(wrong.sum()):,} of {len(wrong):,} persons "
            f"({row_list(np.flatnonzero(wrong))})."
        )
