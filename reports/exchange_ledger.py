"""What a site has told about its records: a small file beside them, kept by the site itself.

Sums at many different coefficients can be put together until they tell of single persons; the
ledger counts them and says when it is enough.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from analyses.federated.climb import MOST_ROUNDS
from analyses.federated.messages import Message
from analyses.study.reading import built
from cohort.errors import StudyError, UnsupportedError

from .files import write_whole

LEDGER = "microcohort-ledger.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One study document at one site.

    document : SHA-256 of what it says. data : SHA-256 of the records when the exchange began.
    queries : a digest of each set of coefficients that was answered.
    """

    document: str
    data: str
    queries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that a site has answered, by document."""

    entries: tuple[Entry, ...] = ()


def read_ledger(folder: Path) -> Ledger:
    """The ledger of a folder; an empty one where nothing was answered yet.

    Raises StudyError when it cannot be read: it is then not known what was told.
    """
    path = folder / LEDGER
    if not path.exists():
        return Ledger()
    try:
        held: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, dict):
            raise ValueError
        return built(Ledger, held, f"'{LEDGER}'")
    except (ValueError, OSError):
        raise StudyError(
            f"'{LEDGER}' beside the data cannot be read, so it is not known what this site has "
            "told already: restore it from a backup, or let the owner of the data decide to "
            "remove it."
        ) from None


def with_query(ledger: Ledger, message: Message, data: str) -> Ledger:
    """The ledger after a message is answered; the same message again changes nothing.

    Raises UnsupportedError when it would be one set of coefficients too many, StudyError when the
    records changed in the course of an exchange.
    """
    head = message.head
    entry = next((one for one in ledger.entries if one.document == head.document), None)
    entry = entry or Entry(head.document, data)
    if head.round == 0:
        entry = replace(entry, data=data)
    elif entry.data != data:
        raise StudyError(
            "the data file of this site has changed since it answered the opening: ask the "
            "coordinator to begin a new exchange, or restore the file."
        )
    else:
        asked = json.dumps([asdict(one) | {"pieces": None} for one in message.asks])
        digest = hashlib.sha256(asked.encode("utf-8")).hexdigest()
        if digest not in entry.queries:
            if len(entry.queries) >= MOST_ROUNDS:
                raise UnsupportedError(
                    f"this site has answered {len(entry.queries)} different sets of coefficients "
                    f"for this study document, and {MOST_ROUNDS} is the most: more would begin to "
                    "tell of single persons. Ask the coordinator why the exchange did not end; "
                    f"only the owner of the data may decide to remove '{LEDGER}'."
                )
            entry = replace(entry, queries=(*entry.queries, digest))
    others = tuple(one for one in ledger.entries if one.document != head.document)
    return Ledger((*others, entry))


def write_ledger(folder: Path, ledger: Ledger) -> Path:
    """Write the ledger beside the data.

    Raises StudyError when that is not possible: without it nothing is answered.
    """
    return write_whole(folder / LEDGER, json.dumps(asdict(ledger), indent=1) + "\n")
