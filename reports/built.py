"""What became of a document: its page, or the story of why there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort.errors import (
    CohortError,
    DesignError,
    FollowUpError,
    QuestionError,
    SchemaError,
    StudyError,
    UnsupportedError,
)

Progress = Callable[[str], None]
OK, FAILED, MISUSED, REFUSED = 0, 1, 2, 3
"""Exit codes: all well; an analysis failed; usage or study document; data refused."""


@dataclass(frozen=True, slots=True)
class Built:
    """What became of one study.

    code : the exit code that it would give alone. kind : of its source. result : one line for the
    index. rehearsed : how its main estimate did where the truth is known. facts : its numbers, a
    table for each estimate, for pages that quote them. story : why there is no page. fresh : made
    now, and not kept from an earlier build.
    """

    name: str
    code: int
    kind: str = ""
    title: str = ""
    question: str = ""
    result: str = ""
    rehearsed: str = ""
    page: Path | None = None
    story: str = ""
    facts: tuple[Mapping[str, Any], ...] = ()
    fresh: bool = True


def exit_code(error: CohortError) -> int:
    """The exit code for an error: whose fault it is."""
    if isinstance(error, (StudyError, QuestionError, UnsupportedError)):
        return MISUSED
    if isinstance(error, (SchemaError, FollowUpError, DesignError)):
        return REFUSED
    return FAILED


def fault(error: Exception) -> str:
    """A fault of ours, told by its kind and place; its text may hold data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
    return (
        f"a fault in the toolkit itself: {type(error).__name__}{where}. Please report it with the "
        "document; its text is not shown, since it may hold data."
    )
