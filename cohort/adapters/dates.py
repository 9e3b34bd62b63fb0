"""Dates written as text, in an order that is declared and never guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..errors import SchemaError, agreeing, counted, nearest, row_list

PARTS = {"YYYY": (r"\d{4}", "%Y"), "MM": (r"\d{2}", "%m"), "DD": (r"\d{2}", "%d")}
SEPARATORS = "/-. "
ISO = "YYYY-MM-DD"
TWO_DIGIT_YEAR = r"^\d{1,2}[/. -]\d{1,2}[/. -]\d{2}$"


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How a column writes its dates: YYYY, MM and DD once each, in order, such as ``DD/MM/YYYY``.

    Between them may stand one of ``/ - .`` or a space, or nothing (``YYYYMMDD``). Years have four
    digits: two could be of either century.

    Raises SchemaError for anything else.
    """

    layout: str

    def __post_init__(self) -> None:
        rest = self.layout
        for part in PARTS:
            if rest.count(part) != 1:
                raise SchemaError(
                    f"date format '{self.layout}': expected YYYY, MM and DD once each, such as "
                    "'DD/MM/YYYY' or 'YYYYMMDD'; years need four digits."
                )
            rest = rest.replace(part, "")
        if len(rest) not in (0, 2) or len(set(rest)) > 1 or not set(rest) <= set(SEPARATORS):
            raise SchemaError(
                f"date format '{self.layout}': between YYYY, MM and DD may stand one of / - . or "
                "a space, the same twice, or nothing."
            )

    def pattern(self) -> str:
        """The regular expression of the layout, whole value."""
        text = re.escape(self.layout)
        for part, (pattern, _) in PARTS.items():
            text = text.replace(part, pattern)
        return f"^{text}$"

    def read(self, text: pl.Series) -> pl.Series:
        """The dates of a text column (n,), null where the text is no date in this layout."""
        directive = self.layout
        for part, (_, code) in PARTS.items():
            directive = directive.replace(part, code)
        shaped = text.str.contains(self.pattern()).fill_null(False)
        kept = text.zip_with(shaped, pl.Series([None], dtype=pl.String))
        return kept.str.to_date(directive, strict=False)


def dates_or_problem(text: pl.Series, layout: str) -> tuple[pl.Series, pl.Series, str | None]:
    """A text column as dates, where it fails (n,) bool, and the story of the failures, if any."""
    form = DateFormat(layout)
    if text.dtype == pl.Null:
        return text.cast(pl.Date), text.is_not_null(), None
    dates = form.read(text)
    failed = dates.is_null() & text.is_not_null()
    if not failed.any():
        return dates, failed, None
    wrong = text.filter(failed)
    shaped = len(wrong.filter(wrong.str.contains(form.pattern())))
    short = len(wrong.filter(wrong.str.contains(TWO_DIGIT_YEAR)))
    kinds = [
        f"{count:,} {kind}"
        for count, kind in (
            (shaped, "with a day or month that the calendar does not have"),
            (short, "with a two-digit year"),
            (len(wrong) - shaped - short, "in another format"),
        )
        if count
    ]
    story = (
        f"{counted(len(wrong), 'values')} of '{text.name}' "
        f"{agreeing(len(wrong), 'do')} not read as a date written {layout} "
        f"({row_list(failed.arg_true())}): {', '.join(kinds)}. Correct them, or declare the text "
        "that stands for an unknown date as missing."
    )
    return dates, failed, story


def with_dates(frame: pl.DataFrame, dates: Mapping[str, str]) -> pl.DataFrame:
    """A table with columns of text, or of whole numbers such as 19800131, read as dates.

    dates : the declared format of each column. Columns that hold dates already stay as they are.

    Raises SchemaError that tells of every column whose values do not fit its format.
    """
    refuse_unknown_columns(dates, frame.columns, "dates=")
    columns, stories = [], []
    for column, layout in dates.items():
        series = frame[column]
        if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
            continue
        read, _, story = dates_or_problem(_as_text(series), layout)
        columns.append(read)
        stories.extend([story] if story else [])
    if stories:
        raise SchemaError("\n".join(stories))
    return frame.with_columns(columns)


def _as_text(series: pl.Series) -> pl.Series:
    """Text as it is; whole numbers as their digits."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
        if (series == series.round(0)).fill_null(True).all() and not series.is_infinite().any():
            series = series.cast(pl.Int64)
    if series.dtype.is_integer() or isinstance(series.dtype, (pl.Categorical, pl.Enum)):
        return series.cast(pl.String)
    if series.dtype in (pl.String, pl.Null):
        return series
    raise SchemaError(
        f"column '{series.name}' holds {series.dtype}: a date format is for text or whole numbers."
    )


def refuse_unknown_columns(named: Mapping[str, object], columns: Sequence[str], where: str) -> None:
    """Refuse a declaration for a column that the data do not have, naming the nearest."""
    for name in named:
        if name not in columns:
            raise SchemaError(f"{where} names column '{name}': {nearest(name, columns)}")
