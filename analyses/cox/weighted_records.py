"""From a cohort, its design and a weighting to risk records: one function per weighting."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from cohort.case_cohort import share_drawn
from cohort.cohort import Cohort
from cohort.declaration import (
    CASE,
    CLUSTER,
    ENTRY,
    EVENT,
    EXIT,
    INCLUSION,
    OFFSET,
    PERSON,
    SAMPLING_STRATUM,
    SET,
    STRATUM,
    SUBCOHORT,
    WEIGHT,
)
from cohort.designs import CaseCohort
from cohort.errors import DesignError, QuestionError, UnsupportedError, nearest
from cohort.followup import HAPPENED

from ..records import Codes, Flags, Floats, RiskRecords
from ..sums_by_code import counts_of
from .slot_sums import risk_sums
from .slots import Slots, slots_of


def outcome_code(cohort: Cohort, outcome: str | None) -> int:
    """The event code of an outcome; the cohort's own without one.

    Raises QuestionError naming the nearest declared outcome.
    """
    outcomes = cohort.follow_up.outcomes
    if outcome is None:
        return HAPPENED
    if outcome not in outcomes:
        raise QuestionError(f"no outcome '{outcome}' is declared; {nearest(outcome, outcomes)}")
    return HAPPENED + outcomes.index(outcome)


def plain_records(frame: pl.DataFrame, code: int, strata: tuple[str, ...]) -> RiskRecords:
    """Records as they stand: the full cohort, weighted by its sampling weight if it has one.

    frame : of a cohort, without missing values. strata : columns that cross to strata.
    """
    n = len(frame)
    weight = frame[WEIGHT].to_numpy() if WEIGHT in frame.columns else np.ones(n)
    person = frame[PERSON].to_numpy().astype(np.int64)
    return RiskRecords(
        entry=frame[ENTRY].to_numpy(),
        exit=frame[EXIT].to_numpy(),
        event=frame[EVENT].to_numpy() == code,
        event_weight=weight,
        risk_weight=weight,
        offset=frame[OFFSET].to_numpy() if OFFSET in frame.columns else np.zeros(n),
        stratum=crossed(frame, strata),
        person=person,
        cluster=frame[CLUSTER].to_numpy().astype(np.int64) if CLUSTER in frame.columns else person,
    )


def strata_columns(cohort: Cohort, strata: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that make strata: the question's, and that of the follow-up if it has one."""
    for name in strata:
        cohort.variable(name)
    own = cohort.follow_up.stratum
    return strata if own is None or own in strata else (*strata, STRATUM)


def crossed(frame: pl.DataFrame, columns: tuple[str, ...]) -> Codes:
    """Codes from 0 of the combinations of columns that occur, (n,)."""
    code = np.zeros(len(frame), dtype=np.int64)
    for name in columns:
        level = frame[name].rank("dense").to_numpy().astype(np.int64) - 1
        code = code * (int(level.max(initial=0)) + 1) + level
    if len(columns) < 2:
        return code
    return np.unique(code, return_inverse=True)[1].astype(np.int64).reshape(-1)


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """How the records of a case-cohort came to be measured, each (n,).

    stratum : sampling stratum, codes from 0. share : share of the stratum's persons that was drawn
    into the subcohort.
    """

    subcohort: Flags
    stratum: Codes
    share: Floats

    def where(self, keep: Flags) -> "Sampling":
        """The records where ``keep`` (n,) is true."""
        if keep.all():
            return self
        return Sampling(self.subcohort[keep], self.stratum[keep], self.share[keep])


def sampling_of(frame: pl.DataFrame, design: CaseCohort) -> Sampling:
    """The sampling facts of a case-cohort's records.

    Raises DesignError when the design does not give the size of the cohort, or nobody was drawn
    from a sampling stratum that has cases.
    """
    drawn = share_drawn(design)
    n = len(frame)
    subcohort = frame[SUBCOHORT].to_numpy()
    if isinstance(drawn, float):
        return Sampling(subcohort, np.zeros(n, dtype=np.int64), np.full(n, drawn))
    strata = frame[SAMPLING_STRATUM].to_list()
    codes = {stratum: code for code, stratum in enumerate(drawn)}
    empty = sum(1 for stratum in codes if drawn[stratum] == 0 and stratum in strata)
    if empty:
        raise DesignError(
            f"nobody was drawn into the subcohort from {empty} of {len(codes)} sampling strata "
            "that have cases: join these strata with others."
        )
    return Sampling(
        subcohort,
        np.array([codes[stratum] for stratum in strata], dtype=np.int64),
        np.array([drawn[stratum] for stratum in strata]),
    )


def is_case(records: RiskRecords) -> Flags:
    """Records of persons who have the event in any record, (n,)."""
    return np.bincount(records.person, records.event)[records.person] > 0


def prentice(records: RiskRecords, subcohort: Flags) -> tuple[RiskRecords, Flags]:
    """Risk sets of the subcohort and the failing case; returns which records were kept too.

    A case outside the subcohort enters just before she fails, so that she is in no risk set but
    her own; her earlier records are left out.
    """
    entry, outside = records.entry.copy(), np.flatnonzero(~subcohort)
    entry[outside] = np.nextafter(records.exit[outside], -np.inf)
    kept = subcohort | records.event
    return replace(records, entry=entry).where(kept), kept


