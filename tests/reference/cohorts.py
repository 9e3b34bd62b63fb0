"""Cohorts from stored data sets, through the public doors."""

import polars as pl

from cohort import Categorical, Cohort, Continuous, FollowUp, TimeScale, from_frame
from tests.reference.oracle import data

DAYS = TimeScale("time since entry", "days")
ROW = "row number"


def numeric(*names: str) -> list[Continuous]:
    """Variables taken as numbers, as R takes them."""
    return [Continuous(name) for name in names]


def factor(name: str, levels: tuple, column: str | None = None) -> Categorical:
    """A factor compared with its first level, as R's default contrasts do."""
    return Categorical(name, column=column, levels=levels, reference=levels[0])


def cohort_of(frame: pl.DataFrame, follow_up: FollowUp, variables: list, **facts: str) -> Cohort:
    """A cohort of a data set whose persons are its rows unless person= says otherwise."""
    numbered = frame.with_columns(pl.int_range(pl.len()).alias(ROW))
    return from_frame(
        numbered,
        person=facts.pop("person", ROW),
        follow_up=follow_up,
        variables=variables,
        **facts,
    )


def lung(*variables: object, frame: pl.DataFrame | None = None, **facts: str) -> Cohort:
    """The lung cancer cohort of R, status 2 a death."""
    follow_up = FollowUp(DAYS, exit="time", event="status", happened=2, label="death")
    table = data("lung") if frame is None else frame
    return cohort_of(table, follow_up, list(variables), **facts)


def toy(**columns: list) -> pl.DataFrame:
    """The ten records of the reference's edge cases; columns may be replaced or added."""
    frame = pl.DataFrame(
        {
            "t": [float(t) for t in range(1, 11)],
            "d": [1, 0, 1, 1, 0, 1, 1, 0, 1, 1],
            "x": [0, 1, 0, 1, 1, 0, 1, 0, 0, 1],
            "z": [1.2, 3.4, 2.2, 0.5, 1.9, 2.7, 3.3, 0.1, 2.8, 1.4],
        }
    )
    return frame.with_columns([pl.Series(name, values) for name, values in columns.items()])
