"""The data of each workload, from a seed: ten covariates, ages in whole days, 3 to 10 % events."""

from dataclasses import dataclass

import numpy as np

from analyses.grading import replicate_seed

COVARIATES = 10
NAMES = tuple(f"x{number}" for number in range(1, COVARIATES + 1))
WORKLOADS = (
    "right-censored", "late entry", "weights and clusters", "counting process", "50 strata",
    "Prentice", "Lin-Ying", "Kaplan-Meier", "Kaplan-Meier, late entry", "Aalen-Johansen",
    "proportional hazards", "bootstrap",
)  # fmt: skip
LATE = {
    "late entry", "weights and clusters", "counting process", "50 strata",
    "Kaplan-Meier, late entry", "bootstrap",
}  # fmt: skip
CURVES = {"Kaplan-Meier", "Kaplan-Meier, late entry", "Aalen-Johansen"}
SAMPLED = {"Prentice", "Lin-Ying"}


RESAMPLES = 500
FITS = {"microcohort": RESAMPLES, "R": 20, "R, bare kernel": 20, "lifelines": 1}
"""How many fits of the bootstrap an engine is timed by; its time is multiplied up to 500."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Records of a workload, each (n,) but x (n, 10).

    event : 0 censored, 1 the event, 2 a competing one (Aalen-Johansen alone). subcohort : drawn
    with share 1 in 20 (Prentice and Lin-Ying, whose data are subcohort and cases). size : persons
    of the cohort.
    """

    x: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    event: np.ndarray
    weight: np.ndarray
    person: np.ndarray
    cluster: np.ndarray
    stratum: np.ndarray
    subcohort: np.ndarray
    size: int


def draw(workload: str, n: int, seed: int = 1) -> Data:
    """``n`` records, or a cohort of ``n`` persons where it is sampled."""
    draws = np.random.default_rng(seed)
    x = draws.standard_normal((n, COVARIATES))
    x[:, 5:] = draws.random((n, 5)) < 0.3
    beta = np.linspace(-0.4, 0.4, COVARIATES)
    risk = np.exp(x @ beta - 0.5)
    entry = np.floor(draws.uniform(15_000, 22_000, n)) if workload in LATE else np.zeros(n)
    died = entry + 1 + draws.exponential(60_000 / risk)
    left = entry + np.ceil(draws.uniform(1, 5_000, n))
    exit_ = np.ceil(np.minimum(died, left))
    event = (died <= left).astype(np.int64)
    person = np.arange(n)
    if workload == "counting process":
        entry, exit_, event, person = _thirds(n, draws)
    if workload == "Aalen-Johansen":
        event[(event == 1) & (draws.random(n) < 0.4)] = 2
    data = Data(
        x, entry, exit_, event, draws.uniform(0.5, 2.0, n), person, person // 5,
        draws.integers(0, 50, n), draws.random(n) < 0.05, n,
    )  # fmt: skip
    return _where(data, data.subcohort | (event == 1)) if workload in SAMPLED else data


def _thirds(n: int, draws: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Three records a person, end to end, with an event in the last of some."""
    persons = n // 3
    begin = np.floor(draws.uniform(15_000, 22_000, persons))
    length = np.ceil(draws.uniform(3, 1_600, (persons, 3)))
    ends = begin[:, None] + np.cumsum(length, axis=1)
    starts = np.column_stack((begin, ends[:, :-1]))
    event = np.zeros((persons, 3), dtype=np.int64)
    event[:, 2] = draws.random(persons) < 0.12
    rest = n - 3 * persons
    tail = np.arange(rest) * 1.0
    return (
        np.append(starts.ravel(), 15_000 + tail),
        np.append(ends.ravel(), 16_000 + tail),
        np.append(event.ravel(), np.zeros(rest, dtype=np.int64)),
        np.append(np.repeat(np.arange(persons), 3), persons + np.arange(rest)),
    )


def _where(data: Data, keep: np.ndarray) -> Data:
    return Data(
        data.x[keep], data.entry[keep], data.exit[keep], data.event[keep], data.weight[keep],
        data.person[keep], data.cluster[keep], data.stratum[keep], data.subcohort[keep], data.size,
    )  # fmt: skip


def landmarks(data: Data) -> np.ndarray:
    """The times at which curves are compared, (9,): deciles of the exits."""
    return np.quantile(data.exit, np.arange(1, 10) / 10, method="lower")


def resample(n: int, replicate: int) -> np.ndarray:
    """The records that the toolkit's bootstrap draws in a replicate with seed 1, (n,)."""
    seed = replicate_seed(1, "bootstrap", "", replicate)
    coded = np.argsort(np.arange(n).astype(str))  # A cohort numbers persons in the order of words.
    return coded[np.random.default_rng(seed).integers(0, n, n)]
