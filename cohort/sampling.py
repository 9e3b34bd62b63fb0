"""Drawing a sample from a full cohort: a subcohort, or matched controls for each case.

The design that comes out keeps what its analysis needs: the size of the cohort and the persons
drawn by stratum; the risk sets' sizes and each person's probability of ever being drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .case_cohort import settled
from .cohort import Cohort
from .declaration import (
    AT_RISK,
    CASE,
    ENTRY,
    EVENT,
    EXIT,
    INCLUSION,
    PERSON,
    SAMPLING_STRATUM,
    SET,
    SUBCOHORT,
    WEIGHT,
)  # fmt: skip
from .designs import CaseCohort, FullCohort, NestedCaseControl
from .errors import DesignError, counted
from .followup import HAPPENED
from .variables import Code

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def draw_case_cohort(
    cohort: Cohort,
    *,
    size: int | Mapping[Code, int],
    stratum: str | None = None,
    cases: tuple[str, ...] = (),
    seed: int,
) -> Cohort:
    """A case-cohort: a random subcohort of persons, and every case.

    size : persons to draw, or ``{level: persons}`` of a variable named in stratum. cases : the
    outcomes whose cases are all kept; the declared outcome alone without it. seed : whole number.

    Raises DesignError when the cohort is itself a sample or a stratum is smaller than its size.
    """
    _need_full(cohort)
    rng = np.random.default_rng(seed)
    people = _first_records(cohort)
    chosen = np.zeros(int(people[PERSON].to_numpy().max()) + 1, dtype=bool)
    if isinstance(size, Mapping):
        if stratum is None:
            raise DesignError("sizes are given by level, but no stratum= variable is named.")
        cohort.variable(stratum)
        for level, persons in size.items():
            pool = people.filter(pl.col(stratum) == level)[PERSON].to_numpy()
            chosen[_draw(rng, pool, persons, f"stratum {level!r} of '{stratum}'")] = True
    else:
        chosen[_draw(rng, people[PERSON].to_numpy(), size, "the cohort")] = True
    drawn = pl.Series(SUBCOHORT, chosen[cohort.frame[PERSON].to_numpy()])
    frame = cohort.frame.with_columns(drawn)
    if stratum is not None:
        frame = frame.with_columns(pl.col(stratum).alias(SAMPLING_STRATUM))
    counts: int | dict[Code, int] = cohort.persons
    if stratum is not None:
        counts = dict(people.group_by(stratum, maintain_order=True).len().iter_rows())
    design = CaseCohort(SUBCOHORT, counts, stratum, cases)
    declaration = replace(cohort.declaration, design=design)
    return settled(replace(cohort, frame=frame, declaration=declaration))


def draw_nested_case_control(
    cohort: Cohort, *, controls: int, matching: Sequence[str] = (), seed: int
) -> Cohort:
    """For each case, controls drawn from those at risk when it occurred.

    controls : at most this many for a case, without replacement within its set; persons at risk
    at its time with the same levels of the matching variables, herself excepted. A later case may
    be a control. Inclusion probabilities are Samuelsen's (1997, Biometrika 84:379, section 2);
    they are left out when a person has several records, of which a set holds only one.

    Raises DesignError when the cohort is itself a sample or controls is below 1.
    """
    _need_full(cohort)
    if controls < 1:
        raise DesignError(f"controls = {controls}: expected at least 1 for each case.")
    frame = cohort.frame
    cell = _cells(cohort, matching)
    rng = np.random.default_rng(seed)
    entry, exit_, person = (frame[name].to_numpy() for name in (ENTRY, EXIT, PERSON))
    cases = np.flatnonzero(frame[EVENT].to_numpy() == HAPPENED)
    cases = cases[np.argsort(exit_[cases], kind="stable")]
    never = np.ones(int(person.max(initial=0)) + 1)
    rows, sets, flags, sizes = [], [], [], []
    for number, case in enumerate(cases):
        at_risk = np.flatnonzero(
            (entry < exit_[case]) & (exit_ >= exit_[case]) & (cell == cell[case])
        )
        others = at_risk[person[at_risk] != person[case]]
        drawn = rng.choice(others, min(controls, others.size), replace=False)
        never[person[others]] *= 1.0 - min(1.0, controls / max(others.size, 1))
        members = np.concatenate(([case], np.sort(drawn)))
        rows.append(members)
        sets.append(np.full(members.size, number))
        flags.append(members == case)
        sizes.append(np.full(members.size, float(at_risk.size)))
    if not rows:
        raise DesignError("the cohort has no event, so there is no case to draw controls for.")
    never[person[cases]] = 0.0
    place = np.concatenate(rows)
    sampled = frame[place].with_columns(
        pl.Series(SET, np.concatenate(sets).astype(np.uint32)),
        pl.Series(CASE, np.concatenate(flags)),
        pl.Series(AT_RISK, np.concatenate(sizes)),
    )
    design = NestedCaseControl(SET, CASE, at_risk=AT_RISK)
    if np.bincount(person).max() == 1:
        sampled = sampled.with_columns(pl.Series(INCLUSION, 1.0 - never[person[place]]))
        design = replace(design, inclusion=INCLUSION)
    drawn_cohort = replace(cohort, declaration=replace(cohort.declaration, design=design))
    return drawn_cohort.with_frame(sampled, "not sampled (neither case nor control)")


def with_inclusion(cohort: Cohort, *, matching: Sequence[str] = ()) -> Cohort:
    """A nested case-control sample with each person's probability of ever having been drawn.

    For samples drawn elsewhere, whose sets give the number at risk (``at_risk=``, the case
    included). matching : the variables on which controls were matched; sets of other levels could
    not have drawn her. A case has probability 1. Samuelsen (1997), Biometrika 84:379, section 2.

    Raises DesignError when the design is no nested case-control sample with risk-set sizes.
    """
    design = cohort.design
    if not isinstance(design, NestedCaseControl) or AT_RISK not in cohort.frame.columns:
        raise DesignError(
            "inclusion probabilities need a nested case-control sample whose design names the "
            "number at risk in each set: NestedCaseControl(matched_set=, at_risk=)."
        )
    frame = cohort.frame
    cell = _cells(cohort, matching)
    case = (frame[CASE] if CASE in frame.columns else frame[EVENT] == HAPPENED).to_numpy()
    sets = frame[SET].to_numpy().astype(np.int64)
    drawn = np.bincount(sets, ~case)
    place = np.flatnonzero(case)
    at_risk = frame[AT_RISK].to_numpy()[place]
    missed = 1.0 - np.minimum(drawn[sets[place]] / np.maximum(at_risk - 1.0, 1.0), 1.0)
    time = frame[EXIT].to_numpy()[place]
    entry, exit_ = frame[ENTRY].to_numpy(), frame[EXIT].to_numpy()
    never = np.empty(len(frame))
    for row in range(len(frame)):
        open_to = (time <= exit_[row]) & (time > entry[row]) & (cell[place] == cell[row])
        never[row] = missed[open_to].prod()
    ever = frame[PERSON].is_in(frame.filter(pl.Series(case))[PERSON].implode()).to_numpy()
    has_event = (frame[EVENT] == HAPPENED).to_numpy()
    inclusion = pl.Series(INCLUSION, np.where(ever | has_event, 1.0, 1.0 - never))
    named = replace(design, inclusion=INCLUSION)
    declared = replace(cohort.declaration, design=named)
    return replace(cohort, frame=frame.with_columns(inclusion), declaration=declared)


def _need_full(cohort: Cohort) -> None:
    if not isinstance(cohort.design, FullCohort):
        raise DesignError(
            f"the cohort is a {type(cohort.design).__name__} already: draw from the full cohort."
        )
    if WEIGHT in cohort.frame.columns:
        raise DesignError("the cohort has sampling weights: draw from an unweighted full cohort.")


def _first_records(cohort: Cohort) -> pl.DataFrame:
    return cohort.frame.sort(PERSON, ENTRY).unique(PERSON, keep="first", maintain_order=True)


def _draw(rng: np.random.Generator, pool: Places, persons: int, where: str) -> Places:
    if not 0 < persons <= pool.size:
        raise DesignError(f"{persons:,} persons cannot be drawn from the {pool.size:,} of {where}.")
    return np.asarray(rng.choice(np.sort(pool), persons, replace=False))


def _cells(cohort: Cohort, matching: Sequence[str]) -> Places:
    """A code for the combination of matching levels of each record, (n,)."""
    code = np.zeros(len(cohort.frame), dtype=np.int64)
    for name in matching:
        cohort.variable(name)
        series = cohort.frame[name]
        if series.null_count():
            raise DesignError(
                f"{counted(series.null_count(), 'records lack')} the matching variable '{name}'."
            )
        level = series.rank("dense").to_numpy().astype(np.int64)
        code = code * (int(level.max(initial=0)) + 1) + level
    return code
