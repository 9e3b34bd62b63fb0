"""The hazard ratios that stand in a world's document, as a table."""

from math import log

import polars as pl

from ..document.outcomes import Outcome
from ..document.world import World

CHIMERISM = "chimerism"


def conditional_truth(world: World) -> pl.DataFrame:
    """One row for each hazard ratio of each outcome, conditional on everything else in the hazard.

    Columns: outcome, variable, contrast, measure, truth, log_truth, std_error (0: an input, not an
    estimate), conditional_on. An analysis that leaves out any of ``conditional_on`` has another
    estimand. A hazard of death with excess after diagnoses is not proportional: its rows hold for
    women without a diagnosis.
    """
    rows = []
    for name, outcome in world.outcomes.items():
        ratios = _ratios(world, name, outcome)
        for (variable, contrast), ratio in ratios.items():
            others = dict.fromkeys(other for other, _ in ratios if other != variable)
            rows.append(
                {
                    "outcome": name,
                    "variable": variable,
                    "contrast": contrast,
                    "measure": "hazard ratio",
                    "truth": ratio,
                    "log_truth": log(ratio),
                    "std_error": 0.0,
                    "conditional_on": ", ".join([*others, *_along(outcome)]),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _along(outcome: Outcome) -> list[str]:
    """What changes along a life and is conditioned on, in words."""
    words = ["age"]
    if outcome.years_since_birth:
        words.append("years since the last birth")
    if outcome.per_birth != 1 or outcome.parous != 1:
        words.append("number of births")
    return words


def _ratios(world: World, name: str, outcome: Outcome) -> dict[tuple[str, str], float]:
    ratios: dict[tuple[str, str], float] = {(CHIMERISM, "yes vs no"): outcome.chimerism}
    if outcome.compatible_chimerism != 1:
        ratios["compatible chimerism", "yes vs no"] = outcome.compatible_chimerism
    for term, ratio in outcome.effects.items():
        ratios[term.split("=")[0], _contrast(world, term)] = ratio
    hidden = world.defects.unmeasured_confounding
    if hidden and name in hidden.outcomes:
        place = (hidden.variable, _contrast(world, hidden.variable))
        ratios[place] = ratios.get(place, 1.0) * hidden.outcomes[name]
    return ratios


def _contrast(world: World, term: str) -> str:
    name, _, level = term.partition("=")
    if name not in world.variables:
        return "per 10 years"
    variable = world.variables[name]
    if level:
        return f"{level} vs the reference"
    if variable.kind == "binary":
        return "yes vs no"
    per, unit = getattr(variable, "per", 1.0), getattr(variable, "unit", "")
    return f"per {per:g} {unit}".strip()
