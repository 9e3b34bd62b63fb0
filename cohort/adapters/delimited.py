"""Delimited text files: every field is text first, and becomes a number or date by rule.

A column of nothing but plain numbers becomes numbers, of ISO dates (YYYY-MM-DD) dates, of
true/false booleans; anything else stays text. Codes with leading zeros and whole numbers of more
than 18 digits stay text, since a number would damage them.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import polars as pl

from ..errors import SchemaError, agreeing, counted, row_list
from .dates import ISO, DateFormat, dates_or_problem, refuse_unknown_columns

ROWS_AT_A_TIME = 50_000
WHOLE = r"^[+-]?(0|[1-9]\d{0,17})$"
SEPARATORS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}
MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a delimited text file is written.

    separator : one character. decimal : "." or ",". encoding : such as "utf-8" or "latin-1".
    missing : the fields that mean "no value" in every column; ``missing_in`` replaces them for the
    columns it names: ``{"bmi": ("", "."), "death": ("", "9999-12-31")}``.
    dates : columns whose dates are not ISO, ``{"birth": "DD/MM/YYYY"}``. text : columns to keep as
    text whatever they hold, such as codes and further identifiers.
    bad_rows : "stop" refuses the file when a row has too many or too few fields or a declared date
    that is none; "set aside" leaves such rows out and counts them in the provenance.

    Raises SchemaError for a format that contradicts itself.
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("", "NA")
    missing_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    bad_rows: Literal["stop", "set aside"] = "stop"

    def __post_init__(self) -> None:
        for role, example in (("missing_in", "{'bmi': ('', '.')}"), ("dates", "{'birth': '...'}")):
            if not isinstance(getattr(self, role), Mapping):
                raise SchemaError(f"{role} goes by column: {role}={example}.")
        object.__setattr__(self, "missing_in", MappingProxyType(dict(self.missing_in)))
        object.__setattr__(self, "dates", MappingProxyType(dict(self.dates)))
        if len(self.separator) != 1 or self.separator in '"\r\n':
            raise SchemaError("separator must be one character, such as ',', ';' or a tab.")
        if self.decimal not in (".", ",") or self.decimal == self.separator:
            raise SchemaError(
                "decimal must be '.' or ',', and not the separator: files with a decimal comma "
                "usually have separator = ';'."
            )
        if self.bad_rows not in ("stop", "set aside"):
            raise SchemaError(f"bad_rows = '{self.bad_rows}': expected 'stop' or 'set aside'.")
        if any(isinstance(tokens, str) for tokens in (self.missing, *self.missing_in.values())):
            raise SchemaError(
                "missing takes several fields: ('', 'NA') in Python, ['', 'NA'] in a document."
            )
        for layout in self.dates.values():
            DateFormat(layout)


PLAIN_CSV = CsvFormat()


@dataclass(frozen=True, slots=True, eq=False)
class Delimited:
    """What a delimited file held: typed columns, rows read, and why rows were set aside."""

    frame: pl.DataFrame
    rows_read: int
    refusals: tuple[str, ...] = ()


def read_delimited(path: Path, form: CsvFormat, identifier: str) -> Delimited:
    """A delimited text file with a header row.

    identifier : the column of person identifiers, which stays text.

    Raises SchemaError, without any content of the file, when it cannot be read as declared.
    """
    if not isinstance(form, CsvFormat):
        raise SchemaError(f"form is {type(form).__name__}: expected CsvFormat(separator=';', ...).")
    header, chunks, ragged, rows = _fields(path, form)
    for named, where in ((form.dates, "dates="), (form.missing_in, "missing_in=")):
        refuse_unknown_columns(named, header, where)
    refuse_unknown_columns(dict.fromkeys(form.text), header, "text=")
    stories = []
    if ragged:
        stories.append(
            f"{len(ragged):,} of {counted(rows, 'rows')} of '{path.name}' "
            f"{agreeing(len(ragged), 'do')} not have the {len(header)} "
            f"fields of the header ({row_list(ragged)}): check separator and unquoted separators "
            "inside fields."
        )
    raw = pl.concat(chunks) if chunks else pl.DataFrame(schema=dict.fromkeys(header, pl.String))
    columns, failed = [], pl.repeat(False, len(raw), dtype=pl.Boolean, eager=True)
    for series in raw:
        values = _without_missing(series, form)
        if series.name in form.dates:
            values, wrong, story = dates_or_problem(values, form.dates[series.name])
            failed = failed | wrong
            stories.extend([story] if story else [])
        elif series.name != identifier and series.name not in form.text:
            values = typed(values, form.decimal)
        columns.append(values)
    if stories and form.bad_rows == "stop":
        raise SchemaError("\n".join(stories))
    return Delimited(pl.DataFrame(columns).filter(~failed), rows, tuple(stories))


def _fields(path: Path, form: CsvFormat) -> tuple[list[str], list[pl.DataFrame], list[int], int]:
    """Header, fields as text in chunks, positions of ragged rows, and number of rows."""
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") == "utf-8" else form.encoding
    try:
        with path.open(encoding=encoding, newline="") as stream:
            reader = csv.reader(stream, delimiter=form.separator, strict=True)
            header = _header(next(reader, []), path, form.separator)
            return header, *_chunks(reader, header)
    except UnicodeDecodeError:
        raise SchemaError(f"'{path.name}' is not text in {form.encoding}: {_kind(path)}") from None
    except LookupError:
        raise SchemaError(f"encoding = '{form.encoding}' is not known.") from None
    except (csv.Error, OSError) as error:
        raise SchemaError(
            f"'{path.name}' cannot be read as delimited text ({type(error).__name__}): a quote "
            "that does not close, or a field longer than 131,072 characters."
        ) from None


def _kind(path: Path) -> str:
    """What a file that is no text in its encoding seems to be, and what to do."""
    with path.open("rb") as stream:
        begins = stream.read(4)
    if begins.startswith(b"PK"):
        return "it is a spreadsheet or an archive. Save the sheet as CSV, or unpack the file."
    if begins.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it begins as UTF-16 does. Declare encoding = 'utf-16'."
    return "declare its encoding, such as 'latin-1' (compressed files: unpack them first)."


def _header(names: list[str], path: Path, separator: str) -> list[str]:
    if not names:
        raise SchemaError(f"'{path.name}' is empty: expected a header row.")
    _refuse_another_separator(names, path, separator)
    if any(not name.strip() for name in names):
        raise SchemaError(
            f"{sum(not name.strip() for name in names)} of {len(names)} columns of '{path.name}' "
            "have no name in the header row."
        )
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SchemaError(
            f"'{path.name}' has {counted(len(doubled), 'column names')} twice, such as "
            f"'{doubled[0]}'."
        )
    return names


def _refuse_another_separator(names: list[str], path: Path, separator: str) -> None:
    """Tell a header that is one field because another separator was declared."""
    if len(names) > 1:
        return
    found = max(SEPARATORS, key=names[0].count)
    if found == separator or not names[0].count(found):
        return
    word, declared = (SEPARATORS.get(one, f"'{one}'") for one in (found, separator))
    told = "\\t" if found == "\t" else found
    comma = ", and decimal too if its numbers have a decimal comma" if found == ";" else ""
    raise SchemaError(
        f"the header of '{path.name}' is one field: separator {word} found, {declared} expected. "
        f"Declare separator{comma}: CsvFormat(separator='{told}') in Python, "
        f'form = {{ separator = "{told}" }} in [source] of a study document.'
    )


def _chunks(
    reader: Iterator[list[str]], header: list[str]
) -> tuple[list[pl.DataFrame], list[int], int]:
    chunks: list[pl.DataFrame] = []
    ragged: list[int] = []
    rows = blank = 0
    while lines := list(islice(reader, ROWS_AT_A_TIME)):
        whole = []
        for line in lines:
            # Blank lines count as rows only if more rows follow: a file may end with some.
            if not line:
                blank += 1
                continue
            ragged.extend(range(rows, rows + blank))
            rows, blank = rows + blank, 0
            if len(line) == len(header):
                whole.append(line)
            else:
                ragged.append(rows)
            rows += 1
        if whole:
            columns = zip(header, zip(*whole, strict=True), strict=True)
            chunks.append(pl.DataFrame([pl.Series(n, c, dtype=pl.String) for n, c in columns]))
    return chunks, ragged, rows


def _without_missing(series: pl.Series, form: CsvFormat) -> pl.Series:
    tokens = form.missing_in.get(series.name, form.missing)
    return series.zip_with(~series.is_in(list(tokens)), pl.Series([None], dtype=pl.String))


def typed(text: pl.Series, decimal: str = ".") -> pl.Series:
    """A text column as what all its values are: numbers, ISO dates, booleans; else as it is."""
    if text.null_count() == len(text):
        return pl.Series(text.name, [None] * len(text), dtype=pl.Null)
    values = text.drop_nulls()
    if values.str.contains(WHOLE).all():
        return text.cast(pl.Int64)
    numbers = plain_numbers(text, decimal)
    if numbers is not None:
        return numbers
    if values.is_in([*TRUE, *FALSE]).all():
        return text.is_in(list(TRUE))
    return iso_dates(text)


def plain_numbers(text: pl.Series, decimal: str = ".") -> pl.Series | None:
    """A text column as Float64, or None when any value is no plain number."""
    point = "," if decimal == "," else r"\."
    pattern = rf"^[+-]?((0|[1-9]\d*)({point}\d*)?|{point}\d+)([eE][+-]?\d{{1,3}})?$"
    if not text.drop_nulls().str.contains(pattern).all():
        return None
    # A whole number beyond float64's 15 digits would come back as another number.
    if text.drop_nulls().str.contains(r"^[+-]?\d{16,}$").any():
        return None
    if decimal == ",":
        text = text.str.replace(",", ".", literal=True)
    return text.cast(pl.Float64)


def iso_dates(text: pl.Series) -> pl.Series:
    """A text column as dates or date-times when all its values are ISO; else as it is."""
    values = text.drop_nulls()
    if values.str.contains(DateFormat(ISO).pattern()).all():
        dates = DateFormat(ISO).read(text)
        return dates if dates.null_count() == text.null_count() else text
    if values.str.contains(MOMENT).all():
        moments = text.str.replace("T", " ", literal=True).str.to_datetime(
            "%Y-%m-%d %H:%M:%S%.f", strict=False
        )
        return moments if moments.null_count() == text.null_count() else text
    return text
