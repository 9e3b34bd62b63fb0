"""Survival predicted by a Cox model for given covariates, with intervals."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from cohort.cohort import Cohort
from cohort.errors import QuestionError, SchemaError, nearest
from cohort.variables import Binary, Categorical, Variable

from ..curve import CURVE_SCHEMA, Curve
from ..curves.intervals import ConfType, check_interval, probability_limits
from ..estimate import Estimates
from ..model import matrix, models_of
from ..question import Question
from ..records import Floats
from .baseline import Stretch, cumulative_hazard
from .fit import CoxFit

Covariates = Mapping[str, object]


def predicted_survival(
    cohort: Cohort,
    question: Question,
    estimates: Estimates,
    *,
    model: str,
    at: Mapping[str, Covariates],
    conf_type: ConfType = "log",
) -> Curve:
    """Survival exp(-cumulative hazard) at every event time, a group for each set of covariates.

    model : the adjustment set. at : ``{group: {variable: value}}`` with a value for every variable
    of the model, in its own units and codes; time-fixed. An offset counts as 0. std_error is that
    of the survival probability; events and coefficients both count (Tsiatis 1981; Link 1984).

    Raises UnsupportedError for a sampled design, QuestionError for a stratified model, SchemaError
    for a variable without a value, or with one that it cannot have.
    """
    if not all(isinstance(values, Mapping) for values in at.values()):
        raise QuestionError(
            "at= names groups, each with its values: {'a woman who smokes': {'smoker': True}}."
        )
    check_interval(conf_type, estimates.frame["conf_level"][0])
    fit = estimates.fit(model)
    if int(fit.given.stratum.max(initial=0)) > 0:
        raise QuestionError(
            "the model has strata, each with its own baseline: use cumulative_hazard(fit, ..., "
            "stratum=) for one of them."
        )
    frames = [
        _curve(fit, _columns(cohort, question, model, values), group, conf_type, estimates)
        for group, values in at.items()
    ]
    return Curve(
        pl.concat(frames),
        "survival",
        f"Survival predicted by the Cox model '{model}', ties by {fit.ties.capitalize()}; "
        f"{conf_type} limits.",
        float(estimates.frame["conf_level"][0]),
        cohort.scale.unit,
    )


def _columns(cohort: Cohort, question: Question, model: str, values: Covariates) -> Floats:
    """The columns (p,) of a model for one set of covariates."""
    chosen = next(one for one in models_of(cohort, question) if one.name == model)
    lacking = [name for name in chosen.variables() if name not in values]
    if lacking:
        raise SchemaError(f"no value is given for the variable '{lacking[0]}' of '{model}'.")
    strange = [name for name in values if name not in chosen.variables()]
    if strange:
        raise SchemaError(
            f"'{strange[0]}' is not in the model '{model}'; "
            f"{nearest(strange[0], list(chosen.variables()))}"
        )
    for name in chosen.variables():
        _check_value(cohort.variable(name), values[name])
    schema = {name: cohort.frame.schema[name] for name in chosen.variables()}
    row = pl.DataFrame({name: [values[name]] for name in schema}, schema=schema, strict=True)
    return np.asarray(matrix(cohort, row, chosen).values[0])


def _check_value(variable: Variable, value: object) -> None:
    """Refuse a value that the variable cannot have; an unknown level would pass for the reference.

    Raises SchemaError.
    """
    if isinstance(variable, Categorical):
        levels = variable.levels or ()
        fits, expected = value in levels, f"one of its {len(levels)} levels"
    elif isinstance(variable, Binary):
        fits, expected = isinstance(value, (bool, np.bool_)), "True or False"
    else:
        fits = (
            isinstance(value, (int, float, np.integer, np.floating))
            and not isinstance(value, bool)
            and bool(np.isfinite(value))
        )
        expected = f"a finite number{f' in {variable.unit}' if variable.unit else ''}"
    if not fits:
        raise SchemaError(
            f"at= gives '{variable.name}' a value it cannot have: expected {expected}."
        )


def _curve(
    fit: CoxFit, x: Floats, group: str, conf_type: ConfType, estimates: Estimates
) -> pl.DataFrame:
    slots = fit.problem.slots
    hazard, error = cumulative_hazard(fit, slots.time, [Stretch(-np.inf, np.inf, x)])
    survival = np.exp(-hazard)
    level = float(estimates.frame["conf_level"][0])
    low, high = probability_limits(survival, error, conf_type, level)
    entered = np.searchsorted(np.sort(fit.given.entry), slots.time, side="left")
    left = np.searchsorted(np.sort(fit.given.exit), slots.time, side="left")
    columns = {
        "time": slots.time,
        "group": [group] * slots.count,
        "at_risk": (entered - left).astype(np.float64),
        "events": slots.deaths.astype(np.float64),
        "estimate": survival,
        "std_error": survival * error,
        "conf_low": low,
        "conf_high": high,
    }
    return pl.DataFrame(columns, schema=CURVE_SCHEMA).with_columns(
        pl.col("conf_low", "conf_high").fill_nan(None)
    )
