"""A site answers one message on its own records; nothing but sums over many persons leaves it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cohort.cohort import Cohort, each_once, time_at_risk
from cohort.errors import ConvergenceError, NotEstimableError, StudyError, nearest

from ..cox.estimator import Cox
from ..cox.newton import Maximum, maximise
from ..cox.plan import plan_for
from ..cox.words import variance_word
from ..study.parts import Study
from .guards import check_dominance, check_events, check_groups, check_levels, check_strata
from .messages import PROTOCOL, Answer, Ask, Head, Message, Opening, Start, Sums
from .parts import (
    Part,
    Sample,
    TaskRecords,
    parts_of,
    semi_definite,
    square,
    stratum_counts,
    sums_of,
    task_records,
    vector,
)
from .tasks import Task, document_hash, tasks_of, with_robust_plan

Cohorts = Mapping[str | None, Cohort]
"""The cohort of a site by follow-up: None is the study's own, the others have names."""


# A question far from any estimate overflows: its sums are then not finite, and refused.
@np.errstate(over="ignore", invalid="ignore")
def answer(study: Study, cohorts: Cohorts, message: Message, *, site: str, version: str) -> Answer:
    """The answer of a site to a message of the coordinator.

    Raises StudyError when the message is not for this site, document or version;
    UnsupportedError when too few persons stand behind a sum; SchemaError or DesignError for data
    that the study refuses.
    """
    tasks = tasks_of(study)
    check_message(study, message, site, version)
    if message.head.round == 0:
        openings = tuple(_opening(study, cohorts[one.asked.follow_up], one) for one in tasks)
        return Answer(message.head, site, openings=openings)
    asks = {one.fit: one for one in message.asks}
    sums: list[Sums] = []
    for task in tasks:
        sums += _task_sums(study, cohorts[task.asked.follow_up], task, asks, message)
    return Answer(message.head, site, sums=tuple(sums))


def check_message(study: Study, message: Message, site: str, version: str) -> None:
    """Refuse a message that is not meant for this site, this document or this version.

    Raises StudyError.
    """
    found, expected = message.head, Head(PROTOCOL, version, document_hash(study), 0)
    if found.version != expected.version or found.protocol != expected.protocol:
        raise StudyError(
            f"the message is of microcohort {found.version} (protocol {found.protocol}), but this "
            f"site has {expected.version} (protocol {expected.protocol}): install the same version "
            "everywhere."
        )
    if found.document != expected.document:
        raise StudyError(
            "the message belongs to another study document (its SHA-256 begins "
            f"{found.document[:12]}, that of this document {expected.document[:12]}): every site "
            "must run the coordinator's document, unchanged."
        )
    if site not in message.sites:
        raise StudyError(f"the message is not for a site '{site}'; {nearest(site, message.sites)}")
    tasks = tasks_of(study)
    lengths = {fit: len(task.columns) for task in tasks for fit in task.fits}
    asked = {ask.fit: len(ask.beta) for ask in message.asks}
    whole = asked == (lengths if found.round else {})
    if not whole or not all(np.isfinite(ask.beta).all() for ask in message.asks):
        raise StudyError(
            f"the message of round {found.round} does not ask for the coefficients of this study, "
            "each a finite number: ask the coordinator to send it again."
        )


def _opening(study: Study, cohort: Cohort, task: Task) -> Opening:
    smallest = study.report.smallest_cell
    held = task_records(cohort, task)
    check_events(task.name, held)
    check_groups(task.name, task.columns, held, smallest)
    check_levels(task, study.variables, held, smallest)
    strata = stratum_counts(cohort, task, held)
    check_strata(task.name, strata, smallest)
    parts = parts_of(task, held, {one.stratum: one for one in strata})
    given = parts[0].given
    cox = study.estimators[task.place[1]]
    assert isinstance(cox, Cox)
    _, wanted = plan_for(cohort, cox.ties, cox.weighting, cox.variance)
    return Opening(
        task=task.name,
        columns=task.columns,
        variance=variance_word(wanted),
        persons=int(np.unique(given.person).size),
        events=int(given.event.sum()),
        dropped=held.dropped,
        units=int(np.unique(given.cluster).size),
        left_out=parts[0].left_out,
        person_time=float(time_at_risk(each_once(held.frame)).sum()),
        starts=tuple(_start(part) for part in parts),
        strata=strata,
    )


def _start(part: Part) -> Start:
    """Where a fit begins; the site's own maximum only where it determines every coefficient."""
    scale = part.scale
    found = _own_maximum(part)
    dead = part.problem.slots.death
    magnitude = tuple(
        int(np.log2(size)) if varies else None
        for size, varies in zip(scale, part.varies, strict=True)
    )
    start = Start(
        fit=part.fit,
        magnitude=magnitude,
        information=square(semi_definite(found.information_at_start) * np.outer(scale, scale)),
        event_weight=float(part.problem.records.event_weight[dead].mean()),
    )
    if not found.converged or (found.aliased | found.monotone).any():
        return start
    return replace(
        start,
        beta=vector(found.beta / scale),
        information_there=square(semi_definite(found.information) * np.outer(scale, scale)),
    )


def _own_maximum(part: Part) -> Maximum:
    try:
        return maximise(part.problem)
    except ConvergenceError as error:
        raise NotEstimableError(f"'{part.fit}' at this site: {error}") from None


def _task_sums(
    study: Study, cohort: Cohort, task: Task, asks: Mapping[str, Ask], message: Message
) -> list[Sums]:
    if task.name in message.robust:
        task = with_robust_plan(study, task)
    held = task_records(cohort, task)
    _check_held(study, task, held)
    sample = {one.stratum: one for one in message.strata if one.task == task.name}
    for own in stratum_counts(cohort, task, held):
        if own.stratum not in sample:
            raise StudyError(
                f"the message has no sampling fractions for a sampling stratum of this site in "
                f"'{task.name}': ask the coordinator to begin again with this site's opening."
            )
    found = []
    for part in parts_of(task, held, _sized(sample)):
        ask = asks[part.fit]
        beta = np.array(ask.beta)
        check_dominance(part, beta)
        found.append(sums_of(part, beta, task, pieces=ask.pieces))
    return found


def _check_held(study: Study, task: Task, held: TaskRecords) -> None:
    """The rules of the opening again: nothing tells a site that it has sent one."""
    check_events(task.name, held)
    check_groups(task.name, task.columns, held, study.report.smallest_cell)
    check_levels(task, study.variables, held, study.report.smallest_cell)


def _sized(sample: Sample) -> Sample:
    for one in sample.values():
        if not 0 < one.drawn <= one.size:
            raise StudyError(
                "the message gives a sampling stratum no size, or more drawn persons than it has: "
                "ask the coordinator to send it again."
            )
    return sample
