"""The twin of own people: the persons of the study, their events redrawn with a known effect."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyses import Cox
from analyses.cox.weighted_records import outcome_code, plain_records, strata_columns
from analyses.model import Prepared, prepared
from analyses.study.parts import Asked
from analyses.study.study import Study
from cohort import Cohort, FullCohort
from cohort.declaration import EVENT, EXIT, OFFSET, WEIGHT
from cohort.errors import StudyError, nearest
from synthetic.plasmode import OwnPeople, Plasmode, plasmode, redrawn

from .. import numbers
from ..checksums import sha256_of_text
from ..sources import Document, Records, cohort_of, records_of
from .plan import Method, Twin, need_ratios, planned

CENSORED = 0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Redraw:
    """One question's persons: their cohort, what their events come from, the code of the event."""

    cohort: Cohort
    given: Plasmode
    code: int

    def cohort_with(self, seed: int) -> Cohort:
        """The same persons with new follow-up; other events stay where the new does not come."""
        new = redrawn(self.given, seed)
        old = self.cohort.frame[EVENT].to_numpy()
        kept = np.where(old == self.code, CENSORED, old)
        code = np.where(new.happened, self.code, kept)
        frame = self.cohort.frame.with_columns(
            pl.Series(EXIT, new.exit),
            pl.Series(EVENT, code).cast(self.cohort.frame[EVENT].dtype),
        )
        return self.cohort.with_frame(frame)


@dataclass(frozen=True, slots=True, eq=False)
class OwnDraw:
    """From a seed to the study's cohorts with redrawn events, by question."""

    of: Mapping[str, _Redraw]

    def __call__(self, seed: int) -> Mapping[str, Cohort]:
        """The cohorts of one draw."""
        return {name: one.cohort_with(seed) for name, one in self.of.items()}


def own_people_twin(document: Document) -> Twin:
    """The twin of a study among its own persons.

    The confounders have the effects found with the fullest adjustment set, the last one; the
    exposure has those of [twin] published, or those found there, or none.

    Raises StudyError for a sampled design, weights, offsets or several records a person, which a
    redrawn event would contradict, and for a published contrast that is not asked about.
    """
    study = document.study
    records = records_of(document)
    cohorts = [cohort_of(records, asked.follow_up) for asked in records.study.questions]
    draws = tuple(f"question {number}" for number in range(1, len(cohorts) + 1))
    null: dict[str, _Redraw] = {}
    known: dict[str, _Redraw] = {}
    effects: dict[str, dict[str, float]] = {}
    for name, asked, cohort in zip(draws, records.study.questions, cohorts, strict=True):
        _check(cohort, name)
        fullest = list(prepared(cohort, _main(asked).question))[-1]
        effects[name], log_risks = _effects(cohort, asked, fullest, study)
        null[name], known[name] = (
            _redraw(cohort, asked, fullest, log_risk) for log_risk in log_risks
        )
    _check_published(study, effects)
    draw = OwnDraw(known)
    methods, graded = planned(
        records.study, draw(0 if study.twin is None else study.twin.seed), draws
    )
    truth = {one.name: _truth(one, effects) for one in methods}
    sums = "|".join(cohort.fingerprint() for cohort in cohorts)
    told = sorted(truth.items())
    return Twin(
        OwnDraw(null),
        draw,
        None,
        methods,
        graded,
        truth,
        sha256_of_text(f"{sums}|{told}"),
        _words(known, cohorts),
        "the ratio conditional on the fullest adjustment set, which is what was put in",
    )


def check_own_people(records: Records) -> None:
    """Refuse a study whose own persons cannot carry a rehearsal; nothing is fitted for it.

    Raises StudyError as ``own_people_twin`` does.
    """
    study = records.study
    published = {} if study.twin is None else study.twin.published
    named: dict[str, dict[str, float]] = {}
    for number, asked in enumerate(study.questions, start=1):
        name = f"question {number}"
        cohort = cohort_of(records, asked.follow_up)
        _check(cohort, name)
        fullest = list(prepared(cohort, _main(asked).question))[-1]
        _set(np.zeros(len(fullest.columns.names)), fullest, published)
        named[name] = {one.contrast: 0.0 for one in fullest.columns.comparisons}
    _check_published(study, named)
    need_ratios(study)


def _main(asked: Asked) -> Asked:
    return replace(asked, question=replace(asked.question, modifiers=()))


