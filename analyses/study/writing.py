"""From a Study to the text of its document; reading it back gives an equal Study."""

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from typing import Any

from cohort import FollowUp, FullCohort
from cohort.errors import StudyError

from .kinds import DESIGNS, ESTIMATORS, SETTINGS, SOURCES, VARIABLES
from .parts import Study, Wording
from .sources import FileSource, Source

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KINDS = {
    kind: word
    for words in (SOURCES, DESIGNS, ESTIMATORS, VARIABLES, *SETTINGS.values())
    for word, kind in words.items()
}


def document_text(study: Study) -> str:
    """The study as TOML: sections in one order, defaults left out."""
    blocks = [
        _section("[study]", {"title": study.title, "question": study.question}),
        _section("[source]", _source(study.source)),
    ]
    if study.derived:
        blocks.append(_section("[derived]", study.derived))
    if study.follow_up is not None:
        blocks.append(_section("[follow_up]", _follow_up(study.follow_up)))
    for name, other in study.other_follow_up.items():
        blocks.append(_section(f"[other_follow_up.{_key(name)}]", _follow_up(other)))
    if study.design != FullCohort():
        blocks.append(_section("[design]", _kinded(study.design)))
    if study.variables:
        tables = {one.name: _without(_kinded(one), "name") for one in study.variables}
        blocks.append(_section("[variables]", tables))
    blocks += [_section("[[exclusions]]", _plain(one)) for one in study.exclusions]
    for asked in study.questions:
        own = {"title": asked.title, "follow_up": asked.follow_up}
        table = {key: value for key, value in own.items() if value is not None}
        blocks.append(_section("[[questions]]", table | _plain(asked.question)))
    blocks += [_section("[[estimators]]", _kinded(one)) for one in study.estimators]
    header = "[pooling]" if len(study.pooling) == 1 else "[[pooling]]"
    blocks += [_section(header, _plain(one)) for one in study.pooling]
    if study.twin is not None:
        blocks.append(_section("[twin]", _plain(study.twin)))
    if study.report != Wording():
        blocks.append(_section("[report]", _plain(study.report)))
    return "\n".join(blocks)


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    table: dict[str, Any] = {}
    for one in fields(value):
        found = getattr(value, one.name)
        default = one.default
        if one.default_factory is not MISSING:
            default = one.default_factory()
        if found is not None and found != default:
            table[one.name] = found
    return table


def _source(source: Source) -> dict[str, Any]:
    """A file is what a source is unless it says otherwise."""
    table = _kinded(source)
    return _without(table, "kind") if isinstance(source, FileSource) else table


def _kinded(value: Any) -> dict[str, Any]:
    return {"kind": _KINDS[type(value)]} | _plain(value)


def _without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}


def _follow_up(follow_up: FollowUp) -> dict[str, Any]:
    table = _plain(follow_up)
    event = {"column": table.pop("event")}
    for key in ("happened", "competing", "censored", "label"):
        if key in table:
            event[key] = table.pop(key)
    table["scale"] = _plain(follow_up.scale)
    return table | {"event": event}


def _section(header: str, table: Mapping[str, Any]) -> str:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items()]
    return "\n".join([header, *lines, ""])


def _key(key: Any) -> str:
    text = str(key).lower() if isinstance(key, bool) else str(key)
    return text if _BARE.fullmatch(text) else _text(text)


def _text(text: str) -> str:
    # JSON's escapes are those of TOML, except that TOML wants DEL escaped as well.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        if sum(len(str(item)) for item in value) > 90:
            inner = "".join(f"\n  {_value(item)}," for item in value)
            return f"[{inner}\n]"
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if is_dataclass(value) and type(value) in _KINDS:
        table = _kinded(value)
        return _text(table["kind"]) if len(table) == 1 else _value(table)
    if is_dataclass(value):
        return _value(_plain(value))
    raise StudyError(f"a {type(value).__name__} cannot be written in a study document.")
