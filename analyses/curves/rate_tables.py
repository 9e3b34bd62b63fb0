"""Events and person-time of two levels of an exposure, stratum by stratum."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cohort.cohort import Cohort, Step, time_at_risk
from cohort.declaration import EVENT, PERSON
from cohort.errors import FollowUpError, QuestionError, UnsupportedError, counted, row_list
from cohort.variables import Categorical

from ..cox.weighted_records import outcome_code
from ..question import Question
from ..records import Flags, Floats
from ..sums_by_code import counts_of
from ..terms import reference_word
from .records import Groups, groups_of, whole_cohort_only
from .survival import is_weighted


@dataclass(frozen=True, slots=True)
class RateTable:
    """One stratum: events and person-time of the level and of the reference."""

    stratum: str | None
    exposed: tuple[int, float]
    unexposed: tuple[int, float]

    @property
    def counts(self) -> tuple[tuple[int, float], tuple[int, float]]:
        """Events and person-time of both."""
        return self.exposed, self.unexposed

    def array(self) -> Floats:
        """The same as an array (4, 1): events, time, reference events, reference time."""
        return np.array([[*self.exposed, *self.unexposed]], dtype=np.float64).T


@dataclass(frozen=True, slots=True)
class Level:
    """A level against the reference, in every stratum that has both."""

    contrast: str
    strata: tuple[RateTable, ...]

    def counts(self) -> Floats:
        """All strata, (4, strata): events, time, reference events, reference time."""
        return np.column_stack([one.array() for one in self.strata])

    def labels(self, stratum: RateTable | None, measure: str) -> dict[str, Any]:
        """The columns that say what a row compares, in one stratum or over all."""
        counts = self.counts() if stratum is None else stratum.array()
        return {
            "measure": measure,
            "contrast": self.contrast,
            "modifier_level": None if stratum is None else stratum.stratum,
            "events": int(counts[[0, 2]].sum()),
            "person_time": float(counts[[1, 3]].sum()),
        }


@dataclass(frozen=True, slots=True)
class RateTables:
    """Every level against the reference, and what their rows share."""

    levels: tuple[Level, ...]
    shared: dict[str, Any]
    about: str
    steps: tuple[tuple[str, Step], ...]

    def sentence(self, what: str, limits: str, conf_level: float) -> str:
        """The method sentence."""
        return f"{what} {self.about}; {100 * conf_level:g} % {limits}."


def rate_tables(cohort: Cohort, question: Question, conf_level: float) -> RateTables:
    """The tables of a question.

    Raises UnsupportedError for a sampled design, weights, clusters or several events in a person,
    FollowUpError for events at time 0, QuestionError without a reference level.
    """
    whole_cohort_only(cohort, "a rate")
    if is_weighted(cohort):
        raise UnsupportedError(
            "comparisons of rates hold without weights and clusters: Cox() with Robust() compares "
            "hazards with them, and IncidenceRate() gives each rate with a robust interval."
        )
    code = outcome_code(cohort, question.outcome)
    groups = groups_of(cohort, question, "exposure")
    happened = groups.frame[EVENT].to_numpy() == code
    no_event_at_zero(groups, happened)
    if has_recurrent(groups, happened):
        raise UnsupportedError(
            "some persons have several events, which are not independent: Cox() with Robust() "
            "compares hazards with them."
        )
    size = len(groups.words)
    events = np.bincount(groups.code[happened], minlength=size)
    time = counts_of(groups.code, time_at_risk(groups.frame), size)
    outcome = question.outcome or cohort.follow_up.outcome
    shared = {
        "outcome": outcome,
        "exposure": question.exposure,
        "variable": groups.variable,
        "adjustment": "crude",
        "conf_level": conf_level,
        "dropped": len(cohort.frame) - len(groups.frame),
        "converged": True,
    }
    within = f" within {' and '.join(question.strata)}" if question.strata else ""
    about = f"of '{outcome}' by {question.exposure}{within}; time scale: {cohort.scale.name}"
    return RateTables(
        _levels(cohort, groups, events, time),
        shared,
        about,
        tuple(("crude", one) for one in groups.steps),
    )


def reference_of(cohort: Cohort, groups: Groups) -> str | None:
    """The word of the exposure's reference level; None where none is declared."""
    if groups.variable is None:
        return None
    variable = cohort.variable(groups.variable)
    return (reference_word(variable) or None) if isinstance(variable, Categorical) else "no"


def _levels(
    cohort: Cohort, groups: Groups, events: np.ndarray[Any, np.dtype[np.int64]], time: Floats
) -> tuple[Level, ...]:
    reference = reference_of(cohort, groups)
    if reference is None:
        raise QuestionError(
            f"variable '{groups.variable}' has no reference level: declare reference = one of its "
            "levels; none is chosen for you."
        )
    home = {
        stratum: place
        for place, (word, stratum) in enumerate(zip(groups.exposure, groups.stratum, strict=True))
        if word == reference
    }
    found: dict[str, list[RateTable]] = {}
    for place, (word, stratum) in enumerate(zip(groups.exposure, groups.stratum, strict=True)):
        if word == reference or stratum not in home:
            continue
        against = home[stratum]
        one = RateTable(
            stratum,
            (int(events[place]), float(time[place])),
            (int(events[against]), float(time[against])),
        )
        found.setdefault(f"{word} vs {reference}", []).append(one)
    if not found:
        raise QuestionError(
            f"no level of '{groups.variable}' stands beside its reference '{reference}' in these "
            "records: there is nothing to compare."
        )
    return tuple(Level(contrast, tuple(strata)) for contrast, strata in found.items())


def no_event_at_zero(groups: Groups, happened: Flags) -> None:
    """Refuse events (n,) without person-time before them.

    Raises FollowUpError naming the rows.
    """
    at_zero = happened & (time_at_risk(groups.frame) <= 0)
    if at_zero.any():
        raise FollowUpError(
            f"{counted(at_zero.sum(), 'events happen')} at time 0, with no person-time before "
            f"({row_list(np.flatnonzero(at_zero))}): a rate needs time at risk. Take these records "
            "out with a reason, or give the exit in finer units."
        )


def has_recurrent(groups: Groups, happened: Flags) -> bool:
    """Whether any person has more than one event."""
    person = groups.frame[PERSON].to_numpy()
    return bool(np.bincount(person[happened]).max(initial=0) > 1)
