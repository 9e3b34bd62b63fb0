"""Event times by exact inversion of each woman's cumulative hazard.

One exponential draw for each outcome; the latent times have no meaning beyond the hazards that
they realise (Beyersmann et al. 2009, Stat Med 28:956-71). Death is solved last, because every
diagnosis may add to its hazard.
"""

import numpy as np

from ..compiled import compiled
from ..streams import FloatArray
from .paths import Path, empty_path, fill_path
from .tables import Lives, Tables


@compiled
def event_ages(lives: Lives, need: FloatArray, lifetime: bool) -> FloatArray:
    """Age in years at each outcome, infinite if never, shape (n, c), death last.

    need : (n, c) exponential draws with mean 1. lifetime : do not compute what cannot come before
    death (a diagnosis only brings death forward); otherwise every outcome has the age at which it
    would come if nothing else could end a life.
    """
    women, outcomes = need.shape
    ages = np.full((women, outcomes), np.inf)
    path = empty_path(lives)
    rate, total = lives.tables.rate, lives.tables.sum
    last = outcomes - 1
    for i in range(women):
        fill_path(i, lives, path)
        age = path.age[: path.size[0] + 1]
        horizon = invert(need[i, last], age, path.ratio[last], rate[last], total[last])
        if not lifetime:
            horizon = np.inf
        for c in range(last):
            if need[i, c] <= highest(i, c, lives) * baseline(rate[c], total[c], horizon):
                ages[i, c] = invert(need[i, c], age, path.ratio[c], rate[c], total[c])
        ages[i, last] = _death(need[i, last], ages[i], lives.tables, path)
    return ages


@compiled
def highest(i: int, c: int, lives: Lives) -> float:
    """An upper bound of the hazard ratio of woman i: a rare event is skipped, exactly."""
    fixed = lives.histories.fixed
    value = fixed[0, i, c]
    for lot in range(1, fixed.shape[0]):
        value = max(value, fixed[lot, i, c])
    return float(value * lives.tables.top[c])


@compiled
def baseline(rate: FloatArray, total: FloatArray, age: float) -> float:
    """Cumulative baseline hazard at an age, linear within each year."""
    if age >= len(rate):
        return float(total[len(rate)])
    year = int(age)
    return float(total[year] + rate[year] * (age - year))


@compiled
def invert(
    need: float, age: FloatArray, ratio: FloatArray, rate: FloatArray, total: FloatArray
) -> float:
    """Age at which a cumulative hazard reaches ``need``, infinite if never.

    age : (k + 1,) points of her path, the last infinite. ratio : (k,) on the segments between.
    rate, total : baseline hazard by year of age and its integral.
    """
    below = baseline(rate, total, age[0])
    for k in range(len(age) - 1):
        above = baseline(rate, total, age[k + 1])
        room = ratio[k] * (above - below)
        if room >= need:
            return walk(rate, age[k], need, ratio[k], 0.0)
        need -= room
        below = above
    return float(np.inf)


@compiled
def walk(rate: FloatArray, age: float, need: float, ratio: float, added: float) -> float:
    """Age at which ``ratio`` times the baseline plus ``added`` amounts to ``need`` from ``age``."""
    year = int(age)
    while year < len(rate):
        hazard = ratio * rate[year] + added
        room = hazard * (year + 1 - age)
        if room >= need and hazard > 0:
            return float(age + need / hazard)
        need -= room
        year += 1
        age = float(year)
    return float(np.inf)


@compiled
def cut_death(ages: FloatArray, tables: Tables, path: Path) -> None:
    """Write the ages at which the hazard of death changes, rising, ending in infinity."""
    cuts, n = path.cuts, path.size[0]
    cuts[:n] = path.age[:n]
    for c in range(len(ages) - 1):
        if ages[c] == np.inf:
            continue
        for e in range(tables.excess.shape[1]):
            if tables.excess_from[c, e] == np.inf:
                break
            value = ages[c] + tables.excess_from[c, e]
            b = n - 1
            while b >= 0 and cuts[b] > value:
                cuts[b + 1] = cuts[b]
                b -= 1
            cuts[b + 1] = value
            n += 1
    cuts[n] = np.inf
    path.size[1] = n


@compiled
def added_death(ages: FloatArray, skip: int, age: float, tables: Tables) -> float:
    """Hazard of death added at an age by the diagnoses before it, outcome ``skip`` left aside."""
    total = 0.0
    for c in range(len(ages) - 1):
        if c == skip or ages[c] > age:
            continue
        rate = 0.0
        for e in range(tables.excess.shape[1]):
            if ages[c] + tables.excess_from[c, e] <= age:
                rate = tables.excess[c, e]
        total += rate
    return total


@compiled
def _death(need: float, ages: FloatArray, tables: Tables, path: Path) -> float:
    cut_death(ages, tables, path)
    cuts = path.cuts
    c = len(ages) - 1
    rate, total, ratio = tables.rate[c], tables.sum[c], path.ratio[c]
    k = 0
    below = baseline(rate, total, cuts[0])
    for s in range(path.size[1]):
        while path.age[k + 1] <= cuts[s]:
            k += 1
        above = baseline(rate, total, cuts[s + 1])
        added = added_death(ages, -1, cuts[s], tables)
        years = max(0.0, min(cuts[s + 1], float(len(rate))) - cuts[s])
        room = ratio[k] * (above - below) + added * years
        if room >= need:
            return walk(rate, cuts[s], need, ratio[k], added)
        need -= room
        below = above
    return float(np.inf)
