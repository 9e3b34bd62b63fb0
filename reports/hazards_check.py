"""Is the hazard ratio the same at all times? The test, and the ratio in bands of time."""

from math import exp, sqrt

import numpy as np

from analyses import Estimates
from analyses.cox.diagnostics import ProportionalHazards, proportional_hazards
from analyses.cox.fit import CoxFit
from cohort import Cohort, Continuous
from cohort.errors import NotEstimableError

from . import numbers
from .content import Row, Table
from .hazards_plot import Band, BandedRatio
from .tables import label_of

MOST_BANDS = 5
EVENTS_A_BAND = 15
Z95 = 1.959963984540054


def hazards_test(estimates: Estimates, adjustment: str) -> ProportionalHazards | None:
    """The test for a model, each column alone; None where a term cannot be tested."""
    try:
        return proportional_hazards(estimates.fit(adjustment))
    except NotEstimableError:
        return None


def test_table(estimates: Estimates, adjustment: str, cohort: Cohort, exposure: str) -> Table:
    """The exposure as a whole, then all terms: chi-square, degrees of freedom, p."""
    fit = estimates.fit(adjustment)
    mine = exposure_columns(fit, exposure)
    others = [place for place in range(len(fit.names)) if place not in mine]
    groups = {"exposure": mine} | ({"confounders": others} if others else {})
    test = proportional_hazards(fit, terms=groups).table
    labels = {variable.name: label_of(variable) for variable in cohort.variables}
    words = {
        "exposure": labels.get(exposure, exposure),
        "confounders": "All confounders together",
        "all terms": "All terms together",
    }
    rows = tuple(
        Row((words[row["term"]], f"{row['chi_square']:.2f}", str(row["df"]),
             numbers.p_value(row["p_value"])))
        for row in test.iter_rows(named=True)
        if others or row["term"] != "all terms"
    )  # fmt: skip
    header = ("Term", "Chi-square", "Degrees of freedom", "p")
    caption = f"Test of proportional hazards in the model '{adjustment}'"
    return Table(caption, header, rows)


def exposure_columns(fit: CoxFit, exposure: str) -> list[int]:
    """The places of the exposure's columns: they stand last in a model, before interactions."""
    return [
        place
        for place, name in enumerate(fit.names)
        if (name == exposure or name.startswith(f"{exposure} ")) and ":" not in name
    ]


def step_of(cohort: Cohort, exposure: str, estimates: Estimates) -> tuple[str, float]:
    """What an exposure's own column is called in a figure, and what its ratio is per."""
    for variable in cohort.variables:
        if variable.name == exposure:
            if isinstance(variable, Continuous):
                return f"{label_of(variable)}, {estimates.frame['contrast'][-1]}", variable.per
            return label_of(variable), 1.0
    return exposure, 1.0


def banded_ratios(
    test: ProportionalHazards, fit: CoxFit, exposure: str, label: str, step: float = 1.0
) -> list[BandedRatio]:
    """For each column of the exposure, the mean of its scaled residuals in bands of events.

    label : what a column is called that bears the exposure's own name. step : of a continuous
    exposure, what its ratio is per.

    A scaled Schoenfeld residual estimates the coefficient at its time (Grambsch and Therneau 1994,
    Biometrika 81:515-526); a band's mean has the variance of one residual over their number.
    """
    order = np.argsort(test.time, kind="stable")
    bands = min(MOST_BANDS, order.size // EVENTS_A_BAND)
    if bands < 2:
        return []
    parts = np.array_split(order, bands)
    found = []
    for place in exposure_columns(fit, exposure):
        values = step * test.residuals[:, place]
        variance = step**2 * float(test.covariance[place, place])
        column = []
        for part in parts:
            mean, error = float(np.mean(values[part])), sqrt(variance / part.size)
            start, end = _whole_limits(test.time[part])
            column.append(
                Band(start, end, exp(mean), exp(mean - Z95 * error), exp(mean + Z95 * error),
                     int(part.size))
            )  # fmt: skip
        name = fit.names[place]
        contrast = label if name == exposure else name.removeprefix(f"{exposure} ").strip()
        found.append(
            BandedRatio(contrast, float(np.exp(step * fit.beta[place])), tuple(_joined(column)))
        )
    return found


def _whole_limits(times: np.ndarray) -> tuple[float, float]:
    """The limits of a band on whole units, so that no death can be dated by them."""
    return float(np.floor(times.min())), float(np.ceil(times.max()))


def _joined(bands: list[Band]) -> list[Band]:
    """Bands that begin where the one before ended."""
    joined = []
    for place, band in enumerate(bands):
        start = bands[place - 1].end if place else band.start
        joined.append(
            Band(min(start, band.end), band.end, band.estimate, band.low, band.high, band.events)
        )
    return joined
