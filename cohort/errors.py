"""The errors of the toolkit: one tree, each saying what was found and what to do."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import SupportsInt

MOST_ROWS_NAMED = 5


class CohortError(ValueError):
    """Anything the toolkit refuses. The message tells the whole story."""


class SchemaError(CohortError):
    """A column, a code, a level or a type is not what was declared."""


class FollowUpError(CohortError):
    """Entry, exit or event contradict each other or the time scale."""


class DesignError(CohortError):
    """The sampling design and the data do not fit together."""


class QuestionError(CohortError):
    """A question asks for something the cohort does not have."""


class UnsupportedError(CohortError):
    """The estimator cannot honour a declared property of the cohort or question."""


class NotEstimableError(CohortError):
    """The data hold no information on the quantity asked for."""


class ConvergenceError(CohortError):
    """An iteration stopped before it reached its optimum."""


class StudyError(CohortError):
    """A study document or a command cannot be read as it stands."""


def row_list(positions: Iterable[int]) -> str:
    """Rows counted from 1, at most five of them: ``rows 2, 3, 7, 8, 9 and 4 more``.

    positions : positions counted from 0, as the frame holds them.
    """
    rows = [int(position) + 1 for position in positions]
    if len(rows) == 1:
        return f"row {rows[0]}"
    named = ", ".join(str(row) for row in rows[:MOST_ROWS_NAMED])
    more = len(rows) - MOST_ROWS_NAMED
    return f"rows {named}" + (f" and {more:,} more" if more > 0 else "")


def counted(count: SupportsInt, words: str) -> str:
    """A count with its noun and verb, given in the plural: ``3 records have``, ``1 record has``."""
    whole = int(count)
    if whole != 1:
        return f"{whole:,} {words}"
    noun, _, verb = words.partition("s ")
    return f"1 {noun.removesuffix('s')} {agreeing(1, verb)}".rstrip()


def agreeing(count: SupportsInt, verb: str) -> str:
    """A verb for a count, given in the plural: ``have`` for 3, ``has`` for 1."""
    if int(count) != 1 or not verb:
        return verb
    return {"have": "has", "are": "is", "do": "does"}.get(verb, verb + "s")


def nearest(word: str, known: Sequence[str]) -> str:
    """A clause that names the known words nearest to an unknown one, or lists them all."""
    close = get_close_matches(word, known, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    if not known:
        return "there is none to choose from."
    shown = ", ".join(f"'{name}'" for name in sorted(known)[:12])
    return f"known: {shown}" + (" ..." if len(known) > 12 else ".")


def one_of(words: Sequence[str]) -> str:
    """``'a', 'b' or 'c'``: the choices an error offers."""
    quoted = [f"'{word}'" for word in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
