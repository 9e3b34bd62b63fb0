"""From the last sums of all sites to estimates: the variance of each design, and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ..cox.variance import inverse_information, undetermined_columns
from ..cox.words import NO_VARIANCE, nobody_note, variance_word
from ..estimate import Estimates, table
from ..records import Flags, Floats
from ..rows import wald_rows
from ..weightings import BorganII, LinYing, ModelBased, Robust, TwoPhase
from .climb import Climb
from .messages import DrawnSums, Opening, StratumCounts, Sums
from .parts import control_share
from .tasks import Task

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """What an exchange ended with: climbs and the sites' last sums by fit, openings by model."""

    climbs: Mapping[str, Climb]
    sums: Mapping[str, Sequence[Sums]]
    openings: Mapping[str, Sequence[Opening]]
    strata: tuple[StratumCounts, ...]


def estimates_of(
    tasks: Sequence[Task], pooled: Pooled, sites: Sequence[str]
) -> tuple[Estimates, ...]:
    """One Estimates for each question and estimator, as ``Cox`` gives them; no fits to go on with.

    What needs event times or persons (baseline hazard, residuals, tests of proportional hazards)
    stays with the sites.
    """
    rows: dict[tuple[int, int], list[dict[str, Any]]] = {}
    methods: dict[tuple[int, int], str] = {}
    for task in tasks:
        rows.setdefault(task.place, []).extend(_rows(task, pooled))
        methods[task.place] = (
            f"{task.method.removesuffix('.')}; a separate baseline hazard for each of {len(sites)} "
            "sites, which shared sums and no records."
        )
    return tuple(Estimates(table(found), methods[place]) for place, found in rows.items())


def _rows(task: Task, pooled: Pooled) -> list[dict[str, Any]]:
    openings = pooled.openings[task.name]
    main, last = pooled.climbs[task.fits[0]], pooled.climbs[task.fits[-1]]
    converged = main.state == last.state == "settled"
    beta, model = _maximum(main)
    covariance = model if not converged else _covariance(task, pooled)
    refused = _not_estimable(main, last, covariance, model)
    shared = {
        "outcome": task.outcome,
        "exposure": str(task.model.exposure),
        "adjustment": task.model.adjustment,
        "measure": "hazard ratio",
        "conf_level": task.plan.conf_level,
        "variance": variance_word(task.plan.variance),
        "ties": "breslow" if _breslow(task) else task.plan.ties,
        "persons": _total([one.persons for one in openings]),
        "events": _total([one.events for one in openings]),
        "person_time": _total([one.person_time for one in openings]),
        "dropped": _total([one.dropped for one in openings]),
        "converged": converged,
        "note": _notes(task, openings),
    }
    why = partial(_reason, task, main, last)
    found = wald_rows(task.comparisons, beta, covariance, refused, why, task.plan.conf_level)
    return [shared | row for row in found]


def _breslow(task: Task) -> bool:
    return type(task.plan.weighting).__name__ in ("SelfPrentice", "BorganI")


def _maximum(climb: Climb) -> tuple[Floats, Floats]:
    """The last Newton step taken, and the inverse information before it, in units of the data."""
    assert climb.best is not None
    assert climb.step is not None
    inverse = inverse_information(climb.best.information, climb.aliased)
    beta = (climb.best.beta + climb.step) / climb.scale
    return beta, inverse / np.outer(climb.scale, climb.scale)


def _covariance(task: Task, pooled: Pooled) -> Floats:
    fit = task.fits[-1]
    model = _maximum(pooled.climbs[fit])[1]
    sums = pooled.sums[fit]
    if isinstance(task.plan.variance, ModelBased):
        return model
    meat = np.sum([one.meat for one in sums if one.meat is not None], axis=0)
    if isinstance(task.plan.variance, Robust):
        return np.asarray(model @ meat @ model)
    first = model @ meat @ model if task.plan.variance == TwoPhase("robust") else model
    strata = {one.stratum: one for one in pooled.strata if one.task == task.name}
    return np.asarray(first + model @ _drawing(task, sums, strata) @ model)


def _drawing(task: Task, sums: Sequence[Sums], strata: Mapping[str, StratumCounts]) -> Floats:
    """The variance of drawing persons within strata, on the scale of the score, (p, p).

    The sums of ``cox.variance.drawn_subcohort_variance`` and of ``drawn_controls_variance``, over
    sites.
    """
    weighted = isinstance(task.plan.weighting, (LinYing, BorganII))
    found: dict[str, list[DrawnSums]] = {}
    for one in (one for site in sums for one in site.drawn):
        found.setdefault(one.stratum, []).append(one)
    total = np.zeros((len(task.columns), len(task.columns)))
    for name in sorted(found):
        counts = strata[name]
        squares = np.sum([one.squares for one in found[name]], axis=0)
        mean_free = np.sum([one.total for one in found[name]], axis=0)
        n = sum(one.count for one in found[name])
        share = control_share(counts) if weighted else counts.drawn / counts.size
        if not weighted and len(found) == 1:
            total += (1.0 - share) * squares
            continue
        lost = 0 if isinstance(task.plan.weighting, LinYing) else 1
        centred = squares - np.outer(mean_free, mean_free) / n
        total += (1.0 - share) * n / max(n - lost, 1) * centred
    return total


def _undetermined(climb: Climb) -> Flags:
    return undetermined_columns(climb.information_at_zero, climb.aliased)


def _not_estimable(main: Climb, last: Climb, covariance: Floats, model: Floats) -> Flags:
    refused = np.asarray(
        _undetermined(main) | _undetermined(last) | main.aliased | last.aliased
        | ~(np.diag(covariance) > NO_VARIANCE * np.diag(model))
    )  # fmt: skip
    if not main.state == last.state == "settled":
        refused = np.ones_like(refused)
    return refused


def _reason(task: Task, main: Climb, last: Climb, used: Flags) -> str:
    """Why a row has no estimate."""
    names = np.array(task.columns)
    aliased = used & (main.aliased | last.aliased)
    if aliased.any():
        return (
            f"'{names[aliased][0]}' is aliased: constant in the risk sets of every site, or "
            "determined by the other terms"
        )
    undetermined = used & (_undetermined(main) | _undetermined(last))
    if undetermined.any():
        return nobody_note(task.columns, undetermined)
    running = main.monotone | last.monotone
    if running.any():
        return (
            f"the likelihood rises without end in '{names[running][0]}': every event, or none, "
            "falls on one side; join its levels or leave it out"
        )
    if not main.state == last.state == "settled":
        return f"no convergence in {len(main.gains)} exchanges for {', '.join(names[used])}"
    return f"no information on the variance of {', '.join(names[used])}: too few independent units"


def _total(told: Sequence[Number | None]) -> Number | None:
    """The sum; None where a site withholds its own."""
    known = [number for number in told if number is not None]
    return sum(known[1:], known[0]) if len(known) == len(told) else None


def _notes(task: Task, openings: Sequence[Opening]) -> str | None:
    told = []
    left_out = _total([one.left_out for one in openings])
    if left_out != 0:
        cases = "some" if left_out is None else f"{left_out:,}"
        told.append(f"{cases} cases fail with nobody of the subcohort at risk and are left out")
    if isinstance(task.plan.variance, Robust):
        units = _total([one.units for one in openings])
        if units is None or units < task.plan.variance.fewest_clusters:
            count = "few" if units is None else f"only {units}"
            told.append(f"robust variance from {count} independent units: it tends to be too small")
    if any(None in (one.persons, one.events, one.dropped) for one in openings):
        told.append("a count that a site withholds is missing from the sums, which are left out")
    return "; ".join(told) or None