def subcohort_alone(records: RiskRecords, sampling: Sampling) -> tuple[RiskRecords, Flags]:
    """Risk sets of the subcohort alone, weighted by the inverse of the share drawn.

    A case outside counts as an event with risk weight 0. With one stratum the weight is the same
    for all and changes nothing (Self and Prentice); with several it is Borgan's estimator I.
    """
    kept = sampling.subcohort | records.event
    weight = sampling.subcohort / sampling.share
    return replace(records, risk_weight=weight).where(kept), kept


def without_empty_risk_sets(records: RiskRecords) -> tuple[RiskRecords, int]:
    """Events that happen while nobody with a risk weight is at risk carry no information.

    Returns the records with such events given event weight 0, and their number.
    """
    alone = events_alone(records, slots_of(records))
    if not alone.size:
        return records, 0
    weight = records.event_weight.copy()
    weight[alone] = 0.0
    return replace(records, event_weight=weight), int(alone.size)


def events_alone(records: RiskRecords, slots: Slots) -> Codes:
    """Records whose event happens while nobody with a risk weight is at risk."""
    there = (records.risk_weight > 0).astype(np.float64)[slots.active]
    at_risk = risk_sums(slots.of_active(), there, np.empty((there.size, 0))).s0
    return slots.death[at_risk[slots.death_slot] < 0.5]


def inverse_probability(
    records: RiskRecords, sampling: Sampling
) -> tuple[RiskRecords, Flags, Floats]:
    """Every case with weight 1, each subcohort non-case with the inverse of her share drawn.

    Returns the records, which were kept, and for each the share of her stratum's non-cases that
    was drawn, (m,). The cohort's non-cases are its size, the drawn persons over their share, less
    its cases, all of whom are in the sample.
    """
    case = is_case(records)
    first = np.zeros(records.size, dtype=bool)
    first[np.unique(records.person, return_index=True)[1]] = True
    strata = int(sampling.stratum.max(initial=0)) + 1

    def persons(which: Flags) -> Floats:
        return counts_of(sampling.stratum, (first & which).astype(np.float64), strata)

    drawn = persons(sampling.subcohort)
    share = np.ones(strata)
    share[sampling.stratum] = sampling.share
    non_cases = drawn / share - persons(case)
    sampled = drawn - persons(case & sampling.subcohort)
    need_controls(non_cases, sampled)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(sampled > 0, np.minimum(sampled / non_cases, 1.0), 1.0)
    each = fraction[sampling.stratum]
    weight = np.where(case, 1.0, 1.0 / each)
    kept = case | sampling.subcohort
    weighted = replace(records, event_weight=weight, risk_weight=weight)
    return weighted.where(kept), kept, each[kept]


def need_controls(non_cases: Floats, sampled: Floats) -> None:
    """Refuse strata (s,) whose estimated non-cases are fewer than those who were drawn.

    Raises DesignError: their weights would be below 1, or negative.
    """
    short = sampled > non_cases * (1 + 1e-9) + 1e-9
    if short.any():
        raise DesignError(
            f"in {short.sum()} of {short.size} sampling strata the cohort's non-cases, estimated "
            "from the persons drawn and the share that they are, are fewer than the non-cases in "
            "the sample: too few are left there (after exclusions, or records without a value), or "
            "cohort_size is wrong. Join strata, complete the records, or use Prentice() or "
            "BorganI(), which need no such estimate."
        )


def matched_sets(records: RiskRecords, frame: pl.DataFrame) -> RiskRecords:
    """Each matched set as a stratum of its own, its members at risk at its case's time alone.

    Which record is the case stands in the design; without it, in the event.

    Raises UnsupportedError when a declared stratum divides a set: its members would no longer be
    compared.
    """
    case = frame[CASE].to_numpy() if CASE in frame.columns else records.event
    sets = frame[SET].rank("dense").to_numpy().astype(np.int64) - 1
    n = records.size
    divided = np.unique(np.column_stack((sets, records.stratum)), axis=0).shape[0]
    divided -= int(sets.max(initial=-1)) + 1
    if divided:
        raise UnsupportedError(
            "cases are compared within matched sets, each with a baseline hazard of its own, and "
            "the strata asked for divide some of them: leave strata out, or adjust for the "
            "variable."
        )
    return replace(records, entry=np.full(n, -np.inf), exit=np.ones(n), event=case, stratum=sets)


def inclusion_weighted(records: RiskRecords, frame: pl.DataFrame) -> tuple[RiskRecords, Flags]:
    """Each person of a nested case-control sample once, weighted by 1 / P(ever drawn).

    Raises UnsupportedError when the design gives no inclusion probabilities or a person has
    several records, whose weights would need her whole follow-up.
    """
    if INCLUSION not in frame.columns:
        raise UnsupportedError(
            "Samuelsen() needs each person's probability of being drawn: give "
            "inclusion in the design, or draw the sample with draw_nested_case_control from "
            "a cohort with one record a person."
        )
    n = records.size
    first = np.zeros(n, dtype=bool)
    first[np.unique(records.person, return_index=True)[1]] = True
    begins = np.full(int(records.person.max(initial=0)) + 1, np.nan)
    begins[records.person[first]] = records.exit[first]
    if (records.exit != begins[records.person]).any():
        raise UnsupportedError(
            "Samuelsen() is not built for persons with several records: their covariates outside "
            "the drawn sets are not in the sample."
        )
    weight = 1.0 / frame[INCLUSION].to_numpy()
    return replace(records, event_weight=weight, risk_weight=weight).where(first), first
