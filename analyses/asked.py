"""What every estimator looks at first: that it was given a cohort and a question, in this order."""

from cohort.cohort import Cohort
from cohort.errors import QuestionError, SchemaError, UnsupportedError
from cohort.scanned import ScannedCohort

from .question import Question


def check_asked(cohort: object, question: object) -> None:
    """Refuse anything but a cohort in memory and a question, before it is a fault further down.

    Raises SchemaError for the cohort, UnsupportedError when it stays in files, QuestionError for
    the question.
    """
    check_streamed(cohort, question)
    if isinstance(cohort, ScannedCohort):
        raise UnsupportedError(
            "the records of this cohort stay in files: Streamed(Cox()) estimates from them; other "
            "estimators need them in memory, by read_parquet."
        )


def check_streamed(cohort: object, question: object) -> None:
    """As ``check_asked``, where the records may stay in files.

    Raises SchemaError for the cohort, QuestionError for the question.
    """
    if isinstance(cohort, Question) and isinstance(question, (Cohort, ScannedCohort)):
        raise QuestionError(
            "the question stands first and the cohort second: write estimate(cohort, question)."
        )
    if not isinstance(cohort, (Cohort, ScannedCohort)):
        raise SchemaError(
            f"estimate(cohort, question) was given {_kind(cohort)} as cohort: expected a Cohort. "
            "Make one of a table with from_frame(table, person=..., follow_up=...), of a file with "
            "read_csv or another door, all from cohort."
        )
    if not isinstance(question, Question):
        raise QuestionError(
            f"estimate(cohort, question) was given {_kind(question)} as question: expected "
            "Question(exposure=..., adjustments={...})."
        )


def _kind(given: object) -> str:
    kind = type(given)
    return f"{kind.__module__.partition('.')[0]} {kind.__name__}".removeprefix("builtins ")
