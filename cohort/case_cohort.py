"""Settling a case-cohort at the door: who is in the sample, and what share was drawn."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .cohort import Cohort
from .declaration import EVENT, PERSON, SAMPLING_STRATUM, SUBCOHORT
from .designs import CaseCohort
from .errors import DesignError, counted, row_list
from .followup import HAPPENED
from .variables import Code

Counts = int | Mapping[Code, int]


def settled(cohort: Cohort) -> Cohort:
    """Keep subcohort and cases; count the cohort where the data hold it; check the sizes.

    Raises DesignError when sizes are contradicted by the data or a stratum has none.
    """
    design = cohort.design
    if not isinstance(design, CaseCohort):
        return cohort
    measured = cohort.frame[SUBCOHORT].to_numpy() | is_case(cohort, design)
    persons = cohort.frame[PERSON].to_numpy()
    measured = np.bincount(persons, measured)[persons] > 0
    if not measured.all():
        design = _sized_by_the_data(cohort, design)
    design = replace(design, drawn=_persons_by_stratum(cohort.frame.filter(SUBCOHORT), design))
    _check_sizes(cohort, design)
    cohort = replace(cohort, declaration=replace(cohort.declaration, design=design))
    if measured.all():
        return cohort
    return cohort.keep_records(measured, "not sampled (neither subcohort nor case)")


def is_case(cohort: Cohort, design: CaseCohort) -> NDArray[np.bool_]:
    """Records that end with an outcome whose cases were all measured, (n,).

    Raises DesignError when ``cases`` names no outcome of the cohort.
    """
    outcomes = cohort.follow_up.outcomes
    strange = [name for name in design.cases if name not in outcomes]
    if strange:
        raise DesignError(f"cases names '{strange[0]}', which is no outcome of {outcomes!r}.")
    codes = [outcomes.index(name) + HAPPENED for name in design.cases] or [HAPPENED]
    return np.isin(cohort.frame[EVENT].to_numpy(), codes)


def share_drawn(design: CaseCohort) -> float | dict[Code, float]:
    """The share of the cohort, or of each stratum, that was drawn into the subcohort.

    Raises DesignError when the size of the cohort was not given.
    """
    size, drawn = design.cohort_size, design.drawn
    if isinstance(size, Mapping) and isinstance(drawn, Mapping):
        return {stratum: drawn.get(stratum, 0) / persons for stratum, persons in size.items()}
    if isinstance(size, int) and isinstance(drawn, int):
        return drawn / size
    raise DesignError(
        "the case-cohort design does not say how large the cohort was"
        + (" in each sampling stratum" if design.stratum is not None else "")
        + ": give cohort_size, the persons before sampling"
        + (", as {stratum: persons}." if design.stratum is not None else ".")
    )


def _persons_by_stratum(frame: pl.DataFrame, design: CaseCohort) -> Counts:
    if design.stratum is None:
        return int(frame[PERSON].n_unique())
    table = frame.group_by(SAMPLING_STRATUM).agg(pl.col(PERSON).n_unique())
    return dict(sorted(table.iter_rows(), key=lambda row: str(row[0])))


def _sized_by_the_data(cohort: Cohort, design: CaseCohort) -> CaseCohort:
    """The data hold unsampled persons, so they must be the whole cohort: sizes are counted."""
    counted = _persons_by_stratum(cohort.frame, design)
    declared = design.cohort_size
    if isinstance(declared, Mapping):
        agrees = dict(declared) == counted
    else:
        agrees = declared is None or declared == cohort.persons
    if not agrees:
        told = dict(declared) if isinstance(declared, Mapping) else f"{declared:,}"
        raise DesignError(
            f"The file holds {cohort.persons:,} persons, sampled and not, but cohort_size = "
            f"{told}: give the size of the cohort before sampling, or leave it out."
        )
    return replace(design, cohort_size=counted)


def _check_sizes(cohort: Cohort, design: CaseCohort) -> None:
    if design.stratum is not None:
        unknown = cohort.frame[SAMPLING_STRATUM].is_null()
        if unknown.any():
            raise DesignError(
                f"{counted(unknown.sum(), 'records have')} no sampling stratum in "
                f"'{design.stratum}' "
                f"({row_list(unknown.arg_true())})."
            )
    size = design.cohort_size
    if isinstance(size, Mapping):
        present = cohort.frame[SAMPLING_STRATUM].unique().to_list()
        lacking = [stratum for stratum in present if stratum not in size]
        if lacking:
            raise DesignError(
                f"cohort_size gives no size for {len(lacking)} of {len(present)} sampling strata "
                f"of '{design.stratum}', as written in that column."
            )
    total = sum(size.values()) if isinstance(size, Mapping) else size
    if total is not None and total < cohort.persons:
        raise DesignError(
            f"the data hold {cohort.persons:,} persons, more than cohort_size = {total:,}: the "
            "subcohort would be more than the whole cohort."
        )
