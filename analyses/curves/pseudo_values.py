"""Pseudo-values: what each person adds to an estimate, for use as an outcome in a regression.

A person's pseudo-value is the estimate of all plus n times her influence on it (infinitesimal
jackknife), or n times the estimate of all less n - 1 times that without her (leave-one-out).
Their mean over persons is the estimate, exactly for the first and nearly for the second.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from cohort.cohort import Cohort
from cohort.declaration import PERSON
from cohort.errors import QuestionError, UnsupportedError, one_of

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..question import Question
from ..records import Codes, Floats
from .aalen_johansen import incidences_of
from .leave_one_out import Read, incidence_of, left_out, survival_of
from .mean_time import influence_over_time, survival_areas
from .person_influence import incidence_influence, survival_influence
from .product_limit import product_limit
from .records import (
    CurveRecords,
    Grouping,
    check_grouping,
    curve_records,
    groups_of,
    once_only,
    whole_cohort_only,
)
from .survival import is_weighted
from .timeline import Timeline, timeline_of

Quantity = Literal["survival", "restricted mean", "cumulative incidence"]
QUANTITIES = ("survival", "restricted mean", "cumulative incidence")
Jackknife = Literal["infinitesimal", "leave-one-out"]
JACKKNIVES = ("infinitesimal", "leave-one-out")


@dataclass(frozen=True, slots=True)
class PseudoValues:
    """Pseudo-values at chosen times, one a person and time.

    times : in the scale's unit. quantity : "survival", "restricted mean" (event-free time up to the
    time) or "cumulative incidence" of the outcome, where others compete. jackknife :
    "infinitesimal" (as R's survival::pseudo) or "leave-one-out". by : None for the influence on the
    curve of everyone, or "exposure" for that on the curve of the person's own group.

    Andersen, Klein and Rosthoj (2003), Biometrika 90:15-27; Parner, Andersen and Overgaard (2023),
    Lifetime Data Analysis 29:654-671.
    """

    times: tuple[float, ...]
    quantity: Quantity = "survival"
    jackknife: Jackknife = "infinitesimal"
    by: Grouping = None

    def __post_init__(self) -> None:
        times = self.times if isinstance(self.times, Iterable) else (self.times,)
        object.__setattr__(self, "times", tuple(times))
        check_grouping(self.by, *self.times)
        if not self.times or not all(0 < time < np.inf for time in self.times):
            raise QuestionError(f"times = {self.times}: expected times after the origin.")
        for name, value, known in (
            ("quantity", self.quantity, QUANTITIES),
            ("jackknife", self.jackknife, JACKKNIVES),
        ):
            if value not in known:
                raise QuestionError(f"{name} = '{value}' is not known: expected {one_of(known)}.")

    def estimate(self, cohort: Cohort, question: Question) -> pl.DataFrame:
        """A row a person (code ``_person`` of the cohort's frame), group and time: pseudo_value.

        Raises UnsupportedError for a sampled design, weights or recurrent events, QuestionError or
        SchemaError for groups that cannot be made.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a pseudo-value")
        if is_weighted(cohort):
            raise UnsupportedError("pseudo-values hold without weights and clusters.")
        code = outcome_code(cohort, question.outcome)
        groups = groups_of(cohort, question, self.by)
        competing = self.quantity == "cumulative incidence"
        causes = len(cohort.follow_up.outcomes) if competing else 1
        codes = tuple(range(1, causes + 1)) if competing else (code,)
        records = curve_records(groups, codes, None)
        once_only(records, "a pseudo-value")
        parts = []
        for place, word in enumerate(groups.words):
            mine = records.where(records.group == place)
            mine = _alone(mine)
            persons, unit = np.unique(mine.person, return_inverse=True)
            values = self._values(mine, unit.reshape(-1), causes, code - 1 if competing else 0)
            parts.append(
                pl.DataFrame(
                    {
                        PERSON: np.repeat(persons, len(self.times)).astype(np.uint32),
                        "group": [word] * values.size,
                        "time": np.tile(np.array(self.times, dtype=np.float64), persons.size),
                        "pseudo_value": values.reshape(-1),
                    }
                )
            )
        return pl.concat(parts)

    def _values(self, records: CurveRecords, unit: Codes, causes: int, cause: int) -> Floats:
        """Pseudo-values (persons, t) of the records of one group."""
        timeline = timeline_of(records, causes)
        persons = int(unit.max()) + 1
        times = np.array(self.times, dtype=np.float64)
        read = _reader(self.quantity, timeline, times)
        whole = read(
            timeline.at_risk[None, :],
            timeline.any_event[None, :],
            timeline.events[:, cause][None, :],
        )
        if self.jackknife == "leave-one-out":
            without = left_out(timeline, records, unit, cause, read)
            return np.asarray(persons * whole - (persons - 1) * without)
        influence = self._influence(timeline, records, cause)
        summed = np.column_stack([np.bincount(unit, column, persons) for column in influence.T])
        return np.asarray(whole + persons * summed)

    def _influence(self, timeline: Timeline, records: CurveRecords, cause: int) -> Floats:
        times = np.array(self.times, dtype=np.float64)
        slot = timeline.slot_at(times)
        if self.quantity == "cumulative incidence":
            return incidence_influence(incidences_of(timeline), records, cause, slot)
        limit = product_limit(timeline)
        if self.quantity == "survival":
            return survival_influence(timeline, limit, records, slot)
        columns = []
        for until in self.times:
            left = timeline.remaining(survival_areas(timeline, limit, until, 0.0)[0])
            columns.append(
                influence_over_time(timeline, records, left * limit.odds, left * limit.left)
            )
        return np.column_stack(columns)


def _alone(records: CurveRecords) -> CurveRecords:
    """The records of one group, numbered 0."""
    return CurveRecords(
        records.entry,
        records.exit,
        records.event,
        records.weight,
        np.zeros_like(records.group),
        records.person,
        records.cluster,
    )


def _reader(quantity: Quantity, timeline: Timeline, times: Floats) -> Read:
    """How a quantity at the times (t,) is read off tables of at risk and events."""
    slot = timeline.slot_at(times)[0]

    def at_times(values: Floats, start: float) -> Floats:
        return np.where(slot >= 0, values[:, np.maximum(slot, 0)], start)

    def areas(survival: Floats) -> Floats:
        ends = np.minimum(np.append(timeline.time[1:], np.inf), times[:, None])
        widths = np.maximum(ends - timeline.time, 0.0)
        return np.asarray(survival @ widths.T + np.minimum(timeline.time[0], times))

    if quantity == "survival":
        return lambda at_risk, events, mine: at_times(survival_of(at_risk, events), 1.0)
    if quantity == "restricted mean":
        return lambda at_risk, events, mine: areas(survival_of(at_risk, events))
    return lambda at_risk, events, mine: at_times(incidence_of(at_risk, events, mine), 0.0)
