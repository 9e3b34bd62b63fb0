"""What passes between a coordinator and its sites: small frozen values, and their text in JSON.

Numbers are in the units of the data. A message asks; an answer holds sums over all the records of
a site, and nothing of a single record.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from cohort.errors import StudyError

from ..study.reading import built

PROTOCOL = 1
"""Changed whenever a message means something else; sites of another protocol are refused."""

Vector = tuple[float, ...]
Matrix = tuple[tuple[float, ...], ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Head:
    """What every message and answer says first.

    protocol : of these messages. version : of the toolkit. document : SHA-256 of what the study
    document says. round : 0 opens the exchange; from 1 on, sums at the coefficients asked for.
    """

    protocol: int
    version: str
    document: str
    round: int


@dataclass(frozen=True, slots=True)
class StratumCounts:
    """How one site drew one sampling stratum; summed over sites, of all of them.

    task : the model these records are complete for. size : persons before sampling; the document's
    where it says so. drawn : into the subcohort. present : those of them in the model. cases : in
    the model. controls : drawn persons in the model who are no cases.
    """

    task: str
    stratum: str
    size: int
    drawn: int
    present: int
    cases: int
    controls: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Sums of one fit at coefficients (p,); pieces : those of its variance too."""

    fit: str
    beta: Vector
    pieces: bool


@dataclass(frozen=True, slots=True)
class Message:
    """What the coordinator sends to every site.

    sites : who takes part, in order. asks : none in round 0. robust : the models whose variance is
    robust because some site's records ask for it. strata : the sampling of all sites together.
    """

    head: Head
    sites: tuple[str, ...]
    asks: tuple[Ask, ...] = ()
    robust: tuple[str, ...] = ()
    strata: tuple[StratumCounts, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Where one fit of a site begins.

    magnitude : (p,) power of two of each column's standard deviation; None where it does not vary.
    information : (p, p) with every coefficient 0. event_weight : mean weight of its events.
    beta, information_there : the site's own maximum, where it has one.
    """

    fit: str
    magnitude: tuple[int | None, ...]
    information: Matrix
    event_weight: float
    beta: Vector | None = None
    information_there: Matrix | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a site tells of one model in round 0.

    columns : the names of its coefficients. variance : the one its own records ask for. persons,
    events, dropped, units (independent ones), left_out (cases that fail while nobody drawn is at
    risk) : counts, None where too small to be told; person_time likewise,
    in the unit of the time scale.
    """

    task: str
    columns: tuple[str, ...]
    variance: str
    persons: int | None
    events: int | None
    dropped: int | None
    units: int | None
    left_out: int | None
    person_time: float | None
    starts: tuple[Start, ...]
    strata: tuple[StratumCounts, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawnSums:
    """Score residuals of the drawn persons of one sampling stratum: how many, sum and squares."""

    stratum: str
    count: int
    total: Vector
    squares: Matrix


@dataclass(frozen=True, slots=True)
class Sums:
    """What one fit of a site adds up to at the coefficients asked for.

    score (p,), information (p, p). meat : (p, p) squared score residuals by independent unit, or
    by person and divided by her weight for a robust first phase. drawn : by sampling stratum.
    """

    fit: str
    log_likelihood: float
    score: Vector
    information: Matrix
    meat: Matrix | None = None
    drawn: tuple[DrawnSums, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site sends back: openings in round 0, sums from round 1 on."""

    head: Head
    site: str
    openings: tuple[Opening, ...] = ()
    sums: tuple[Sums, ...] = ()


def to_text(value: Message | Answer) -> str:
    """A message or answer in JSON, the same bytes for the same value.

    Raises StudyError when a number is not finite, which JSON cannot hold.
    """
    kind = "message" if isinstance(value, Message) else "answer"
    try:
        return json.dumps({kind: asdict(value)}, allow_nan=False, indent=1) + "\n"
    except ValueError:
        raise StudyError(
            f"the {kind} of round {value.head.round} holds a number that is not finite and is not "
            "written: look for coefficients far beyond the data."
        ) from None


def from_text(text: str, name: str) -> Message | Answer:
    """The message or answer that a text in JSON holds; name : of its file, for errors.

    Raises StudyError saying what is not as it should be; numbers are checked by the coordinator.
    """
    try:
        held: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise StudyError(
            f"'{name}' is no JSON, or only a part of it: ask its sender for it again."
        ) from None
    if isinstance(held, dict) and len(held) == 1:
        if isinstance(held.get("message"), dict):
            return _built(Message, held["message"], name)
        if isinstance(held.get("answer"), dict):
            return _built(Answer, held["answer"], name)
    raise StudyError(
        f"'{name}' is neither a message nor an answer of federated Cox regression: expected a "
        "file that 'microcohort site' or 'microcohort coordinate' wrote."
    )


def _built(kind: type[T], table: dict[str, Any], name: str) -> T:
    """Parsed JSON as a value; refusals name the site where the file does."""
    site = table.get("site")
    where = f"'{name}'" + (f" of site '{site}'" if isinstance(site, str) else "")
    head = table.get("head")
    if isinstance(head, dict) and head.get("protocol") not in (None, PROTOCOL):
        raise StudyError(
            f"{where} is of protocol {head['protocol']!r}, but this toolkit speaks {PROTOCOL}: "
            "install the same version everywhere."
        )
    return built(kind, table, where)
