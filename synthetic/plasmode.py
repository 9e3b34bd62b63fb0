"""The same persons with new events: a plasmode, real covariates under a known effect.

Franklin, Schneeweiss, Polinski and Rassen (2014), Comput Stat Data Anal 72:219-26: covariates,
entry and who could be followed how long are those of a real study; times of the event are drawn
from its fitted baseline hazard and effects, with the effect of the exposure set. We differ in two
ways. Persons who were censored keep their censoring time, so that censoring depends on covariates
as it did; those with an event get one from the distribution of censoring after it. And the baseline
is fitted at the effect that is set, so that as many events are expected as were seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohort.errors import StudyError

from .streams import Draws, FloatArray

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A cumulative hazard that rises at times, by stratum.

    time : (k,) rising within a stratum. total : (k,) cumulative hazard from each time on.
    start : (s + 1,) where each stratum's times begin in the two.
    """

    time: FloatArray
    total: FloatArray
    start: Codes

    def of(self, stratum: int) -> tuple[FloatArray, FloatArray]:
        """Times and cumulative hazard of one stratum."""
        part = slice(self.start[stratum], self.start[stratum + 1])
        return self.time[part], self.total[part]


@dataclass(frozen=True, slots=True, eq=False)
class OwnPeople:
    """Persons of a study, (n,) each, one record a person.

    entry, exit : times on the study's scale; entry may be -infinity. happened : whether follow-up
    ended with the event. log_risk : the log hazard ratio of each person under the effect that is
    set. stratum : codes from 0 of separate baseline hazards.

    Raises StudyError when nobody had the event.
    """

    entry: FloatArray
    exit: FloatArray
    happened: Flags
    log_risk: FloatArray
    stratum: Codes

    def __post_init__(self) -> None:
        if not self.happened.any():
            raise StudyError("nobody had the event: there is no baseline hazard to redraw from.")


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """New follow-up of the same persons, (n,) each: when it ends, and whether with the event."""

    exit: FloatArray
    happened: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Plasmode:
    """Own people with what their new events are drawn from.

    events, censoring : cumulative hazards; that of censoring is the same for all of a stratum.
    """

    people: OwnPeople
    events: Steps
    censoring: Steps


def plasmode(people: OwnPeople) -> Plasmode:
    """The hazards from which new events are drawn."""
    same = np.zeros(len(people.exit))
    return Plasmode(
        people,
        breslow(people, people.happened, people.log_risk),
        breslow(people, ~people.happened, same),
    )


def breslow(people: OwnPeople, happened: Flags, log_risk: FloatArray) -> Steps:
    """Breslow's cumulative hazard of what ``happened`` with the effects known.

    Breslow (1974), Biometrics 30:89-99: at each time, those to whom it happened over the sum of
    exp(log_risk) of those at risk on (entry, exit].
    """
    times, totals, start = [], [], [0]
    for code in range(int(people.stratum.max()) + 1):
        mine = people.stratum == code
        time, count = np.unique(people.exit[mine & happened], return_counts=True)
        risk = np.exp(log_risk[mine])
        at_risk = _sum_from(people.exit[mine], risk, time) - _sum_from(
            people.entry[mine], risk, time
        )
        times.append(time)
        totals.append(np.cumsum(count / at_risk))
        start.append(start[-1] + len(time))
    return Steps(np.concatenate(times), np.concatenate(totals), np.array(start))


def _sum_from(place: FloatArray, weight: FloatArray, time: FloatArray) -> FloatArray:
    """Sum of the weights at places on or after each time."""
    order = np.argsort(place, kind="stable")
    after = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
    return np.asarray(after[np.searchsorted(place[order], time, side="left")])


def redrawn(given: Plasmode, seed: int) -> Redrawn:
    """New follow-up of everyone; the same seed gives the same.

    A person whose new event would come after her potential end of follow-up is censored there.
    """
    people = given.people
    draws = Draws(seed, 0, len(people.exit))
    need = draws.exponential("event") * np.exp(-people.log_risk)
    event = _first(given.events, people.stratum, people.entry, need)
    potential = people.exit.copy()
    ended = np.flatnonzero(people.happened)
    # Censoring after the event that was seen: an unknown time, never before it.
    later = _first(
        given.censoring,
        people.stratum[ended],
        people.exit[ended],
        draws.exponential("censoring")[ended],
    )
    last = np.array(
        [people.exit[people.stratum == code].max() for code in range(people.stratum.max() + 1)]
    )
    potential[ended] = np.minimum(later, last[people.stratum[ended]])
    happened = event <= potential
    return Redrawn(np.where(happened, event, potential), np.asarray(happened))


def _first(steps: Steps, stratum: Codes, after: FloatArray, need: FloatArray) -> FloatArray:
    """The first time after ``after`` by which the hazard has risen by ``need``; inf if never."""
    found = np.full(len(need), np.inf)
    for code in range(len(steps.start) - 1):
        mine = np.flatnonzero(stratum == code)
        time, total = steps.of(code)
        before = np.concatenate([[0.0], total])[np.searchsorted(time, after[mine], side="right")]
        place = np.searchsorted(total, before + need[mine], side="left")
        inside = place < len(time)
        found[mine[inside]] = time[place[inside]]
    return found
