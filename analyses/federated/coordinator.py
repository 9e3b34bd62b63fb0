"""The coordinator: from the sites' answers to the next message, or to the estimates.

A function of the exchange so far and nothing else: each earlier message is made again from the
answers before it and compared, so that an exchange can be audited by running it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cohort.errors import DesignError, StudyError

from ..estimate import Estimates
from ..study.parts import Study
from ..weightings import ModelBased
from .checking import check_answers, check_consistent
from .climb import MOST_ROUNDS, Climb, advanced, start_of
from .messages import PROTOCOL, Answer, Ask, Head, Message, Opening, StratumCounts, Sums
from .pooled import Pooled, estimates_of
from .tasks import Task, declared_size, document_hash, tasks_of, with_robust_plan


@dataclass(frozen=True, slots=True)
class Round:
    """A message and the answers to it, in any order."""

    message: Message
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Federated:
    """The end of an exchange.

    estimates : one for each question and estimator, in the order of the document. rounds : of sums
    at coefficients that were asked for.
    """

    estimates: tuple[Estimates, ...]
    sites: tuple[str, ...]
    rounds: int


def opening_message(study: Study, sites: Sequence[str], version: str) -> Message:
    """The first message of an exchange between named sites.

    Raises StudyError for fewer than two sites or a name twice; UnsupportedError or StudyError for
    a study that cannot be done between owners.
    """
    tasks_of(study)
    if len(sites) < 2 or len(set(sites)) < len(sites) or not all(name.strip() for name in sites):
        raise StudyError(
            f"{len(sites)} sites were named: expected at least two, each by a name of its own."
        )
    return Message(Head(PROTOCOL, version, document_hash(study), 0), tuple(sites))


def coordinate(study: Study, exchange: Sequence[Round], version: str) -> Message | Federated:
    """What follows from an exchange, round 0 first: the next message, or the estimates.

    Raises SchemaError naming a site whose answer is refused and what to do; StudyError when a
    message of the exchange is not the one that followed.
    """
    opened = exchange[0]
    expected = opening_message(study, opened.message.sites, version)
    _check_same(expected, opened.message)
    tasks: Sequence[Task] = tasks_of(study)
    check_answers(opened.message, opened.answers, tasks)
    openings = _openings(opened, tasks)
    robust = _robust(tasks, openings)
    tasks = [with_robust_plan(study, one) if one.name in robust else one for one in tasks]
    strata = _all_strata(study, openings)
    climbs = _starts(tasks, openings)
    message = _next(opened.message, climbs, robust, strata)
    before: Round | None = None
    for one in exchange[1:]:
        _check_same(message, one.message)
        check_answers(one.message, one.answers, tasks)
        here = replace(one, answers=_in_order(one))
        if before is not None:
            _check_between(before, here)
        sums = {fit: _sums_of(here.answers, fit) for fit in climbs}
        climbs = {fit: _moved(climb, sums[fit]) for fit, climb in climbs.items()}
        if _ended(climbs, one.message):
            pooled = Pooled(climbs, sums, openings, strata)
            sites = opened.message.sites
            return Federated(estimates_of(tasks, pooled, sites), sites, one.message.head.round)
        message, before = _next(one.message, climbs, robust, strata), here
    return message


def _in_order(one: Round) -> tuple[Answer, ...]:
    """Answers in the order of the sites, so that sums round the same way whoever came first."""
    by_site = {answer.site: answer for answer in one.answers}
    return tuple(by_site[site] for site in one.message.sites)


def _check_same(expected: Message, found: Message) -> None:
    if expected != found:
        raise StudyError(
            f"the message of round {found.head.round} is not the one that follows from this study "
            "document, this version of the toolkit and the answers before it: do not edit or mix "
            "exchanges; begin again in an empty folder."
        )


def _openings(opened: Round, tasks: Sequence[Task]) -> dict[str, list[Opening]]:
    """The sites' openings by model, in the order of the sites."""
    answers = _in_order(opened)
    return {
        task.name: [answer.openings[place] for answer in answers]
        for place, task in enumerate(tasks)
    }


def _robust(tasks: Sequence[Task], openings: dict[str, list[Opening]]) -> tuple[str, ...]:
    """Models that would be robust if the records were pooled: some site's records ask for it."""
    return tuple(
        task.name
        for task in tasks
        if isinstance(task.plan.variance, ModelBased)
        and any(one.variance == "robust" for one in openings[task.name])
    )


def _all_strata(study: Study, openings: dict[str, list[Opening]]) -> tuple[StratumCounts, ...]:
    """How all sites together drew each sampling stratum."""
    found: dict[tuple[str, str], StratumCounts] = {}
    for one in (one for task in openings.values() for opening in task for one in opening.strata):
        before = found.get((one.task, one.stratum))
        found[one.task, one.stratum] = one if before is None else _added(before, one)
    settled = []
    for one in found.values():
        size = declared_size(study, one.stratum)
        size = one.size if size is None else size
        if size < one.drawn:
            raise DesignError(
                f"a sampling stratum of '{one.task}' has {one.drawn:,} drawn persons at all sites "
                "together, more than the cohort it was drawn from: give the size of all sites' "
                "cohorts together in [design] cohort_size."
            )
        if not one.drawn:
            raise DesignError(
                f"a sampling stratum of '{one.task}' has cases, but nobody was drawn from it at "
                "any site: join it with another stratum."
            )
        settled.append(replace(one, size=size))
    return tuple(sorted(settled, key=lambda one: (one.task, one.stratum)))


def _added(a: StratumCounts, b: StratumCounts) -> StratumCounts:
    return StratumCounts(
        a.task,
        a.stratum,
        a.size + b.size,
        a.drawn + b.drawn,
        a.present + b.present,
        a.cases + b.cases,
        a.controls + b.controls,
    )


def _starts(tasks: Sequence[Task], openings: dict[str, list[Opening]]) -> dict[str, Climb]:
    return {
        fit: start_of(
            fit,
            [opening.starts[place] for opening in openings[task.name]],
            sum(opening.events or 0 for opening in openings[task.name]),
        )
        for task in tasks
        for place, fit in enumerate(task.fits)
    }


def _next(
    before: Message,
    climbs: dict[str, Climb],
    robust: tuple[str, ...],
    strata: tuple[StratumCounts, ...],
) -> Message:
    asks = tuple(
        Ask(climb.fit, tuple(float(b) for b in climb.asked / climb.scale), climb.pieces)
        for climb in climbs.values()
    )
    head = replace(before.head, round=before.head.round + 1)
    return Message(head, before.sites, asks, robust, strata)


def _sums_of(answers: Sequence[Answer], fit: str) -> list[Sums]:
    return [one for answer in answers for one in answer.sums if one.fit == fit]


def _moved(climb: Climb, sums: Sequence[Sums]) -> Climb:
    return advanced(
        climb,
        float(sum(one.log_likelihood for one in sums)),
        np.sum([one.score for one in sums], axis=0),
        np.sum([one.information for one in sums], axis=0),
    )


def _check_between(before: Round, after: Round) -> None:
    """Each site's sums of one round beside those of the round before."""
    moved = {
        late.fit: np.subtract(late.beta, early.beta)
        for early, late in zip(before.message.asks, after.message.asks, strict=True)
    }
    for early, late in zip(before.answers, after.answers, strict=True):
        for one, two in zip(early.sums, late.sums, strict=True):
            check_consistent(late.site, one, two, moved[two.fit])


def _ended(climbs: dict[str, Climb], message: Message) -> bool:
    if message.head.round >= MOST_ROUNDS:
        return True
    return all(climb.state != "climbing" for climb in climbs.values())
