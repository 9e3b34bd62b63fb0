"""Rates: events over person-time, with exact and large-sample limits, on arrays and numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from ..records import Codes, Flags, Floats
from ..sums_by_code import counts_of
from .records import distinct, persons_by_group

RateLimits = Literal["exact", "log", "byar"]
RATE_LIMITS = ("exact", "log", "byar")


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Events and person-time by group, (G,), weighted where records are.

    log_variance : (G,) robust variance of the log rate. persons : (G,) distinct persons. counts :
    (G,) events, each counted once.
    """

    events: Floats
    person_time: Floats
    log_variance: Floats
    persons: Codes
    counts: Codes


def tally(
    group: Codes, happened: Flags, time: Floats, weight: Floats, cluster: Codes, person: Codes
) -> Tally:
    """Sums by group of the events and the person-time of records, (n,) each.

    The influence of a cluster on the log rate is its share of the events less its share of the
    person-time; the robust variance is the sum of their squares.
    """
    size = int(group.max(initial=-1)) + 1
    event, time = weight * happened, weight * time
    events, times = counts_of(group, event, size), counts_of(group, time, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        influence = event / events[group] - time / times[group]
    pairs, place = distinct(cluster * size + group)
    by_cluster = counts_of(place, influence, pairs.size)
    return Tally(
        events,
        times,
        counts_of(pairs % max(size, 1), by_cluster**2, size),
        persons_by_group(person, group, size),
        np.bincount(group[happened], minlength=size),
    )


def poisson_limits(events: float, conf_level: float) -> tuple[float, float]:
    """Exact limits of the mean of a Poisson count.

    Garwood (1936), Biometrika 28:437-442: those of the gamma distribution.
    """
    tail = (1 - conf_level) / 2
    low = 0.0 if events == 0 else float(special.gammaincinv(events, tail))
    return low, float(special.gammainccinv(events + 1, tail))


def byar_limits(events: float, conf_level: float) -> tuple[float, float]:
    """Byar's approximation to the exact limits of a Poisson count.

    Breslow and Day (1987), Statistical Methods in Cancer Research II, equation 2.10.
    """
    z = float(special.ndtri(0.5 + conf_level / 2))
    low = 0.0 if events == 0 else events * (1 - 1 / (9 * events) - z / (3 * np.sqrt(events))) ** 3
    more = events + 1
    return float(low), float(more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3)


def log_limits(events: float, variance: float, conf_level: float) -> tuple[float, float]:
    """Wald limits on the log scale, for a count and the variance of its log."""
    reach = float(special.ndtri(0.5 + conf_level / 2)) * np.sqrt(variance)
    return float(events * np.exp(-reach)), float(events * np.exp(reach))
