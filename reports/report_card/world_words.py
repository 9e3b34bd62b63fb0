"""A scenario in words: the columns of its world, its cohorts and its models."""

from dataclasses import fields
from typing import Any

from synthetic.recipe import Expression, Recipe
from synthetic.recipe.reading import DRAWS

from .. import numbers
from ..content import Row, Table
from .document import CohortPlan, Method, Sampled

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


def cohort_words(plan: CohortPlan) -> str:
    """How the people of the world become a cohort."""
    told = [f"{plan.scale.name} ({plan.scale.unit}), exit '{plan.exit}', event '{plan.event}'"]
    told.append("no late entry" if plan.entry is None else f"entry '{plan.entry}'")
    if plan.competing:
        told.append(f"competing: {numbers.listed(plan.competing)}")
    if plan.keep is not None:
        told.append(f"those with {plan.keep}")
    if plan.expose is not None:
        told.append(f"'{plan.expose.name}' from '{plan.expose.starts}' on")
    for cut in plan.cut:
        at = numbers.listed([numbers.plain(one) for one in cut.at])
        told.append(f"cut at {at}" + (f" of {cut.on.scale.name}" if cut.on else ""))
    if plan.sample is not None:
        told.append(_sample_words(plan.sample))
    return "; ".join(told)


def _sample_words(sample: Sampled) -> str:
    if sample.design == "case-control":
        return "cases and controls"
    if sample.design == "nested-case-control":
        return f"{sample.controls} controls for each case"
    if isinstance(sample.size, int):
        told = f"every case and a subcohort of {numbers.count(sample.size)}"
    else:
        sizes = [f"{numbers.count(size)} ({level})" for level, size in sample.size.items()]
        told = f"every case and a subcohort by '{sample.stratum}': {numbers.listed(sizes)}"
    return f"{told}, treated as a full cohort" if sample.forgotten else told


def model_words(method: Method) -> str:
    """The model that a method fits."""
    told = [f"{type(method.estimator).__name__} of '{method.exposure}'"]
    weighting = getattr(method.estimator, "weighting", None)
    if weighting is not None:
        told.append(f"weighting {type(weighting).__name__}")
    if method.adjust:
        told.append(f"adjusted for {_quoted(method.adjust)}")
    if method.strata:
        told.append(f"a baseline for each level of {_quoted(method.strata)}")
    if method.missing != "refuse":
        told.append("complete cases")
    if method.outcome is not None:
        told.append(f"outcome '{method.outcome}'")
    if method.published is not None:
        told.append(f"only results with p < {numbers.plain(method.published)}")
    return "; ".join(told)


def _quoted(words: tuple[str, ...]) -> str:
    return numbers.listed([f"'{word}'" for word in words])
