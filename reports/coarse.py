"""Curves made coarse enough to show nobody: steps of several events, times on whole units.

A Kaplan-Meier curve falls at the very time of each death. Here a curve moves only when at least
the smallest cell's number of events has gathered, at the next whole unit of time, and it ends
where fewer than that number of persons are at risk.
"""

from collections.abc import Sequence
from math import ceil, floor, log10

import numpy as np
import polars as pl

from analyses import Curve
from cohort import Binary, Categorical, Cohort
from cohort.declaration import ENTRY, EXIT, PERSON, WEIGHT
from cohort.variables import Code

from . import numbers
from .curve_plot import Steps
from .disclosure import small
from .numbers import WITHHELD

MOST_TICKS = 7
FINEST = {"days": 30.0, "weeks": 4.0, "months": 1.0, "years": 1.0}
"""The grid of times by unit: about a month, or a whole unit."""


def coarse_steps(curve: Curve, cohort: Cohort, exposure: str, smallest: int) -> list[Steps]:
    """The curve of each group, coarse, with its numbers at risk at ``tick_times``."""
    grid = 0.0 if smallest == 1 else FINEST[cohort.scale.unit]
    times = tick_times(cohort)
    # So much weight is of at least the smallest number of records.
    heaviest = (
        float(cohort.frame[WEIGHT].to_numpy().max()) if WEIGHT in cohort.frame.columns else 1.0
    )
    found = []
    for group in curve.frame["group"].unique(maintain_order=True).to_list():
        rows = curve.frame.filter(pl.col("group") == group).sort("time")
        start = first_time(cohort)
        time, places, end = _steps(rows, smallest * heaviest, grid)
        columns = {
            name: rows[name].to_numpy()[places] for name in ("estimate", "conf_low", "conf_high")
        }
        found.append(
            Steps(
                str(group),
                (start, *time),
                (1.0, *(float(value) for value in columns["estimate"])),
                (1.0, *(float(value) for value in columns["conf_low"])),
                (1.0, *(float(value) for value in columns["conf_high"])),
                max(end, start),
                tuple(_at_risk(cohort, exposure, str(group), times, smallest)),
            )
        )
    return found


def _steps(rows: pl.DataFrame, least: float, grid: float) -> tuple[list[float], list[int], float]:
    """Times and row positions of the steps, each of ``least`` weight, and where the curve ends."""
    time, at_risk = rows["time"].to_numpy(), rows["at_risk"].to_numpy()
    events = rows["events"].to_numpy()
    enough = np.flatnonzero(at_risk >= least)
    last = int(enough[-1]) if enough.size else -1
    steps: list[tuple[float, int]] = []
    gathered = 0.0
    for place in range(last + 1):
        gathered += float(events[place])
        if gathered >= least:
            steps.append((_up(float(time[place]), grid), place))
            gathered = 0.0
    # Two steps on one point of the grid are one: the later level counts.
    merged = dict(steps)
    end = _up(float(time[last]), grid) if last >= 0 else 0.0
    return list(merged), list(merged.values()), end


def _up(value: float, grid: float) -> float:
    return value if grid == 0 else ceil(value / grid - 1e-9) * grid


def tick_times(cohort: Cohort) -> tuple[float, ...]:
    """Round times between the first entry and the last exit, at most eight."""
    entry = cohort.frame[ENTRY].to_numpy()
    first = float(np.max([np.min(entry), 0.0]))
    last = float(cohort.frame[EXIT].to_numpy().max())
    step = _round_step((last - first) / (MOST_TICKS - 1))
    start = ceil(first / step - 1e-9) * step
    count = floor((last - start) / step + 1e-9)
    return tuple(start + step * place for place in range(count + 1))


def first_time(cohort: Cohort) -> float:
    """Where curves begin: the first entry, on a whole unit; the origin where nobody enters late."""
    return float(floor(max(float(cohort.frame[ENTRY].to_numpy().min()), 0.0)))


def _round_step(rough: float) -> float:
    power = 10.0 ** floor(log10(max(rough, 1e-9)))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)


def _at_risk(
    cohort: Cohort, exposure: str, group: str, times: Sequence[float], smallest: int
) -> list[str]:
    values = cohort.frame[exposure]
    mine = cohort.frame.filter((values == _level(cohort, exposure, group)).fill_null(False))
    entry, leave = mine[ENTRY].to_numpy(), mine[EXIT].to_numpy()
    words = []
    for time in times:
        # At the very beginning those who are there from the origin have just come in.
        there = (entry < time) & (leave >= time) if time > 0 else (entry <= 0) & (leave >= 0)
        persons = mine.filter(pl.Series(there))[PERSON].n_unique()
        words.append(WITHHELD if small(persons, smallest) else numbers.count(persons))
    return words


def _level(cohort: Cohort, exposure: str, group: str) -> Code:
    variable = cohort.variable(exposure)
    if isinstance(variable, Binary):
        return group == "yes"
    assert isinstance(variable, Categorical)
    return next(level for level in variable.levels or () if variable.word(level) == group)
