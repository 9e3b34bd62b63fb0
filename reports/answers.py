"""A study, run: its cohort, and the answer of each estimator to each question."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from analyses import Cox, Curve, Estimates, Question
from analyses.descriptive import IncidenceRate, KaplanMeier
from analyses.logistic import ConditionalLogistic, Logistic
from analyses.study.study import Asked, Study
from cohort import Binary, Categorical, Cohort
from cohort.errors import SchemaError

from .sources import Document, Records, cohort_of, records_of

if TYPE_CHECKING:
    from synthetic.cohorts import SimulatedWorld

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Hazard ratios of one question, and the cohort (on one follow-up) that they come from."""

    asked: Asked
    cohort: Cohort
    estimates: Estimates


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
        for estimator in records.study.estimators:
            if isinstance(estimator, (Cox, Logistic, ConditionalLogistic)):
                cohort = cohorts[asked.follow_up]
                progress(f"{document.name}: {asked.title or asked.question.exposure}")
                found = estimator.estimate(cohort, asked.question)
                ratios.append(Answer(asked, cohort, found))
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


def ratios_of(answers: Answers, exposure: str) -> list[pl.DataFrame]:
    """The estimates of one exposure in the order asked: a frame for each measure, never mixed."""
    frames = [
        one.estimates.frame for one in answers.ratios if one.asked.question.exposure == exposure
    ]
    if not frames:
        return []
    return pl.concat(frames).partition_by("measure", maintain_order=True)
