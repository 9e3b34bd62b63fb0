"""Turn a table of a TOML document into a frozen dataclass, checking every key and number.

The dataclasses of a world mark each of their fields with the kind of number it holds; this file
knows what each kind may be. It knows nothing of any particular section.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from cohort.errors import StudyError, nearest, one_of

SOURCES = ("published", "inferred", "memory", "assumed")
"""Where a number comes from: printed in a source that was seen; derived from printed numbers;
recalled from the literature and not seen; chosen, with no source."""


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _probability(value: Any) -> str | None:
    good = _number(value) and 0 <= value <= 1
    return None if good else f"is {value!r}: expected a probability between 0 and 1"


def _hazard(value: Any) -> str | None:
    good = _number(value) and 0 <= value < float("inf")
    return None if good else f"is {value!r}: a hazard is a number of 0 or more"


def _positive(value: Any) -> str | None:
    good = _number(value) and 0 < value < float("inf")
    return None if good else f"is {value!r}: expected a number above 0"


def _finite(value: Any) -> str | None:
    good = _number(value) and bool(np.isfinite(value))
    return None if good else f"is {value!r}: expected a number"


def _count(value: Any) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if good else f"is {value!r}: expected a whole number of 0 or more"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else f"is {value!r}: expected text"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"is {value!r}: expected true or false"


def _day(value: Any) -> str | None:
    return None if isinstance(value, date) else f"is {value!r}: expected a date such as 1993-12-01"


def _each(check: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    def of_list(value: Any) -> str | None:
        if not isinstance(value, Sequence) or isinstance(value, str):
            return f"is {value!r}: expected a list"
        return next((f"has an entry that {told}" for told in map(check, value) if told), None)

    return of_list


def _rising(value: Any) -> str | None:
    told = _each(_finite)(value)
    if told is None and any(b <= a for a, b in pairwise(value)):
        told = f"is {list(value)}: the ages or times are out of order, expected rising"
    return told


def _table_of(check: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    def of_table(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return f"is {value!r}: expected a table"
        told = ((name, check(entry)) for name, entry in value.items())
        return next((f"has '{name}', which {words}" for name, words in told if words), None)

    return of_table


KINDS: Mapping[str, Callable[[Any], str | None]] = {
    "probability": _probability,
    "hazard": _hazard,
    "ratio": _positive,
    "positive": _positive,
    "number": _finite,
    "count": _count,
    "text": _text,
    "flag": _flag,
    "date": _day,
    "texts": _each(_text),
    "dates": _each(_day),
    "rising": _rising,
    "probabilities": _each(_probability),
    "hazards": _each(_hazard),
    "ratios": _each(_positive),
    "number by term": _table_of(_finite),
    "ratio by term": _table_of(_positive),
    "number by term by level": _table_of(_table_of(_finite)),
    "probability by name": _table_of(_probability),
    "text by name": _table_of(_text),
    "number or text": lambda value: None if isinstance(value, str) else _finite(value),
}
WITHOUT_SOURCE = ("text", "texts", "flag", "number or text")


def entry(kind: str, default: Any = MISSING, *, source: bool | None = None) -> Any:
    """A field of a section: its kind of value, and whether its number must name a source.

    An empty table or a default that is not overruled needs no source.
    """
    needs = kind not in WITHOUT_SOURCE if source is None else source
    told = {"kind": kind, "source": needs}
    if isinstance(default, dict):
        frozen = MappingProxyType(dict(default))
        return field(default_factory=lambda: frozen, metadata=told)
    return field(default=default, metadata=told)


def read_section(kind: Callable[..., Any], table: Any, where: str) -> Any:
    """Build the dataclass ``kind`` from one table of the document.

    Raises StudyError that names ``where`` and the key: unknown (with the nearest known one),
    missing, of the wrong kind, or without a source.
    """
    if not isinstance(table, Mapping):
        raise StudyError(f"[{where}] is {table!r}: expected a table.")
    known: dict[str, Field[Any]] = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise StudyError(f"[{where}] has the unknown key '{key}': {nearest(key, list(known))}")
    lacking = [n for n, f in known.items() if n not in table and _compulsory(f)]
    if lacking:
        raise StudyError(f"[{where}] lacks {one_of(lacking).replace(' or ', ' and ')}.")
    for key, value in table.items():
        told = KINDS[known[key].metadata["kind"]](value)
        if told:
            raise StudyError(f"[{where}] {key} {told}.")
    _check_sources(known, table, where)
    return kind(**{key: frozen(value) for key, value in table.items()})


def _compulsory(told: Field[Any]) -> bool:
    return told.default is MISSING and told.default_factory is MISSING


def _check_sources(known: Mapping[str, Field[Any]], table: Mapping[str, Any], where: str) -> None:
    if "provenance" not in known:
        return
    sources = table.get("provenance", {})
    for key in sources:
        if key not in known:
            raise StudyError(f"[{where}.provenance] names '{key}': {nearest(key, list(known))}")
    for key, value in table.items():
        needed = known[key].metadata["source"] and value not in ({}, [], "")
        if not needed:
            continue
        if key not in sources:
            raise StudyError(
                f"[{where}] {key} has no source: add it to provenance as "
                f"'<{'|'.join(SOURCES)}>: where from'."
            )
        if sources[key].split(":")[0] not in SOURCES:
            raise StudyError(
                f"[{where}.provenance] {key} = {sources[key]!r}: expected it to begin with "
                f"{one_of(SOURCES)} and a colon."
            )


def frozen(value: Any) -> Any:
    """Lists as tuples and tables as read-only mappings, all the way down."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: frozen(inner) for key, inner in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(frozen(inner) for inner in value)
    return value


def provenance() -> Any:
    """The field of a section that says where each of its numbers comes from."""
    empty: Mapping[str, str] = MappingProxyType({})
    return field(default_factory=lambda: empty, metadata={"kind": "text by name", "source": False})
