"""What a column must be for follow-up to be cut by it."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .cohort import Cohort
from .declaration import PERSON
from .designs import CaseCohort, FullCohort
from .errors import DesignError, SchemaError, UnsupportedError, counted, row_list
from .timescales import sentinel_story, sentinels


def refuse_matched(cohort: Cohort) -> None:
    """Refuse designs whose records are members of sets and no follow-up."""
    if not isinstance(cohort.design, (FullCohort, CaseCohort)):
        raise UnsupportedError(
            f"follow-up of a {type(cohort.design).__name__} cannot be split: its records belong to "
            "matched sets. Split the cohort before the sets are drawn."
        )


def refuse_absent(frame: pl.DataFrame, column: str) -> None:
    """Refuse a column that the data do not have."""
    if column not in frame.columns:
        raise SchemaError(f"the data have no column '{column}'.")


def refuse_unknown(times: NDArray[np.float64], column: str, remedy: str) -> None:
    """Refuse times that are missing, (n,) with NaN for missing."""
    unknown = np.isnan(times)
    if unknown.any():
        raise SchemaError(
            f"{counted(unknown.sum(), 'records have')} no value in '{column}' "
            f"({row_list(np.flatnonzero(unknown))}): {remedy}, or take the records out."
        )


def refuse_sentinels(cohort: Cohort, column: str) -> None:
    """Refuse dates that mostly stand for an unknown date."""
    hit = sentinels(cohort.frame[column], cohort.follow_up.genuine)
    if hit.any():
        raise SchemaError(sentinel_story(column, hit))


def refuse_varying(cohort: Cohort, column: str) -> None:
    """Refuse a column that differs between records of one person."""
    table = cohort.frame.select(PERSON, pl.col(column).alias("value"))
    first = pl.col("value").first().over(PERSON)
    differs = table.select(~pl.col("value").eq_missing(first)).to_series()
    if differs.any():
        raise DesignError(
            f"{counted(differs.sum(), 'records differ')} from the person's first record in "
            f"'{column}' "
            f"({row_list(differs.arg_true())}): expected one value for a person."
        )
