"""The audit of a study: its document, its data, its exclusions; nothing is estimated."""

from dataclasses import dataclass
from pathlib import Path

from analyses import Cox
from analyses.cox.plan import check_events, plan_for
from analyses.model import prepared
from analyses.study.study import PublishedSource
from cohort import Cohort, CohortError

from . import numbers
from .built import OK, REFUSED, exit_code
from .published_page import short_names
from .rehearsal.held import check_twin
from .sources import Document, Records, audit_of, cohort_of, read_document, records_of, tables_of
from .tables import flow_rows

VERDICTS = {OK: "The study can be run.", REFUSED: "The data are refused."}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, as lines to read, and the exit code that it deserves."""

    code: int
    text: str


def check_study(path: Path) -> Checked:
    """Read everything a study needs and tell what is wrong with it.

    Raises StudyError for the document, UnsupportedError for a weighting or variance that does not
    fit its design; SchemaError when the data cannot be read at all.
    """
    document = read_document(path)
    if isinstance(document.study.source, PublishedSource):
        return _published(document)
    records = records_of(document)
    lines = [f"{document.name}: {document.study.title}"]
    code = OK
    audited = () if records.frame is None else (None, *document.study.other_follow_up)
    for name in audited:
        found = audit_of(records, name)
        code = code if found.passed else REFUSED
        lines.append(f"Follow-up {'of the study' if name is None else repr(name)}: {found.text()}")
    if code == OK:
        cohort = cohort_of(records)
        lines += _flow(cohort, document.study.report.smallest_cell)
        for one in document.study.estimators:
            if isinstance(one, Cox):
                plan_for(cohort, one.ties, one.weighting, one.variance)
        problems = _questions(records)
        lines += [told for told, _ in problems]
        code = next((one for _, one in problems), OK)
    return _with_twin(document, records, Checked(code, "\n".join(lines)))


def _with_twin(document: Document, records: Records, found: Checked) -> Checked:
    """The end of a check: the twin held against the study, and the verdict.

    found : of all the rest, with the code that a run would end with.
    """
    code, lines = found.code, [found.text]
    last = VERDICTS.get(code, "The study cannot be run.")
    try:
        check_twin(document, None if code else records)
    except CohortError as error:
        lines.append(f"Rehearsal: {error}")
        if code == OK:
            last, code = "The study can be run, but not rehearsed.", exit_code(error)
    return Checked(code, "\n".join([*lines, last]))


def _questions(records: Records) -> list[tuple[str, int]]:
    """What forbids a question, each with the code that a run would end with.

    Missing values that it refuses, levels and terms that are not there, an outcome that nobody has
    where a hazard ratio is asked for. Its models are made ready, and none is fitted.
    """
    ratios = any(isinstance(one, Cox) for one in records.study.estimators)
    found = []
    for asked in records.study.questions:
        try:
            cohort = cohort_of(records, asked.follow_up)
            for one in prepared(cohort, asked.question):
                if ratios:
                    check_events(cohort, asked.question, one)
        except CohortError as error:
            told = f"Question '{asked.title or asked.question.exposure}': {error}"
            found.append((told, exit_code(error)))
    return found


def _flow(cohort: Cohort, smallest: int) -> list[str]:
    return [
        f"- {one.persons} {'person' if one.persons == '1' else 'persons'}, {one.reason}"
        + (f" ({one.left} left)" if place else "")
        for place, one in enumerate(flow_rows(cohort.steps, smallest))
    ]


def _published(document: Document) -> Checked:
    tables = tables_of(document)
    names = short_names(tables)
    lines = [f"{document.name}: {numbers.count(len(tables))} published tables"]
    for table in tables:
        doubts = ", ".join(table.doubtful)
        lines.append(f"- {names[table.id]}: {doubts or 'every count published'}")
    return Checked(OK, "\n".join([*lines, "The study can be run."]))
