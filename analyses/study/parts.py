"""The parts of a study document: source, follow-up, questions, estimators, words for the report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cohort import FollowUp, FullCohort
from cohort.designs import Design
from cohort.errors import StudyError, nearest
from cohort.variables import Variable

from ..cox.estimator import Cox
from ..descriptive import IncidenceRate, KaplanMeier
from ..grammar import parse_term
from ..logistic import ConditionalLogistic, Logistic
from ..question import Question
from .sources import PublishedSource, Source, WorldSource
from .twin import OWN_PEOPLE, Twin

SMALLEST_CELL = 5
Estimator = Cox | Logistic | ConditionalLogistic | KaplanMeier | IncidenceRate


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
    """How some of the published tables of a study are pooled, or why they are not.

    tables : names of the tables, in the order shown. method : of random effects. limits : "normal"
    or "knapp-hartung". estimate : "crude" (odds ratios from counts) or "published" (as printed).
    title : a heading, needed where a study has several. why_not : the tables are only shown, for
    this reason. zero_cell_correction : added to each count of a table with an empty cell; such a
    table is not pooled without it. correlations : assumed ones between effects that share women in
    an unknown amount, each tried in turn.
    """

    tables: tuple[str, ...]
    method: str = "REML"
    limits: str = "normal"
    estimate: str = "crude"
    conf_level: float = 0.95
    title: str = ""
    why_not: str = ""
    zero_cell_correction: float | None = None
    correlations: tuple[float, ...] = ()


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

    A study of records has follow-up, variables, questions and estimators; in a study of an
    invented world, the world declares follow-up and variables; a study of published tables has a
    pooling instead. derived : new columns by name, each an expression in SQL, made in this order
    before anything is declared. other_follow_up : further follow-ups by name, such as another time
    scale for a crude comparison. twin : what its plan is rehearsed on.

    Raises StudyError when parts are absent or a question names what the study does not declare.
    """

    title: str
    question: str
    source: Source
    derived: Mapping[str, str] = field(default_factory=dict)
    follow_up: FollowUp | None = None
    other_follow_up: Mapping[str, FollowUp] = field(default_factory=dict)
    design: Design = field(default_factory=FullCohort)
    variables: tuple[Variable, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    questions: tuple[Asked, ...] = ()
    estimators: tuple[Estimator, ...] = ()
    pooling: tuple[Pooling, ...] = ()
    twin: Twin | None = None
    report: Wording = field(default_factory=Wording)

    def __post_init__(self) -> None:
        object.__setattr__(self, "other_follow_up", MappingProxyType(dict(self.other_follow_up)))
        object.__setattr__(self, "derived", MappingProxyType(dict(self.derived)))
        if isinstance(self.source, PublishedSource):
            self._check_pooling()
            return
        if not (self.questions and self.estimators):
            raise StudyError("the study needs at least one [[questions]] and one [[estimators]].")
        self._check_told_apart()
        if isinstance(self.source, WorldSource):
            self._check_world()
            return
        if self.follow_up is None:
            raise StudyError("the study has no [follow_up]: say which columns are exit and event.")
        for place, asked in enumerate(self.questions, start=1):
            self._check_question(asked, f"[[questions]] number {place}")
        names = [variable.name for variable in self.variables]
        for name in self.report.table_1:
            if name not in names:
                raise StudyError(f"[report] table_1 names '{name}': {nearest(name, names)}")

    def _check_pooling(self) -> None:
        if not self.pooling:
            raise StudyError("a study of published tables needs [pooling] or [[pooling]].")
        titles = [one.title for one in self.pooling]
        if len(titles) > 1 and (not all(titles) or len(set(titles)) < len(titles)):
            raise StudyError("each of several [[pooling]] needs a title of its own.")

    def _check_world(self) -> None:
        """What a world declares is not declared again; its names are known when it is drawn."""
        given = {
            "follow_up": self.follow_up, "variables": self.variables, "derived": self.derived,
            "other_follow_up": self.other_follow_up,
        }  # fmt: skip
        for name, value in given.items():
            if value:
                raise StudyError(
                    f"a study of an invented world has no [{name}]: the world declares it."
                )
        if self.design != FullCohort():
            raise StudyError(
                "a study of an invented world has no [design]: name one of the world's designs in "
                "[source] design."
            )
        if self.twin is not None and self.twin.kind == OWN_PEOPLE:
            raise StudyError(
                "a study of an invented world is rehearsed on that world: leave out [twin], or "
                "name another world in it."
            )

    def _check_told_apart(self) -> None:
        """Refuse answers that one table could not tell from each other."""
        asked_in: dict[tuple[str, str | None, str], int] = {}
        for place, asked in enumerate(self.questions, start=1):
            question = asked.question
            for name in question.adjustments:
                before = asked_in.setdefault((question.exposure, question.outcome, name), place)
                if before != place:
                    raise StudyError(
                        f"[[questions]] number {before} and {place} both ask for "
                        f"'{question.exposure}' with an adjustment set called '{name}': give the "
                        "sets different names, such as 'crude, time on study', so that a table "
                        "tells the ratios apart."
                    )

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
