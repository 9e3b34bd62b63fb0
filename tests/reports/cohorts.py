"""A small synthetic cohort for the tests of tables and figures; nobody in it is real."""

import numpy as np
import polars as pl

from cohort import Binary, Categorical, Cohort, Continuous, FollowUp, TimeScale, from_frame


def small_cohort(persons: int = 400, seed: int = 7) -> Cohort:
    """Two groups, ages 40 to 60 at entry, about a third with the event."""
    draw = np.random.default_rng(seed)
    group = draw.choice(["never", "ever"], persons)
    age = draw.normal(50, 5, persons)
    time = draw.exponential(np.where(group == "ever", 12.0, 20.0))
    frame = pl.DataFrame(
        {
            "id": [f"p{number}" for number in range(persons)],
            "group": group,
            "age": np.where(draw.random(persons) < 0.03, np.nan, age),
            "smoker": draw.random(persons) < 0.3,
            "years": np.minimum(time, 8.0),
            "died": (time < 8.0).astype(int),
        }
    )
    return from_frame(
        frame,
        person="id",
        follow_up=FollowUp(
            TimeScale("time since entry"), exit="years", event="died", label="death"
        ),
        variables=[
            Categorical("group", levels=("never", "ever"), reference="never", label="Use"),
            Continuous("age", unit="years", label="Age"),
            Binary("smoker", label="Smoker"),
        ],
    )
