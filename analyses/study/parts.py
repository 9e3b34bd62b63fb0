"""The parts of a study document: source, follow-up, questions, estimators, words for the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cohort import CsvFormat, FollowUp, FullCohort
from cohort.designs import Design
from cohort.errors import StudyError, nearest
from cohort.variables import Variable

from ..cox.estimator import Cox
from ..descriptive import IncidenceRate, KaplanMeier
from ..grammar import parse_term
from ..question import Question

SOURCE_KINDS = ("file", "published")
SMALLEST_CELL = 5
Estimator = Cox | KaplanMeier | IncidenceRate


@dataclass(frozen=True, slots=True)
class Source:
    """Where the records are.

    kind : "file" (CSV or Parquet) or "published" (a JSON file of published tables).
    file : its path, seen from the folder of the study document. person : the column of person
    identifiers. sha256 : the checksum that the file must have, if given.
    weight, offset, cluster : columns, as in the doors. form : how a text file is written.

    Raises StudyError when the kind is unknown or a file of records names no person column.
    """

    file: str
    kind: str = "file"
    person: str | None = None
    sha256: str | None = None
    weight: str | None = None
    offset: str | None = None
    cluster: str | None = None
    form: CsvFormat = field(default_factory=CsvFormat)

    def __post_init__(self) -> None:
        if self.kind not in SOURCE_KINDS:
            raise StudyError(f"kind = '{self.kind}': {nearest(self.kind, SOURCE_KINDS)}")
        if self.kind == "file" and self.person is None:
            raise StudyError("a file of records needs person = the column of identifiers.")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who is kept (a condition in SQL on columns and variables), and why the others are not."""

    keep: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a study.

    follow_up : the name of another follow-up of the study; its own without it. title : a heading.
    """

    question: Question
    follow_up: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Pooling:
    """How published tables are pooled.

    tables : names of the tables, in the order shown. method : of random effects. limits : "normal"
    or "knapp-hartung". estimate : "crude" (odds ratios from counts) or "published" (as printed).
    """

    tables: tuple[str, ...]
    method: str = "REML"
    limits: str = "normal"
    estimate: str = "crude"
    conf_level: float = 0.95


@dataclass(frozen=True, slots=True)
class Wording:
    """What the report says besides its numbers.

    background, limitations, not_shown : paragraphs. table_1 : variables described by exposure;
    all without it. smallest_cell : counts of persons below this are withheld.

    Raises StudyError when smallest_cell is below 1.
    """

    background: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    not_shown: tuple[str, ...] = ()
    table_1: tuple[str, ...] = ()
    smallest_cell: int = SMALLEST_CELL

    def __post_init__(self) -> None:
        if self.smallest_cell < 1:
            raise StudyError(
                f"smallest_cell = {self.smallest_cell}: expected 1 (nothing withheld) or more."
            )


@dataclass(frozen=True, slots=True)
class Study:
    """A study as a document: everything needed to repeat it.

    A study of a file of records has follow-up, variables, questions and estimators; a study of
    published tables has a pooling instead. other_follow_up : further follow-ups by name, such as
    another time scale for a crude comparison.

    Raises StudyError when parts are absent or a question names what the study does not declare.
    """

    title: str
    question: str
    source: Source
    follow_up: FollowUp | None = None
    other_follow_up: Mapping[str, FollowUp] = field(default_factory=dict)
    design: Design = field(default_factory=FullCohort)
    variables: tuple[Variable, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    questions: tuple[Asked, ...] = ()
    estimators: tuple[Estimator, ...] = ()
    pooling: Pooling | None = None
    report: Wording = field(default_factory=Wording)

    def __post_init__(self) -> None:
        object.__setattr__(self, "other_follow_up", MappingProxyType(dict(self.other_follow_up)))
        if self.source.kind == "published":
            if self.pooling is None:
                raise StudyError("a study of published tables needs [pooling].")
            return
        if self.follow_up is None:
            raise StudyError("the study has no [follow_up]: say which columns are exit and event.")
        if not (self.questions and self.estimators):
            raise StudyError("the study needs at least one [[questions]] and one [[estimators]].")
        for place, asked in enumerate(self.questions, start=1):
            self._check_question(asked, f"[[questions]] number {place}")
        names = [variable.name for variable in self.variables]
        for name in self.report.table_1:
            if name not in names:
                raise StudyError(f"[report] table_1 names '{name}': {nearest(name, names)}")

    def _check_question(self, asked: Asked, where: str) -> None:
        names = [variable.name for variable in self.variables]
        question = asked.question
        adjusted = [text for terms in question.adjustments.values() for text in terms]
        for text in (question.exposure, *adjusted, *question.modifiers, *question.strata):
            for name in parse_term(text, names).names:
                if name not in names:
                    raise StudyError(
                        f"{where} names '{name}', which is not in [variables]: "
                        f"{nearest(name, names)}"
                    )
        if asked.follow_up is not None and asked.follow_up not in self.other_follow_up:
            known = list(self.other_follow_up)
            raise StudyError(
                f"{where} asks for the follow-up '{asked.follow_up}', which is not in "
                f"[other_follow_up]: {nearest(asked.follow_up, known)}"
            )
