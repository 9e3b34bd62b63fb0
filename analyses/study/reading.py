"""From a study document, as tomllib reads it, to a Study; whatever is not known is refused.

The keys of a section are the fields of the type that it becomes, so that a document and a script
say the same words. Keys of TOML tables are always text: codes among them (of labels, of missing
values) become numbers where the declaration around them is in numbers, and are settled by the
column's own type when the data are read (`study_codes.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from cohort import (
    FollowUp,
    TimeScale,
)
from cohort.errors import CohortError, StudyError, nearest, one_of
from cohort.variables import Code

from ..question import Question
from .codes import codes_like, number_if_it_reads_so
from .kinds import DESIGNS, ESTIMATORS, SETTINGS, SOURCES, VARIABLES
from .parts import Asked, Exclusion, Pooling, Study, Wording
from .twin import Twin

T = TypeVar("T")
SECTIONS = (
    "study", "source", "derived", "follow_up", "other_follow_up", "design", "variables",
    "exclusions", "questions", "estimators", "pooling", "twin", "report",
)  # fmt: skip
EVENT_KEYS = ("column", "happened", "competing", "censored", "label")
QUESTION_KEYS = ("title", "follow_up")


def study_of(document: Mapping[str, Any]) -> Study:
    """A Study from a parsed document.

    Raises StudyError naming the section, the unknown key and the nearest known one.
    """
    check_keys(document, SECTIONS, "the document")
    head = _section(document, "study")
    check_keys(head, ("title", "question"), "[study]")
    parts: dict[str, Any] = {
        "title": _text(head, "title", "[study]"),
        "question": _text(head, "question", "[study]"),
        "source": of_kind(SOURCES, {"kind": "file"} | _section(document, "source"), "[source]"),
        "derived": {
            name: fitted(text, str, f"'{name}' in [derived]")
            for name, text in _optional(document, "derived").items()
        },
        "variables": tuple(
            _variable(name, table) for name, table in _optional(document, "variables").items()
        ),
        "exclusions": tuple(
            built(Exclusion, table, where) for table, where in _tables(document, "exclusions")
        ),
        "questions": tuple(_asked(*one) for one in _tables(document, "questions")),
        "estimators": tuple(_estimator(*one) for one in _tables(document, "estimators")),
        "report": built(Wording, _optional(document, "report"), "[report]"),
        "other_follow_up": {
            name: _follow_up(table, f"[other_follow_up.{name}]")
            for name, table in _optional(document, "other_follow_up").items()
        },
    }
    if "follow_up" in document:
        parts["follow_up"] = _follow_up(_section(document, "follow_up"), "[follow_up]")
    if "design" in document:
        parts["design"] = of_kind(DESIGNS, _section(document, "design"), "[design]")
    if "pooling" in document:
        parts["pooling"] = _poolings(document)
    if "twin" in document:
        parts["twin"] = built(Twin, _section(document, "twin"), "[twin]")
    return told(Study, parts, "the document")


def check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse a key that is not known, naming the nearest one.

    Raises StudyError.
    """
    for key in table:
        if key not in known:
            raise StudyError(f"{where} has an unknown key '{key}': {nearest(key, known)}")


def of_kind(kinds: Mapping[str, type[Any]], table: Mapping[str, Any], where: str) -> Any:
    """The type that ``kind`` names, from the other keys.

    Raises StudyError for an absent or unknown kind.
    """
    if "kind" not in table:
        raise StudyError(f"{where} needs a kind: {one_of(list(kinds))}.")
    kind = _text(table, "kind", where)
    if kind not in kinds:
        raise StudyError(f"{where} has kind = '{kind}': {nearest(kind, list(kinds))}")
    rest = {key: value for key, value in table.items() if key != "kind"}
    return built(kinds[kind], rest, where)


