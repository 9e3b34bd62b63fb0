"""Draw a cohort from a small scenario, with its truth beside it."""

from dataclasses import dataclass
from math import log

import numpy as np
import polars as pl

from cohort import Cohort, FollowUp, from_frame
from cohort.errors import StudyError
from cohort.variables import Code

from .hazards import Exponential, Hazard
from .scenario import Scenario
from .streams import Draws, FloatArray

OUTCOME = "event"


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A synthetic cohort and what is true in its world.

    cohort : as an analysis would meet it.
    truth : one row per true value, saying what it is conditional on; see ``scenario_truth``.
    """

    cohort: Cohort
    truth: pl.DataFrame


def simulate(scenario: Scenario, *, persons: int, seed: int) -> Simulated:
    """Draw ``persons`` independent persons; the same seed gives the same persons.

    Event times are exact inversions of each person's cumulative hazard, one exponential draw for
    each event, and follow-up ends at the first of them (Beyersmann et al. 2009, Stat Med
    28:956-71, show that latent times give the law of the stated hazards). Loss to follow-up is an
    independent constant hazard.

    Raises StudyError when ``persons`` is below 1 or ``seed`` is negative.
    """
    if not isinstance(scenario, Scenario):
        raise StudyError(
            f"simulate was given {type(scenario).__name__}: expected a Scenario; for a world that "
            "we ship, simulate_world(read_world(name), ...)."
        )
    if persons < 1 or seed < 0:
        raise StudyError(f"persons = {persons}, seed = {seed}: expected at least 1 and at least 0.")
    draws = Draws(seed, 0, persons)
    values = _draw_variables(scenario, draws)
    frame = _follow_up(scenario, draws, values)
    competing: dict[Code, str] = {
        code: name for code, name in enumerate(scenario.competing, start=2)
    }
    follow_up = FollowUp(
        scenario.scale,
        entry="entry" if scenario.latest_entry > 0 else None,
        exit="exit",
        event=OUTCOME,
        happened=1,
        competing=competing,
        censored=0,
    )
    cohort = from_frame(
        frame,
        person="person",
        follow_up=follow_up,
        variables=tuple(variable.declared() for variable in scenario.variables),
    )
    return Simulated(cohort, scenario_truth(scenario))


def scenario_truth(scenario: Scenario) -> pl.DataFrame:
    """The conditional hazard ratios of a scenario, one row per variable and event.

    Columns: outcome, variable, contrast, measure, truth, log_truth, std_error (0: it is an input,
    not an estimate), conditional_on (the other variables of the same hazard, comma separated).
    """
    ratios = {OUTCOME: scenario.hazard_ratios, **scenario.competing_hazard_ratios}
    rows = [
        {
            "outcome": outcome,
            "variable": variable.name,
            "contrast": variable.contrast,
            "measure": "hazard ratio",
            "truth": of.get(variable.name, 1.0),
            "log_truth": log(of.get(variable.name, 1.0)),
            "std_error": 0.0,
            "conditional_on": ", ".join(name for name in of if name != variable.name),
        }
        for outcome, of in ratios.items()
        for variable in scenario.variables
    ]
    return pl.DataFrame(rows)


def _draw_variables(scenario: Scenario, draws: Draws) -> dict[str, FloatArray]:
    values: dict[str, FloatArray] = {}
    centres = {variable.name: variable.centre for variable in scenario.variables}
    for variable in scenario.variables:
        shift = np.zeros(draws.count)
        for parent, effect in variable.given.items():
            shift += effect * (values[parent] - centres[parent])
        values[variable.name] = variable.draw(draws, shift)
    return values


def _event_time(hazard: Hazard, need: FloatArray) -> FloatArray:
    return np.asarray(hazard.inverse(need), dtype=np.float64)


def _follow_up(scenario: Scenario, draws: Draws, values: dict[str, FloatArray]) -> pl.DataFrame:
    hazards = {OUTCOME: scenario.baseline, **scenario.competing}
    ratios = {OUTCOME: scenario.hazard_ratios, **scenario.competing_hazard_ratios}
    exits = np.full(draws.count, float(scenario.end))
    codes = np.zeros(draws.count, dtype=np.int64)
    lost = _event_time(Exponential(scenario.loss_rate), draws.exponential("loss"))
    exits = np.minimum(exits, lost)
    for code, (name, hazard) in enumerate(hazards.items(), start=1):
        predictor = np.zeros(draws.count)
        for variable in scenario.variables:
            ratio = ratios.get(name, {}).get(variable.name, 1.0)
            predictor += log(ratio) * (values[variable.name] - variable.centre)
        time = _event_time(hazard, draws.exponential(f"time|{name}") * np.exp(-predictor))
        first = time < exits
        codes[first], exits[first] = code, time[first]
    columns = [
        pl.Series("person", np.arange(1, draws.count + 1)),
        *(variable.column(values[variable.name]) for variable in scenario.variables),
        pl.Series("entry", scenario.latest_entry * draws.uniform("entry")),
        pl.Series("exit", exits),
        pl.Series(OUTCOME, codes),
    ]
    frame = pl.DataFrame(columns)
    if scenario.latest_entry == 0:
        return frame.drop("entry")
    return frame.filter(pl.col("entry") < pl.col("exit"))
