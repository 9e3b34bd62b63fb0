"""Sampling designs drawn from the tables of a world: who would have been measured."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cohort.errors import DesignError

from .document.outcomes import Sampling
from .document.world import World
from .life.variables import DAYS_PER_YEAR

EVERYONE = "all"


def enrolled_with(world: World, tables: Mapping[str, pl.LazyFrame], outcome: str) -> pl.DataFrame:
    """Enrolled women with what happened to one outcome, one row each, by person.

    Columns: person, birth_date, entry, exit (brought forward to the outcome), happened, before
    (years from an earlier diagnosis to entry, null if none), and the register variables.
    """
    first = (
        tables["events"]
        .filter(pl.col("event").cast(pl.String) == outcome)
        .select("person", event_date="date")
    )
    joined = (
        tables["enrolment"]
        .join(tables["persons"], on="person", how="left")
        .join(first, on="person", how="left")
    )
    after = (pl.col("event_date") > pl.col("entry")) & (pl.col("event_date") <= pl.col("exit"))
    years = (pl.col("entry") - pl.col("event_date")).dt.total_days() / DAYS_PER_YEAR
    return (
        joined.with_columns(
            happened=after.fill_null(False),
            before=pl.when(pl.col("event_date") <= pl.col("entry")).then(years),
        )
        .with_columns(exit=pl.when("happened").then("event_date").otherwise("exit"))
        .drop("event_date")
        .sort("person")
        .collect()
    )


def draw_designs(
    world: World,
    tables: Mapping[str, pl.LazyFrame],
    seed: int,
    names: Sequence[str] | None = None,
) -> dict[str, pl.DataFrame]:
    """Designs of the world drawn once each, a frame by name; all of them without ``names``.

    The draw of a design depends on the seed and its name alone: adding another changes nothing.
    """
    drawn = {}
    for name in world.designs if names is None else names:
        design = world.designs[name]
        women = enrolled_with(world, tables, design.outcome)
        key = int.from_bytes(blake2b(f"{seed}|design|{name}".encode(), digest_size=8).digest())
        drawn[name] = draw_design(design, women, np.random.default_rng(key))
    return drawn


def draw_design(design: Sampling, women: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One design from the enrolled women of ``enrolled_with``.

    case-cohort : person, subcohort, case, stratum, cohort_size (of the stratum).
    nested case-control : matched_set, person, case, at_risk (on the age scale, the case included).
    case-control : person, case, sampling_fraction.

    Raises DesignError when there are fewer women than the design needs.
    """
    if design.kind == "case-cohort":
        return _case_cohort(design, women, rng)
    if design.kind == "nested case-control":
        return _nested(design, women, rng)
    return _case_control(design, women, rng)


def _chosen(
    rows: NDArray[np.int64], size: int, rng: np.random.Generator, what: str
) -> NDArray[np.int64]:
    if size > len(rows):
        raise DesignError(
            f"the design needs {size:,} {what}, the world has {len(rows):,}: add persons."
        )
    return np.sort(rng.choice(rows, size=size, replace=False))


def _cases(
    design: Sampling, case: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    rows = np.flatnonzero(case)
    return _chosen(rows, design.cases, rng, "cases") if design.cases else rows


def _case_cohort(design: Sampling, women: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    case = np.zeros(len(women), dtype=np.bool_)
    case[_cases(design, women["happened"].to_numpy(), rng)] = True
    stratum = (
        women[design.strata].cast(pl.String)
        if design.strata
        else pl.Series([EVERYONE] * len(women))
    )
    levels = stratum.unique().sort().to_list()
    inside = np.zeros(len(women), dtype=np.bool_)
    for place, level in enumerate(levels):
        rows = np.flatnonzero((stratum == level).to_numpy())
        share = design.subcohort // len(levels) + (place < design.subcohort % len(levels))
        inside[_chosen(rows, share, rng, f"women in stratum '{level}'")] = True
    size = women.select(pl.len().over(stratum.alias("stratum"))).to_series()
    return women.select(
        "person",
        subcohort=pl.Series(inside),
        case=pl.Series(case),
        stratum=stratum,
        cohort_size=size,
    ).filter(pl.col("subcohort") | pl.col("case"))


def _nested(design: Sampling, women: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    born = women["birth_date"].to_physical().to_numpy()
    entry = women["entry"].to_physical().to_numpy() - born
    leave = women["exit"].to_physical().to_numpy() - born
    person = women["person"].to_numpy()
    rows = []
    for number, row in enumerate(_cases(design, women["happened"].to_numpy(), rng), start=1):
        age = leave[row]
        at_risk = np.flatnonzero((entry < age) & (leave >= age))
        others = at_risk[at_risk != row]
        controls = rng.choice(others, size=min(design.controls, len(others)), replace=False)
        rows += [(number, person[i], i == row, len(at_risk)) for i in (row, *np.sort(controls))]
    schema = {"matched_set": pl.Int64, "person": pl.Int64, "case": pl.Boolean, "at_risk": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _case_control(design: Sampling, women: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    if design.years_before > 0:
        before = women["before"]
        case = (before <= design.years_before).fill_null(False).to_numpy()
        free = before.is_null().to_numpy()
    else:
        case = women["happened"].to_numpy()
        free = ~case
    cases = _cases(design, case, rng)
    controls = _chosen(np.flatnonzero(free), design.controls, rng, "controls")
    fractions = (len(cases) / max(1, case.sum()), len(controls) / free.sum())
    rows = np.concatenate([cases, controls])
    is_case = np.arange(len(rows)) < len(cases)
    return pl.DataFrame(
        {
            "person": women["person"].to_numpy()[rows],
            "case": is_case,
            "sampling_fraction": np.where(is_case, *fractions),
        }
    ).sort("person")
