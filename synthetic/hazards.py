"""Hazards with a known cumulative hazard and its exact inverse.

Each type answers three questions at a time t on the scale of the world: ``hazard(t)``,
``cumulative(t)`` (the integral from 0 to t) and ``inverse(h)`` (the time at which the cumulative
hazard reaches h, infinite if it never does). An event time is ``inverse(E / hazard_ratio)`` with E
exponential: exact, with no grid and no thinning (Bender, Augustin and Blettner 2005, Stat Med
24:1713-23).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from cohort.errors import StudyError

from .streams import FloatArray


class Hazard(Protocol):
    """What every hazard answers; times are in the unit of the world's time scale."""

    def hazard(self, time: ArrayLike) -> FloatArray:
        """Events per person and unit of time at each time, shape of ``time``."""

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Integral of the hazard from 0 to each time, shape of ``time``."""

    def inverse(self, cumulative: ArrayLike) -> FloatArray:
        """Time at which the cumulative hazard is reached; infinite if never."""


def _positive(value: float, name: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise StudyError(f"{name} = {value:g}: expected a finite number above 0.")


@dataclass(frozen=True, slots=True)
class Exponential:
    """Constant hazard: ``rate`` events per person and unit of time."""

    rate: float

    def __post_init__(self) -> None:
        """Refuse a rate that is negative or not finite."""
        if not (np.isfinite(self.rate) and self.rate >= 0):
            raise StudyError(f"Exponential rate = {self.rate:g}: a hazard cannot be negative.")

    def hazard(self, time: ArrayLike) -> FloatArray:
        """The rate, whatever the time."""
        return np.full_like(np.asarray(time, dtype=np.float64), self.rate)

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Rate times time."""
        return self.rate * np.asarray(time, dtype=np.float64)

    def inverse(self, cumulative: ArrayLike) -> FloatArray:
        """Cumulative hazard over rate."""
        target = np.asarray(cumulative, dtype=np.float64)
        if self.rate == 0:
            return np.where(target > 0, np.inf, 0.0)
        return target / self.rate


@dataclass(frozen=True, slots=True)
class Weibull:
    """Hazard ``rate * shape * t**(shape - 1)``: the cumulative hazard is ``rate * t**shape``.

    The parametrisation of Bender et al. (2005): ``rate`` is the cumulative hazard at time 1, which
    for a shape other than 1 is not the same number as in a Weibull with ``(rate * t)**shape``.
    """

    rate: float
    shape: float

    def __post_init__(self) -> None:
        """Refuse a rate or a shape that is not a positive number."""
        _positive(self.rate, "Weibull rate")
        _positive(self.shape, "Weibull shape")

    def hazard(self, time: ArrayLike) -> FloatArray:
        """Instantaneous rate; infinite at time 0 when the shape is below 1."""
        t = np.asarray(time, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(self.rate * self.shape * t ** (self.shape - 1))

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """``rate * t**shape``."""
        return np.asarray(self.rate * np.asarray(time, dtype=np.float64) ** self.shape)

    def inverse(self, cumulative: ArrayLike) -> FloatArray:
        """``(h / rate)**(1 / shape)``."""
        target = np.asarray(cumulative, dtype=np.float64)
        return np.asarray((target / self.rate) ** (1 / self.shape))


@dataclass(frozen=True, slots=True)
class Gompertz:
    """Hazard ``rate * exp(slope * t)``; with a negative slope some persons never have the event."""

    rate: float
    slope: float

    def __post_init__(self) -> None:
        """Refuse a rate that is not positive and a slope that is zero or not finite."""
        _positive(self.rate, "Gompertz rate")
        if not np.isfinite(self.slope) or self.slope == 0:
            raise StudyError(
                f"Gompertz slope = {self.slope:g}: expected a finite number other than 0; "
                "for a constant hazard use Exponential."
            )

    def hazard(self, time: ArrayLike) -> FloatArray:
        """``rate * exp(slope * t)``."""
        return np.asarray(self.rate * np.exp(self.slope * np.asarray(time, dtype=np.float64)))

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """``rate / slope * (exp(slope * t) - 1)``."""
        t = np.asarray(time, dtype=np.float64)
        return np.asarray(self.rate / self.slope * np.expm1(self.slope * t))

    def inverse(self, cumulative: ArrayLike) -> FloatArray:
        """``log(1 + slope * h / rate) / slope``; infinite beyond the limit of a falling hazard."""
        argument = self.slope * np.asarray(cumulative, dtype=np.float64) / self.rate
        reached = argument > -1
        time = np.log1p(np.where(reached, argument, 0.0)) / self.slope
        return np.where(reached, time, np.inf)


@dataclass(frozen=True, slots=True)
class PiecewiseConstant:
    """A constant hazard within each band of time.

    starts : first time of each band, rising, the first of them 0.
    rates : events per person and unit of time in each band; the last band has no end.
    """

    starts: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse bands that do not start at 0 and rise, and negative hazards."""
        starts, rates = np.asarray(self.starts, float), np.asarray(self.rates, float)
        if len(starts) != len(rates) or len(starts) == 0:
            raise StudyError(
                f"{len(starts)} band starts and {len(rates)} rates: expected one per band."
            )
        if starts[0] != 0 or not np.all(np.diff(starts) > 0):
            raise StudyError("The bands of a hazard must start at 0 and rise: times out of order.")
        if not np.all(np.isfinite(rates)) or np.any(rates < 0):
            raise StudyError("A hazard cannot be negative: a rate below 0 or not finite was given.")

    def _knots(self) -> FloatArray:
        widths = np.diff(np.asarray(self.starts, float))
        return np.concatenate([[0.0], np.cumsum(widths * np.asarray(self.rates[:-1], float))])

    def hazard(self, time: ArrayLike) -> FloatArray:
        """The rate of the band [start, next start) that holds each time."""
        t = np.asarray(time, dtype=np.float64)
        band = np.searchsorted(np.asarray(self.starts, float), t, side="right") - 1
        return np.asarray(np.asarray(self.rates, float)[band])

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Sum of rate times time spent in each band."""
        t = np.asarray(time, dtype=np.float64)
        starts = np.asarray(self.starts, float)
        band = np.searchsorted(starts, t, side="right") - 1
        rates = np.asarray(self.rates, float)
        return np.asarray(self._knots()[band] + rates[band] * (t - starts[band]))

    def inverse(self, cumulative: ArrayLike) -> FloatArray:
        """Time at which the cumulative hazard is first reached; infinite if it never is."""
        target = np.asarray(cumulative, dtype=np.float64)
        knots = self._knots()
        band = np.maximum(np.searchsorted(knots, target, side="left") - 1, 0)
        rate = np.asarray(self.rates, float)[band]
        excess = target - knots[band]
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.where(excess > 0, excess / rate, 0.0)
        return np.asarray(np.asarray(self.starts, float)[band] + inside)
