"""A teaching world in a table: every column, how it is drawn, and from what."""

from dataclasses import fields
from typing import Any

from synthetic.recipe import Recipe
from synthetic.recipe.expressions import Expression
from synthetic.recipe.reading import DRAWS

from .. import numbers
from ..content import Row, Table

DRAWN_AS = {kind: name for name, kind in DRAWS.items()}


def world_table(recipe: Recipe) -> Table:
    """One row a column, in the order drawn."""
    rows = tuple(
        Row((name, _drawn_as(column), _parameters(column))) for name, column in recipe.columns
    )
    return Table("Columns of the world", ("Column", "Drawn as", "From"), rows, (), (0, 1, 2))


def _drawn_as(column: Any) -> str:
    name = next(word for kind, word in DRAWN_AS.items() if kind is type(column))
    return "not drawn" if name == "is" else name


def _parameters(column: Any) -> str:
    told = []
    for one in fields(column):
        value = getattr(column, one.name)
        if one.name == "changes":
            told += [f"from {change.at.text} on add {change.add.text}" for change in value]
        elif isinstance(value, Expression):
            if value.text != "0" or one.name in ("mean", "low"):
                told.append(f"{one.name.replace('_', ' ')} {value.text}")
        else:
            told.append(f"{one.name} {_hazard(value)}")
    return "; ".join(told)


def _hazard(hazard: Any) -> str:
    numbers_of = (f"{one.name} {_number(getattr(hazard, one.name))}" for one in fields(hazard))
    return f"{type(hazard).__name__} ({', '.join(numbers_of)})"


def _number(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(numbers.plain(one) for one in value)
    return numbers.plain(value)