def built(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of a dataclass whose fields are the keys of a table.

    Raises StudyError for an unknown, absent or unfit key.
    """
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    check_keys(table, known, where)
    hints = get_type_hints(kind)
    for one in fields(kind):  # type: ignore[arg-type]
        compulsory = one.default is MISSING and one.default_factory is MISSING
        if compulsory and one.name not in table:
            raise StudyError(f"{where} lacks '{one.name}'.")
    values = {key: fitted(value, hints[key], f"'{key}' in {where}") for key, value in table.items()}
    return told(kind, values, where)


def told(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Construct, and say where in the document a refusal belongs."""
    try:
        return kind(**values)
    except StudyError as error:
        text = str(error)
        raise StudyError(text if where == "the document" else f"{where}: {text}") from None
    except CohortError as error:
        raise StudyError(f"{where}: {error}") from None


def fitted(value: Any, hint: Any, what: str) -> Any:
    """A value of the document as the type of a field.

    Raises StudyError saying what was expected.
    """
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return built(hint, value, what)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(value, get_args(hint), what)
    if origin is Literal:
        choices = [str(choice) for choice in get_args(hint)]
        if value not in get_args(hint):
            raise StudyError(f"{what} is '{value}': {nearest(str(value), choices)}")
        return value
    if isinstance(origin, type) and isinstance(value, (list, dict)):
        inner = _contents(value, origin, get_args(hint), what)
        if inner is not None:
            return inner
    if hint is float and type(value) is int:
        return float(value)
    if origin is None and type(value) is hint:
        return value
    raise StudyError(f"{what} is {_word(value)}: expected {_expected(hint)}.")


def _contents(
    value: list[Any] | dict[str, Any], origin: type, hints: Sequence[Any], what: str
) -> tuple[Any, ...] | dict[str, Any] | None:
    """A list or table with its items fitted; None where the other of the two is expected."""
    if isinstance(value, list):
        fits = issubclass(origin, Sequence)
        return tuple(fitted(item, hints[0], what) for item in value) if fits else None
    fits = issubclass(origin, Mapping)
    return {key: fitted(item, hints[1], what) for key, item in value.items()} if fits else None


def _one_of(value: Any, hints: Sequence[Any], what: str) -> Any:
    # An exact type first, so that a whole number does not become a float where both may stand.
    if any(type(value) is hint for hint in hints):
        return value
    last: StudyError | None = None
    for hint in hints:
        if hint is NoneType:
            continue
        try:
            return fitted(value, hint, what)
        except StudyError as error:
            last = last or error
    raise last or StudyError(f"{what} is {_word(value)}.")


_WORDS: dict[Any, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false",
    date: "a date", list: "a list", dict: "a table",
}  # fmt: skip


def _word(value: Any) -> str:
    return _WORDS.get(type(value), type(value).__name__)


def _expected(hint: Any) -> str:
    origin = get_origin(hint)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return "a list"
    if origin is not None:
        return "a table, { ... = ... }"
    return _WORDS.get(hint, str(getattr(hint, "__name__", hint)))


def _poolings(document: Mapping[str, Any]) -> tuple[Pooling, ...]:
    """One [pooling], or several [[pooling]]."""
    if isinstance(document["pooling"], dict):
        return (built(Pooling, document["pooling"], "[pooling]"),)
    return tuple(built(Pooling, *one) for one in _tables(document, "pooling"))


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in document:
        raise StudyError(f"the document has no [{name}].")
    return _optional(document, name)


def _optional(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise StudyError(f"'{name}' is {_word(table)}: expected one section [{name}].")
    return table


def _tables(document: Mapping[str, Any], name: str) -> list[tuple[dict[str, Any], str]]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise StudyError(f"'{name}' must be written as sections [[{name}]].")
    return [(one, f"[[{name}]] number {place}") for place, one in enumerate(tables, start=1)]


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise StudyError(f"{where} needs {key} = some text.")
    return value


def _follow_up(table: Any, where: str) -> FollowUp:
    if not isinstance(table, dict):
        raise StudyError(f"{where} is {_word(table)}: expected a table.")
    flat = dict(table)
    if isinstance(flat.get("event"), dict):
        event = flat.pop("event")
        check_keys(event, EVENT_KEYS, f"'event' in {where}")
        flat["event"] = _text(event, "column", f"'event' in {where}")
        flat |= {key: value for key, value in event.items() if key != "column"}
    if isinstance(flat.get("scale"), dict):
        scale = built(TimeScale, flat.pop("scale"), f"'scale' in {where}")
    else:
        raise StudyError(f'{where} needs scale = {{ name = "...", unit = "years" }}.')
    happened = flat.get("happened")
    for key in ("happened", "censored"):
        if not isinstance(flat.get(key), list) and key in flat:
            flat[key] = [flat[key]]
    known = [one.name for one in fields(FollowUp)]
    check_keys(flat, known, where)
    hints = get_type_hints(FollowUp) | {"happened": tuple[Code, ...], "censored": tuple[Code, ...]}
    values = {key: fitted(value, hints[key], f"'{key}' in {where}") for key, value in flat.items()}
    for key in ("happened", "censored"):
        if key in values and len(values[key]) == 1:
            values[key] = values[key][0]
    if "competing" in values:
        first = happened[0] if isinstance(happened, list) and happened else happened
        values["competing"] = codes_like(first, values["competing"])
    for key in ("exit", "event"):
        _text(values, key, where)
    return told(FollowUp, {"scale": scale} | values, where)


def _variable(name: str, table: Any) -> Any:
    where = f"[variables] {name}"
    if not isinstance(table, dict):
        raise StudyError(f'{where} is {_word(table)}: write {{ kind = "continuous", ... }}.')
    if "name" in table:
        raise StudyError(f"{where} has an unknown key 'name': the name stands before the table.")
    flat: dict[str, Any] = {"name": name} | table
    example = None
    if table.get("kind") == "categorical":
        levels = table.get("levels")
        example = table.get("reference", levels[0] if isinstance(levels, list) and levels else None)
    elif table.get("kind") == "binary":
        example = table.get("yes")
    for key in ("labels", "missing"):
        if isinstance(flat.get(key), dict):
            flat[key] = (
                number_if_it_reads_so(flat[key])
                if example is None and table.get("kind") != "categorical"
                else codes_like(example, flat[key])
            )
    return of_kind(VARIABLES, flat, where)


def _asked(table: dict[str, Any], where: str) -> Asked:
    own = {key: table[key] for key in QUESTION_KEYS if key in table}
    rest = {key: value for key, value in table.items() if key not in QUESTION_KEYS}
    known = [*(one.name for one in fields(Question)), *QUESTION_KEYS]
    check_keys(table, known, where)
    for key, value in own.items():
        fitted(value, str, f"'{key}' in {where}")
    return Asked(built(Question, rest, where), own.get("follow_up"), own.get("title"))


def _estimator(table: dict[str, Any], where: str) -> Any:
    named = dict(table)
    found: dict[str, Any] = {}
    for key, kinds in SETTINGS.items():
        if key in named:
            value = named.pop(key)
            of = value if isinstance(value, dict) else {"kind": value}
            found[key] = of_kind(kinds, of, f"'{key}' in {where}")
    plain = of_kind(ESTIMATORS, named, where)
    if not found:
        return plain
    values = {one.name: getattr(plain, one.name) for one in fields(plain)}
    for key in found:
        if key not in values:
            raise StudyError(f"{where} has '{key}', which kind = '{table['kind']}' does not know.")
    return told(type(plain), values | found, where)
