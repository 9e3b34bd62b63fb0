"""Draw the people of a recipe: the same seed gives the same people, column by column."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from cohort.errors import StudyError, nearest

from ..streams import Draws
from .expressions import PERSON
from .reading import Recipe


def draw(
    recipe: Recipe, persons: int, seed: int, *, do: Mapping[str, float] | None = None
) -> pl.DataFrame:
    """One frame of invented people, a row each, with the column ``person`` counted from 0.

    persons : how many are drawn, before ``keep`` restricts them. seed : a whole number of 0 or
    more; each column has a random stream of its own, so that adding one leaves the others as they
    are. do : columns set by intervention, ``{"carrier": 1.0}``, whatever the recipe would have
    drawn; later columns follow from them and all else stays equal.

    Raises StudyError for a column to set that does not exist, and when a probability, a standard
    deviation or a time cannot be used, or an expression cannot be worked out.
    """
    if persons < 1 or seed < 0:
        raise StudyError(
            f"persons = {persons}, seed = {seed}: expected at least 1 person, a seed of 0 or more."
        )
    fixed = dict(do or {})
    for name in fixed:
        if name not in recipe.names:
            raise StudyError(f"do= sets '{name}': {nearest(name, list(recipe.names))}")
    draws = Draws(seed, 0, persons)
    frame = pl.DataFrame({PERSON: np.arange(persons, dtype=np.int64)})
    for name, column in recipe.columns:
        if name in fixed:
            drawn = pl.Series(name, np.full(persons, fixed[name]))
        else:
            drawn = pl.Series(name, column.values(frame, draws.uniform(name), f"column '{name}'"))
        frame = frame.with_columns(drawn.alias(name))
    return frame if recipe.keep is None else frame.filter(recipe.keep.holds(frame))
