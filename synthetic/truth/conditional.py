"""The hazard ratios that stand in a world's document, as a table."""

from math import exp, log

import polars as pl

from ..document.checks import BIRTH_DECADE
from ..document.outcomes import Outcome
from ..document.sections import BinaryVariable, CategoricalVariable
from ..document.world import World
from ..variables import per_one

CHIMERISM = "chimerism"
YEARS_PER_DECADE = 10.0


def conditional_truth(world: World) -> pl.DataFrame:
    """One row for each hazard ratio of each outcome, conditional on everything else in the hazard.

    Columns: outcome, variable, contrast, measure, truth, log_truth, std_error (0: an input, not an
    estimate), conditional_on (comma separated, besides age, which is the time scale). The ratio of
    a number is per 1 of its unit. An analysis that leaves out any of ``conditional_on`` has another
    estimand. A hazard of death with excess after diagnoses is not proportional: its rows hold for
    women without a diagnosis.
    """
    rows = []
    for name, outcome in world.outcomes.items():
        ratios = _log_ratios(world, name, outcome)
        for (variable, contrast), ratio in ratios.items():
            others = dict.fromkeys(other for other, _ in ratios if other != variable)
            rows.append(
                {
                    "outcome": name,
                    "variable": variable,
                    "contrast": contrast,
                    "measure": "hazard ratio",
                    "truth": exp(ratio),
                    "log_truth": ratio,
                    "std_error": 0.0,
                    "conditional_on": ", ".join([*others, *_along(outcome)]),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _along(outcome: Outcome) -> list[str]:
    """What changes along a life and is conditioned on, in words."""
    words = []
    if outcome.years_since_birth:
        words.append("years since the last birth")
    if outcome.per_birth != 1 or outcome.parous != 1:
        words.append("births")
    return words


def _log_ratios(world: World, of: str, outcome: Outcome) -> dict[tuple[str, str], float]:
    ratios = {(CHIMERISM, "yes vs no"): log(outcome.chimerism)}
    if outcome.compatible_chimerism != 1:
        ratios["compatible chimerism", "yes vs no"] = log(outcome.compatible_chimerism)
    for term, ratio in outcome.effects.items():
        contrast, per = _contrast(world, term)
        name = term.split("=")[0] if term != BIRTH_DECADE else "birth_year"
        ratios[name, contrast] = log(ratio) / per
    hidden = world.defects.unmeasured_confounding
    if hidden and of in hidden.outcomes:
        contrast, per = _contrast(world, hidden.variable)
        place = (hidden.variable, contrast)
        ratios[place] = ratios.get(place, 0.0) + log(hidden.outcomes[of]) / per
    return ratios


def _contrast(world: World, term: str) -> tuple[str, float]:
    """The words of a contrast, and how many units the ratio of the document is for."""
    name, _, level = term.partition("=")
    if name not in world.variables:
        return per_one("years"), YEARS_PER_DECADE
    variable = world.variables[name]
    if isinstance(variable, CategoricalVariable):
        return f"{level} vs {variable.levels[0]}", 1.0
    if isinstance(variable, BinaryVariable):
        return "yes vs no", 1.0
    return per_one(variable.unit), variable.per
