"""When a site says no: too few events, too few persons in a group, one person who carries all.

What a site sends are sums; these rules see to it that no sum is of a few. Hundepool et al. (2012),
Statistical Disclosure Control, sections 4.2 and 5.2 (frequency and dominance rules); the numbers
are ours.
"""

import numpy as np
import polars as pl

from cohort.declaration import PERSON
from cohort.errors import UnsupportedError
from cohort.variables import Binary, Categorical, Variable

from ..cox.influence import sums_by
from ..records import Floats
from .messages import StratumCounts
from .parts import Part, TaskRecords
from .tasks import Task

FEWEST_EVENTS = 10
EVENTS_PER_COLUMN = 10
LARGEST_SHARE = 0.5
"""Of the summed risk of a site that one person may carry at the coefficients asked for."""


def check_events(name: str, held: TaskRecords) -> None:
    """Refuse a model with too few events at this site for sums to hide anybody.

    Raises UnsupportedError saying what to do.
    """
    events, p = int(held.records.event.sum()), held.values.shape[1]
    cases = int(np.unique(held.records.person[held.records.event]).size)
    if cases < FEWEST_EVENTS or p * EVENTS_PER_COLUMN > events:
        raise UnsupportedError(
            f"the model '{name}' has {p} column{'s' if p > 1 else ''} and too few events at this "
            f"site: expected at least {FEWEST_EVENTS} persons with the event, and "
            f"{EVENTS_PER_COLUMN} events for each column, before sums leave it. Join with another "
            "site, or agree on a model with fewer terms."
        )


def check_groups(name: str, columns: tuple[str, ...], held: TaskRecords, smallest: int) -> None:
    """Refuse a group of the model that few persons of this site are in, or few are not in.

    Raises UnsupportedError naming the columns.
    """
    values, person = held.values, held.records.person
    few = []
    for column, label in zip(values.T, columns, strict=True):
        if not np.isin(column, (0.0, 1.0)).all():
            continue
        sizes = [np.unique(person[column == value]).size for value in (0.0, 1.0)]
        if min(sizes) and min(sizes) < smallest:
            few.append(label)
    if few:
        raise UnsupportedError(
            f"the model '{name}' compares a group of fewer than {smallest} persons at this site "
            f"({', '.join(few[:5])}): join levels in the shared document, or restrict the study "
            "to sites that have enough."
        )


def check_levels(
    task: Task, variables: tuple[Variable, ...], held: TaskRecords, smallest: int
) -> None:
    """Refuse a level that few persons of this site have, the reference levels among them.

    A level of the exposure within one of the modifier counts as a level too.

    Raises UnsupportedError naming the variables.
    """
    model, frame = task.model, held.frame
    discrete = {one.name for one in variables if isinstance(one, (Binary, Categorical))}
    read = [name for term in (*model.terms, model.exposure) for name in term.names]
    groups = [[name] for name in dict.fromkeys(read) if name in discrete]
    if model.modifier is not None:
        within = [name for name in model.exposure.names if name in discrete]
        groups += [[model.modifier], *([name, model.modifier] for name in within)]
    few = []
    for names in groups:
        sizes = frame.group_by(names).agg(pl.col(PERSON).n_unique())[PERSON]
        if sizes.to_numpy().min(initial=smallest) < smallest:
            few.append(" by ".join(f"'{name}'" for name in names))
    if few:
        raise UnsupportedError(
            f"the model '{task.name}' has a level of {', '.join(few[:5])} with fewer than "
            f"{smallest} persons at this site: join levels in the shared document, or restrict the "
            "study to sites that have enough."
        )


def check_strata(name: str, strata: tuple[StratumCounts, ...], smallest: int) -> None:
    """Refuse sampling strata of few drawn persons or few cases.

    Raises UnsupportedError. How many cases were drawn into the subcohort is a fact about the
    sampling, and is not held back.
    """
    small = [
        one.stratum
        for one in strata
        if any(0 < count < smallest for count in (one.drawn, one.present, one.cases, one.controls))
    ]
    if small:
        raise UnsupportedError(
            f"{len(small)} of {len(strata)} sampling strata of the model '{name}' have fewer than "
            f"{smallest} drawn persons or cases at this site: join sampling strata."
        )


def check_dominance(part: Part, beta: Floats) -> None:
    """Refuse coefficients (p,) at which the sums are those of one person.

    Raises UnsupportedError. Coefficients far from any estimate single out whoever has the largest
    values; a coordinator who asks for them learns about her.
    """
    records = part.problem.records
    linear = part.problem.terms @ (beta * part.scale) + records.offset
    risk = records.risk_weight * np.exp(linear - linear.max(initial=-np.inf))
    by_person = sums_by(records.person, risk[:, None])
    total = float(by_person.sum())
    if not (np.isfinite(total) and by_person.max() <= LARGEST_SHARE * total):
        raise UnsupportedError(
            f"at the coefficients asked for in '{part.fit}', one person carries more than "
            f"{100 * LARGEST_SHARE:g} % of the risk at this site, and the sums would be hers: look "
            "for a wrong unit or an extreme value, or ask the coordinator why."
        )
