"""The door for published tables: a JSON file in, checked records out.

The file is reviewed by hand, so that nothing in it is guessed here: every key must be there.
"""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from .errors import MOST_ROWS_NAMED, SchemaError, counted, nearest
from .published import PublishedEffect, PublishedGroup, PublishedTable

T = TypeVar("T")


def read_published(path: str | Path) -> tuple[PublishedTable, ...]:
    """Read a JSON file of published tables: ``{"about": {...}, "studies": [{...}, ...]}``.

    Every key of a record must be there, null where the value was not found; an unknown key is
    refused and the nearest known one named. All records are checked before anything is refused.

    Raises SchemaError with the records concerned (five at most).
    """
    path = Path(path)
    if not path.is_file():
        raise SchemaError(f"there is no file '{path.name}' of published tables at that place.")
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SchemaError(f"'{path.name}' is not JSON in UTF-8: {error}.") from None
    if not isinstance(document, dict) or set(document) != {"about", "studies"}:
        raise SchemaError(f"'{path.name}' must be an object of two keys, 'about' and 'studies'.")
    if not isinstance(document["studies"], list):
        raise SchemaError(f"'studies' in '{path.name}' must be a list of records.")
    return _tables(document["studies"], path.name)


def _tables(records: list[Any], file: str) -> tuple[PublishedTable, ...]:
    tables: list[PublishedTable] = []
    problems: list[str] = []
    for number, record in enumerate(records, start=1):
        try:
            tables.append(_built(PublishedTable, record))
        except SchemaError as error:
            problems.append(f"record {number}: {error}")
    for name, times in Counter(table.id for table in tables).items():
        if times > 1:
            problems.append(f"{times} records have the id '{name}': expected one.")
    if problems:
        shown = "\n".join(problems[:MOST_ROWS_NAMED])
        more = len(problems) - MOST_ROWS_NAMED
        raise SchemaError(
            f"{counted(len(problems), 'problems')} in the published tables of '{file}':\n{shown}"
            + (f"\nand {more:,} more." if more > 0 else "")
        )
    return tuple(tables)


def _built(kind: type[T], record: Any) -> T:
    if not isinstance(record, dict):
        raise SchemaError(f"expected an object of named values for a {kind.__name__}.")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in record:
        if key not in names:
            raise SchemaError(f"unknown key '{key}': {nearest(key, names)}")
    absent = [name for name in names if name not in record]
    if absent:
        raise SchemaError(f"key '{absent[0]}' is absent: write null where nothing was found.")
    hints = get_type_hints(kind)
    return kind(**{name: _value(name, record[name], hints[name]) for name in names})


def _value(name: str, value: Any, hint: Any) -> Any:
    allowed = get_args(hint) if get_origin(hint) is not tuple else (hint,)
    for option in allowed or (hint,):
        if get_origin(option) is tuple and isinstance(value, list):
            return tuple(_value(name, item, get_args(option)[0]) for item in value)
        if option in (PublishedGroup, PublishedEffect) and isinstance(value, dict):
            return _built(option, value)
        if option is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if type(value) is option:
            return value
    raise SchemaError(f"'{name}' is of type {type(value).__name__}: expected {hint}.")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if twice:
        raise SchemaError(f"the key '{twice[0]}' stands twice in one record: expected it once.")
    return dict(pairs)


def _no_constant(word: str) -> NoReturn:
    raise SchemaError(f"the file holds {word}, which is no number: write null.")
