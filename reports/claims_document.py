"""The claims of the article as a document: what each says, and which parts of studies test it."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyses.study.reading import built, check_keys
from cohort.errors import StudyError, nearest

CLAIMS = Path(__file__).resolve().parent.parent / "analyses" / "studies" / "claims" / "claims.toml"
DIRECTNESS = ("direct", "indirect")
DOSES = ("not looked at", "gradient", "none", "not monotone")
CONTROLS = ("none", "null, as it should be", "not null")


@dataclass(frozen=True, slots=True)
class Test:
    """What a study says on a claim.

    study : the document's name. part : the title of one of its [[pooling]]; without it the study
    has one. table : a single table instead of the pool. group : one group of that table, whose
    share is the result. twins : studies of invented or real people that belong to it.
    Judgements: directness ("direct": what the claim speaks of was measured), dose,
    negative_control, caution (a known reason to distrust the result), shows (in words).

    Raises StudyError for a judgement that is not among the choices.
    """

    __test__ = False

    study: str
    shows: str
    directness: str
    part: str = ""
    table: str = ""
    group: str = ""
    dose: str = "not looked at"
    negative_control: str = "none"
    caution: str = ""
    twins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        choices = (
            ("directness", self.directness, DIRECTNESS),
            ("dose", self.dose, DOSES),
            ("negative_control", self.negative_control, CONTROLS),
        )
        for name, value, known in choices:
            if value not in known:
                raise StudyError(f"{name} = '{value}': {nearest(value, known)}")
        if self.group and not self.table:
            raise StudyError("a group needs the table that it stands in.")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of the article.

    name : for links. claim : what it says, in our words. reference : as the article numbers it.
    meant : the paper likely meant. verdict : a judgement. errors : what the article got wrong.
    tests : what tests it; not_testable : why nothing does.

    Raises StudyError when it has neither tests nor a reason, or both.
    """

    name: str
    title: str
    claim: str
    meant: str
    verdict: str
    reference: str = ""
    errors: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    not_testable: str = ""

    def __post_init__(self) -> None:
        if bool(self.tests) == bool(self.not_testable):
            raise StudyError(
                f"the claim '{self.name}' needs either [[claims.tests]] or not_testable = why."
            )


@dataclass(frozen=True, slots=True)
class Article:
    """Where the claims come from."""

    title: str
    note: str


@dataclass(frozen=True, slots=True)
class Claims:
    """An article and its claims, in its order."""

    article: Article
    claims: tuple[Claim, ...]

    def studies(self) -> tuple[str, ...]:
        """The documents that test any claim, each once."""
        named: Sequence[str] = [test.study for one in self.claims for test in one.tests]
        return tuple(dict.fromkeys(named))


def read_claims(path: Path = CLAIMS) -> Claims:
    """The claims in a document.

    Raises StudyError when it is absent, no TOML, or says something unknown.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"'{path.name}' cannot be read as TOML: {error}.") from None
    check_keys(document, ("article", "claims"), f"'{path.name}'")
    found = built(Claims, document, f"'{path.name}'")
    names = [one.name for one in found.claims]
    if len(set(names)) < len(names):
        raise StudyError(f"'{path.name}': a claim is named twice; each needs a name of its own.")
    return found
