"""A woman's own change-points: the ages at which any of her hazard ratios changes.

Between two change-points every hazard is her ratio times the baseline, so that integrals and event
times are exact, with no grid.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..streams import FloatArray
from .tables import Histories, Lives, Tables


class Path(NamedTuple):
    """Working space for one woman: point k starts the segment [age[k], age[k + 1]).

    male, compatible : 1 while such cells are present. births : how many so far. since : step of
    time since the last birth, -1 before the first. lot : which of the four predictors applies.
    ratio : (c, points) her hazard ratio for each outcome. cuts : ages at which the hazard of death
    changes, diagnoses included. grafts : columns of her grafts. size : (3,) how many points, cuts
    and grafts there are; points and cuts end in an infinite one more.
    """

    age: FloatArray
    male: NDArray[np.int64]
    compatible: NDArray[np.int64]
    births: NDArray[np.int64]
    since: NDArray[np.int64]
    lot: NDArray[np.int64]
    ratio: FloatArray
    cuts: FloatArray
    grafts: NDArray[np.int64]
    size: NDArray[np.int64]


@compiled
def empty_path(lives: Lives) -> Path:
    """Working space large enough for any woman."""
    histories, tables = lives
    births, grafts = histories.births.shape[1], histories.start.shape[1]
    most = 4 + births * (1 + len(tables.steps)) + 2 * grafts
    return Path(
        np.empty(most),
        np.empty(most, dtype=np.int64),
        np.empty(most, dtype=np.int64),
        np.empty(most, dtype=np.int64),
        np.empty(most, dtype=np.int64),
        np.empty(most, dtype=np.int64),
        np.empty((len(tables.top), most)),
        np.empty(most + tables.excess.size + 1),
        np.empty(grafts, dtype=np.int64),
        np.zeros(3, dtype=np.int64),
    )


@compiled
def fill_path(i: int, lives: Lives, path: Path) -> None:
    """Write the path of woman i into the working space."""
    path.size[2] = 0
    for j in range(lives.histories.start.shape[1]):
        if lives.histories.start[i, j] < np.inf:
            path.grafts[path.size[2]] = j
            path.size[2] += 1
    points = _ages(i, lives.histories, lives.tables, path)
    path.age[points] = np.inf
    path.size[0] = points
    _fill_states(i, lives.histories, lives.tables, path)
    _fill_ratios(i, lives, path)


@compiled
def _ages(i: int, histories: Histories, tables: Tables, path: Path) -> int:
    births, age = histories.births[i], path.age
    age[0] = 0.0
    age[1] = tables.late_age
    n = 2
    for j in range(len(births)):
        if births[j] == np.inf:
            break
        following = births[j + 1] if j + 1 < len(births) else np.inf
        for step in tables.steps:
            if births[j] + step < following:
                age[n] = births[j] + step
                n += 1
    for j in path.grafts[: path.size[2]]:
        age[n] = histories.start[i, j]
        n += 1
        if histories.stop[i, j] < np.inf:
            age[n] = histories.stop[i, j]
            n += 1
    if histories.intervene_from[i] < np.inf:
        age[n] = histories.intervene_from[i]
        n += 1
    for a in range(1, n):
        value = age[a]
        b = a - 1
        while b >= 0 and age[b] > value:
            age[b + 1] = age[b]
            b -= 1
        age[b + 1] = value
    return n


@compiled
def _fill_states(i: int, histories: Histories, tables: Tables, path: Path) -> None:
    births, steps, start, stop = histories.births[i], tables.steps, histories.start, histories.stop
    ages, chosen, state = path.age, path.grafts[: path.size[2]], histories.state
    changed = histories.fixed.shape[0] - 2
    for k in range(path.size[0]):
        t = ages[k]
        number = 0
        while number < len(births) and births[number] <= t:
            number += 1
        since = -1
        if number > 0:
            while since + 1 < len(steps) and births[number - 1] + steps[since + 1] <= t:
                since += 1
        male = 0
        compatible = 0
        for j in chosen:
            if start[i, j] <= t and t < stop[i, j]:
                male = 1
                if histories.compatible[i, j]:
                    compatible = 1
        done = t >= histories.intervene_from[i]
        if done and state >= 0:
            male = 1 if state > 0 else 0
            compatible = 0 if state == 0 else max(compatible, state - 1)
        path.male[k] = male
        path.compatible[k] = compatible
        path.births[k] = number
        path.since[k] = since
        path.lot[k] = (1 if t >= tables.late_age else 0) + (changed if done else 0)


@compiled
def _fill_ratios(i: int, lives: Lives, path: Path) -> None:
    """Hazard ratio of woman i for every outcome on every segment of her path."""
    fixed, tables = lives.histories.fixed, lives.tables
    by_births, by_since = tables.births, tables.since
    male, compatible, ratio = tables.male, tables.compatible, path.ratio
    for k in range(path.size[0]):
        lot, births, since = path.lot[k], path.births[k], path.since[k]
        cells, matched = path.male[k], path.compatible[k]
        for c in range(len(male)):
            value = fixed[lot, i, c] * by_births[c, births]
            if since >= 0:
                value *= by_since[c, since]
            if cells == 1:
                value *= male[c]
            if matched == 1:
                value *= compatible[c]
            ratio[c, k] = value