def _check(cohort: Cohort, name: str) -> None:
    frame = cohort.frame
    if not isinstance(cohort.design, FullCohort):
        raise StudyError(
            f"{name}: a sampled design cannot be rehearsed on its own people, since who was "
            "sampled depends on the events that would be redrawn: name a world with this design "
            "in [twin]."
        )
    for column, word in ((WEIGHT, "sampling weights"), (OFFSET, "an offset")):
        if column in frame.columns:
            raise StudyError(
                f"{name}: a study with {word} cannot be rehearsed on its own people yet: name a "
                "world in [twin]."
            )
    if cohort.persons < len(frame):
        raise StudyError(
            f"{name}: {cohort.persons:,} persons have {len(frame):,} records: own people need one "
            "record each, since a redrawn event ends all that comes after it."
        )


def _effects(
    cohort: Cohort, asked: Asked, fullest: Prepared, study: Study
) -> tuple[dict[str, float], tuple[Floats, Floats]]:
    """True log ratio of each contrast, and the log risk of each person without and with it."""
    question = _main(asked).question
    name = fullest.model.name
    fit = (
        Cox()
        .estimate(cohort, replace(question, adjustments={name: question.adjustments[name]}))
        .fits[0]
    )
    if not fit.maximum.converged or fit.aliased.any() or fit.monotone.any():
        raise StudyError(
            f"the model '{name}' cannot be fitted with every term, so that it cannot say how the "
            "events of own people come about: put a smaller adjustment set last, or name a world."
        )
    of_exposure = np.zeros(len(fit.beta), dtype=bool)
    for one in fullest.columns.comparisons:
        of_exposure |= one.weights != 0
    beta = _set(fit.beta, fullest, {} if study.twin is None else study.twin.published)
    values = fullest.columns.values - fullest.columns.values.mean(axis=0)
    truth = {one.contrast: float(one.weights @ beta) for one in fullest.columns.comparisons}
    return truth, (values @ np.where(of_exposure, 0.0, beta), values @ beta)


def _set(beta: Floats, fullest: Prepared, published: Mapping[str, float]) -> Floats:
    """The coefficients with the published contrasts among them."""
    found = beta.copy()
    for one in fullest.columns.comparisons:
        if one.contrast not in published:
            continue
        column = np.flatnonzero(one.weights)
        if len(column) != 1:
            raise StudyError(
                f"[twin] published '{one.contrast}': the contrast mixes several coefficients, so "
                "that it cannot be set alone; leave it out to rehearse what was found."
            )
        found[column[0]] = log(published[one.contrast]) / one.weights[column[0]]
    return found


def _check_published(study: Study, effects: Mapping[str, Mapping[str, float]]) -> None:
    known = list(dict.fromkeys(contrast for of in effects.values() for contrast in of))
    for contrast in {} if study.twin is None else study.twin.published:
        if contrast not in known:
            raise StudyError(f"[twin] published '{contrast}': {nearest(contrast, known)}")


def _redraw(cohort: Cohort, asked: Asked, fullest: Prepared, log_risk: Floats) -> _Redraw:
    code = outcome_code(cohort, asked.question.outcome)
    records = plain_records(fullest.frame, code, strata_columns(cohort, asked.question.strata))
    people = OwnPeople(
        records.entry, records.exit, np.asarray(records.event), log_risk, records.stratum
    )
    return _Redraw(cohort.with_frame(fullest.frame), plasmode(people), code)


def _truth(method: Method, effects: Mapping[str, Mapping[str, float]]) -> float:
    return effects[f"question {method.number}"][method.contrast]


def _words(known: Mapping[str, _Redraw], cohorts: list[Cohort]) -> tuple[str, ...]:
    told = [
        "Each replicate is the study's own persons, with their covariates and times of entry, and "
        "new events drawn from the fitted baseline hazard and effects; persons who were censored "
        "keep their end of follow-up, the others get one from the distribution of censoring "
        "(Franklin 2014, Comput Stat Data Anal 72:219-26). A hidden cause of the outcome is in "
        "none of it: own people tell how the analysis does where its model is right.",
    ]
    left = {
        name: cohort.persons - len(one.cohort.frame)
        for (name, one), cohort in zip(known.items(), cohorts, strict=True)
    }
    for name, count in left.items():
        if count:
            told.append(
                f"In {name}, {numbers.count(count)} persons with a missing covariate are not in "
                "the twin."
            )
    if any("_cluster" in cohort.frame.columns for cohort in cohorts):
        told.append(
            "Persons of one cluster are drawn independently of one another, given their "
            "covariates: the rehearsal does not say how well dependence is dealt with."
        )
    return tuple(told)
