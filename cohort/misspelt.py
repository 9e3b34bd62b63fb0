"""What values that do not fit their declaration nearly are, for the story of the refusal."""

from collections.abc import Sequence

import polars as pl

from .errors import agreeing, counted, row_list

COMMA_NUMBER = r"^[+-]?\d+,\d+$"


def nearly_levels(strange: pl.Series, levels: Sequence[object]) -> str:
    """How many values are a level but for spaces around them or capitals, as a sentence."""
    if strange.dtype != pl.String:
        return ""
    known = [str(level).strip().lower() for level in levels]
    nearly = int(strange.str.strip_chars().str.to_lowercase().is_in(known).sum())
    if not nearly:
        return ""
    return (
        f" {nearly:,} of these {agreeing(nearly, 'are')} a level but for spaces around it or "
        "capitals: correct the data."
    )


def decimal_commas(values: pl.Series, strange: pl.Series) -> str:
    """What to do where all the strange values of a text column (n,) are decimal numbers."""
    commas = values.filter(strange).str.contains(COMMA_NUMBER)
    if not commas.all():
        return ""
    return (
        f"{counted(len(commas), 'values have')} a decimal comma ({row_list(strange.arg_true())}). "
        "Write points, or declare it: CsvFormat(separator=';', decimal=',') in Python, "
        "form = { separator = ';', decimal = ',' } in [source] of a study document."
    )
