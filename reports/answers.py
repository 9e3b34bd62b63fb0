"""A study, run: its cohort, and the answer of each estimator to each question."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from analyses import Curve, Estimates, Question
from analyses.descriptive import IncidenceRate, KaplanMeier
from analyses.study.study import Asked, Study
from cohort import Binary, Categorical, Cohort
from cohort.errors import SchemaError

from .rehearsal.plan import regressions
from .sources import Document, Records, cohort_of, records_of

if TYPE_CHECKING:
    from synthetic.cohorts import SimulatedWorld

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Ratios of one question by one estimator, and the cohort (on one follow-up) they come from.

    estimator : its kind, numbered where the study names several of it.
    """

    asked: Asked
    cohort: Cohort
    estimates: Estimates
    estimator: str

    @property
    def measure(self) -> str:
        """What the ratios are of."""
        return str(self.estimates.frame["measure"][0])

    @property
    def outcome(self) -> str:
        """What the ratios are about."""
        return str(self.estimates.frame["outcome"][0])


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Answers that may stand in one table: one exposure, measure, outcome and estimator.

    others : whether another estimator answers the same.
    """

    answers: tuple[Answer, ...]
    others: bool

    @property
    def frame(self) -> pl.DataFrame:
        """Their estimates, in the order asked."""
        return pl.concat([one.estimates.frame for one in self.answers])


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """All that a study of records found.

    cohort : on the study's own follow-up. rates, curves : by exposure. drawn : the world, where
    the persons are invented.
    """

    document: Document
    cohort: Cohort
    ratios: tuple[Answer, ...]
    rates: dict[str, Estimates]
    curves: dict[str, Curve]
    drawn: "SimulatedWorld | None" = None

    @property
    def study(self) -> Study:
        """The study."""
        return self.document.study

    def exposures(self) -> tuple[str, ...]:
        """The exposures asked about, in order, each once."""
        return tuple(dict.fromkeys(asked.question.exposure for asked in self.study.questions))


def run_study(document: Document, progress: Progress) -> Answers:
    """Read the records of a study and answer its questions.

    Raises CohortError of the kind that says what is wrong.
    """
    progress(f"{document.name}: reading the records")
    records = records_of(document)
    own = cohort_of(records)
    cohorts: dict[str | None, Cohort] = {None: own}
    ratios: list[Answer] = []
    for asked in records.study.questions:
        if asked.follow_up not in cohorts:
            cohorts[asked.follow_up] = cohort_of(records, asked.follow_up)
        for word, estimator in regressions(records.study):
            cohort = cohorts[asked.follow_up]
            progress(f"{document.name}: {asked.title or asked.question.exposure}")
            found = estimator.estimate(cohort, asked.question)
            ratios.append(Answer(asked, cohort, found, word))
    progress(f"{document.name}: rates and curves")
    return Answers(
        document, own, tuple(ratios), _rates(records, own), _curves(records, own), records.drawn
    )


def _grouped(records: Records, cohort: Cohort) -> list[Question]:
    """One question for each exposure that divides the persons into groups."""
    chosen: dict[str, Question] = {}
    for asked in records.study.questions:
        question = asked.question
        if question.exposure in chosen or not _has_levels(cohort, question.exposure):
            continue
        chosen[question.exposure] = Question(
            exposure=question.exposure, outcome=question.outcome, missing=question.missing
        )
    return list(chosen.values())


def _has_levels(cohort: Cohort, exposure: str) -> bool:
    try:
        return isinstance(cohort.variable(exposure), (Binary, Categorical))
    except SchemaError:
        return False


def _rates(records: Records, cohort: Cohort) -> dict[str, Estimates]:
    return {
        question.exposure: estimator.estimate(cohort, question)
        for estimator in records.study.estimators
        if isinstance(estimator, IncidenceRate)
        for question in _grouped(records, cohort)
    }


def _curves(records: Records, cohort: Cohort) -> dict[str, Curve]:
    return {
        question.exposure: estimator.estimate(cohort, question)
        for estimator in records.study.estimators
        if isinstance(estimator, KaplanMeier)
        for question in _grouped(records, cohort)
    }


def ratios_of(answers: Answers, exposure: str) -> list[Together]:
    """Answers about one exposure in the order asked; measures, outcomes and estimators apart."""
    kinds: dict[tuple[str, str], dict[str, list[Answer]]] = {}
    for one in answers.ratios:
        if one.asked.question.exposure == exposure:
            same = kinds.setdefault((one.measure, one.outcome), {})
            same.setdefault(one.estimator, []).append(one)
    return [
        Together(tuple(mine), len(same) > 1) for same in kinds.values() for mine in same.values()
    ]
