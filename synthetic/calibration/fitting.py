"""Bisection with common random numbers: parameters of a world until it shows published numbers."""

import copy
from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from typing import Any

import numpy as np
import polars as pl

from cohort.errors import StudyError, one_of

from ..document.outcomes import Target
from ..document.reading import world_from
from ..document.world import World
from ..life.assay import sensitivity, specificity
from .expected import expected_findings, population_rates
from .feasibility import true_carriage

QUANTITIES = ("positive_in_cohort", "positive_in_cases", "odds_ratio", "test_hazard_ratio")
WIDENING = (4.0, 16.0, 64.0, 256.0)
"""A parameter is sought within these factors of where it stands, the narrowest that will do."""
HALVINGS = 14
INFERRED = "inferred: fitted by bisection to target "


def calibrate(
    document: Mapping[str, Any], *, persons: int, seed: int, rounds: int = 2
) -> dict[str, Any]:
    """The document with every target's ``fitted`` parameter set so that the target is met.

    Targets are met in their order, ``rounds`` times, since a later parameter may move an earlier
    target. Every evaluation uses the same women and draws, so that each expected quantity is a
    smooth monotone function of its parameter.

    Raises StudyError, with the reason, when the assay or the range cannot give the target.
    """
    fitted = copy.deepcopy(dict(document))
    for _ in range(rounds):
        for name, target in world_from(fitted).targets.items():
            if target.fitted:
                check_feasible(world_from(fitted), name)
                _bisect(fitted, name, target, persons=persons, seed=seed)
    return fitted


def check_feasible(world: World, name: str) -> None:
    """Refuse a target that the world's assay cannot give, whatever is fitted.

    Raises StudyError with the reason. A target whose fitted parameter is the assay's is not judged.
    """
    target = world.targets[name]
    if target.quantity not in QUANTITIES:
        raise StudyError(f"[targets.{name}] quantity: expected {one_of(QUANTITIES)}.")
    if target.quantity.startswith("positive") and not target.fitted.startswith("assay."):
        group = "women" if target.quantity == "positive_in_cohort" else "cases"
        se, sp = sensitivity(world.assay, world.level), specificity(world.assay)
        try:
            true_carriage(target.value, se, sp, group)
        except StudyError as error:
            raise StudyError(f"target '{name}' of world '{world.name}': {error}") from error


def reached(world: World, *, persons: int, seed: int) -> pl.DataFrame:
    """What the world shows for each of its targets.

    Columns: target, quantity, outcome, value, low, high, reached, within (the stated range).
    """
    rows = []
    for name, target in world.targets.items():
        value = _quantity(world, target, persons, seed)
        rows.append(
            {
                "target": name,
                "quantity": target.quantity,
                "outcome": target.outcome,
                "value": target.value,
                "low": target.low,
                "high": target.high,
                "reached": value,
                "within": target.low <= value <= target.high,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _quantity(world: World, target: Target, persons: int, seed: int) -> float:
    findings = expected_findings(world, target.outcome, persons=persons, seed=seed)
    return float(getattr(findings, target.quantity))


def _bisect(
    document: dict[str, Any], name: str, target: Target, *, persons: int, seed: int
) -> None:
    section, key = _place(document, target.fitted)
    middle = section.get(key, 1.0)
    section.setdefault("provenance", {})[key] = INFERRED + name

    def shows(value: float) -> float:
        section[key] = value
        return _quantity(world_from(document), target, persons, seed)

    for factor in WIDENING:
        low, high = middle / factor, middle * factor
        at_low, at_high = shows(low), shows(high)
        if min(at_low, at_high) <= target.value <= max(at_low, at_high):
            break
    else:
        raise StudyError(
            f"target '{name}': {target.quantity} = {target.value:g} cannot be reached; with "
            f"{target.fitted} from {low:.3g} to {high:.3g} it runs from {at_low:.3g} to "
            f"{at_high:.3g}."
        )
    rising = at_high > at_low
    for _ in range(HALVINGS):
        centre = sqrt(low * high)
        if (shows(centre) < target.value) == rising:
            low = centre
        else:
            high = centre
    section[key] = float(f"{exp((log(low) + log(high)) / 2):.4g}")


def _place(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *tables, key = path.split(".")
    section: Any = document
    for table in tables:
        if table not in section:
            raise StudyError(f"a target is fitted by '{path}', but there is no [{table}].")
        section = section[table]
    return section, key


def baseline_ratios(
    document: Mapping[str, Any],
    outcomes: Sequence[str],
    *,
    persons: int,
    seed: int,
    rounds: int = 4,
) -> dict[str, list[float]]:
    """``baseline_ratios`` of each outcome that bring the rate of all women to ``per_100000``.

    The rates of a document are those of a population; the hazard of a woman at the reference of
    every effect is lower or higher. Each round multiplies by target over expected, band by band.
    """
    fitted = copy.deepcopy(dict(document))
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        world = world_from(fitted)
        rates = population_rates(world, outcomes, persons=persons, seed=seed)
        for name in outcomes:
            outcome = world.outcomes[name]
            before = outcome.baseline_ratios or (1.0,) * len(outcome.ages)
            shown = by_band(rates[name], outcome.ages) * 1e5
            target = np.array(outcome.per_100000) * outcome.scale
            ratio = np.where(shown > 0, target / np.maximum(shown, 1e-300), 1.0)
            found[name] = [float(f"{b * r:.5g}") for b, r in zip(before, ratio, strict=True)]
            table = fitted["outcomes"][name]
            table["baseline_ratios"] = found[name]
            table["provenance"]["baseline_ratios"] = "inferred: fitted to per_100000"
    return found


def by_band(sums: Any, ages: tuple[float, ...]) -> Any:
    """Events over years at risk within each band of age, per person-year."""
    cuts = [int(age) for age in ages]
    events, years = (np.add.reduceat(row, cuts) for row in sums)
    return np.divide(events, years, out=np.zeros_like(events), where=years > 0)
