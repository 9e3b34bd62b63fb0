"""The plan that is rehearsed: each estimate that the study will report, as one method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from analyses import Cox
from analyses.grading import Draw, Graded
from analyses.logistic import ConditionalLogistic, Logistic
from analyses.study.parts import Asked
from analyses.study.study import Study
from cohort import Cohort
from cohort.errors import CohortError, StudyError

Regression = Cox | Logistic | ConditionalLogistic
WORDS: dict[type, str] = {
    Cox: "Cox", Logistic: "logistic", ConditionalLogistic: "conditional logistic",
}  # fmt: skip
NULL, PUBLISHED, LARGE = "null", "published", "large sample"
"""Scenarios: no effect; the published one, or that of the twin; the same in one huge world."""


@dataclass(frozen=True, slots=True)
class Method:
    """One estimate that the study will report: a question, an estimator, an adjustment, a contrast.

    name : unique in the study. number : of the question, from 1. estimator : as it is named there,
    numbered where there are several of a kind. measure : such as "hazard ratio". conf_level : of
    its intervals.
    """

    name: str
    number: int
    question: str
    exposure: str
    adjustment: str
    contrast: str
    measure: str
    outcome: str
    estimator: str
    conf_level: float


@dataclass(frozen=True, slots=True, eq=False)
class Twin:
    """A twin that the plan fits: what is drawn, and what is true of each method.

    null, published : draws of the two scenarios. truth : log ratio by method in the published one;
    0 in the other. large : one draw of a huge world, None where the truth is that of the analysis.
    fingerprint : changes with what is drawn. words : what the twin is, for the report. estimand :
    what the truth is the truth of.
    """

    null: Draw
    published: Draw
    large: Draw | None
    methods: tuple[Method, ...]
    graded: tuple[Graded, ...]
    truth: Mapping[str, float]
    fingerprint: str
    words: tuple[str, ...]
    estimand: str

    def graded_in(self, scenario: str) -> tuple[Graded, ...]:
        """The methods against the truth of a scenario."""
        return tuple(
            Graded(
                one.name,
                one.estimator,
                one.question,
                0.0 if scenario == NULL else self.truth[one.name],
                contrast=one.contrast,
                adjustment=one.adjustment,
                draw=one.draw,
            )
            for one in self.graded
        )


def regressions(study: Study) -> list[tuple[str, Regression]]:
    """The estimators of ratios, each with a name of its own."""
    chosen = [one for one in study.estimators if isinstance(one, Regression)]
    named = []
    for place, one in enumerate(chosen):
        same = [other for other in chosen if type(other) is type(one)]
        before = sum(type(other) is type(one) for other in chosen[:place])
        number = f" {before + 1}" if len(same) > 1 else ""
        named.append((WORDS[type(one)] + number, one))
    return named


def need_ratios(study: Study) -> None:
    """Refuse a study that estimates no ratio.

    Raises StudyError.
    """
    if not regressions(study):
        raise StudyError(
            "a rehearsal is of ratios: the study has no estimator of kind 'cox', 'logistic' or "
            "'conditional-logistic'."
        )


def planned(
    study: Study, pilot: Mapping[str, Cohort], draws: Sequence[str]
) -> tuple[tuple[Method, ...], tuple[Graded, ...]]:
    """Every main estimate of a study, found by running its plan once on a pilot draw.

    draws : for each question, the name of its cohort in ``pilot``. Effects within levels of a
    modifier are not rehearsed.

    Raises StudyError when the plan cannot be run on the twin, or has no estimator of ratios.
    """
    need_ratios(study)
    methods: list[Method] = []
    graded: list[Graded] = []
    for number, (asked, draw) in enumerate(zip(study.questions, draws, strict=True), start=1):
        for word, estimator in regressions(study):
            frame = _estimated(asked, estimator, pilot[draw], number)
            for row in frame.iter_rows(named=True):
                name = f"{number} {word}, {row['adjustment']}, {row['contrast']}"
                methods.append(
                    Method(
                        name,
                        number,
                        asked.title or asked.question.exposure,
                        asked.question.exposure,
                        row["adjustment"],
                        row["contrast"],
                        row["measure"],
                        row["outcome"],
                        word,
                        row["conf_level"],
                    )
                )
                graded.append(
                    Graded(
                        name,
                        estimator,
                        asked.question,
                        None,
                        contrast=row["contrast"],
                        adjustment=row["adjustment"],
                        draw=draw,
                    )
                )
    return tuple(methods), tuple(graded)


def _estimated(asked: Asked, estimator: Regression, cohort: Cohort, number: int) -> pl.DataFrame:
    try:
        frame = estimator.estimate(cohort, asked.question).frame
    except CohortError as error:
        raise not_askable(number, error) from None
    return frame.filter(pl.col("modifier_level").is_null())


def not_askable(number: int, error: CohortError) -> StudyError:
    """The refusal of a question that the twin cannot answer. number : of the question, from 1."""
    return StudyError(
        f"[[questions]] number {number} cannot be asked of the twin, so the plan cannot be "
        f"rehearsed there: {error}"
    )
