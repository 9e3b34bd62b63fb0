"""Small random cohorts for the properties: whole times, so many ties and exact cuts."""

import numpy as np
import polars as pl
from hypothesis import strategies as st

from analyses import Question
from cohort import Continuous, FollowUp, TimeScale, from_frame

MONTHS = TimeScale("time since recruitment", "months")
QUESTION = Question(exposure="x", adjustments={"model": ["z"]})


@st.composite
def tables(draw, *, least=8, most=24, tied=True):
    """Records of persons: entry, exit, event, two values, a weight, a stratum."""
    n = draw(st.integers(least, most))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 6, n)
    exits = entry + rng.integers(1, 10, n) if tied else rng.permutation(np.arange(7, 7 + n))
    event = rng.random(n) < 0.7
    event[: max(3, n // 3)] = True
    return pl.DataFrame(
        {
            "person": np.arange(n),
            "from": entry.astype(float),
            "to": exits.astype(float),
            "ends": event,
            "x": rng.integers(0, 2, n).astype(float),
            "z": np.round(rng.normal(50, 10, n)),
            "w": rng.choice([0.5, 1.0, 2.0, 3.5], n),
            "s": rng.integers(0, 2, n),
            "known": np.round(rng.normal(0, 0.5, n), 2),
        }
    )


def cohort_of(table, *, late=True, stratum=False, **facts):
    follow_up = FollowUp(
        MONTHS,
        entry="from" if late else None,
        exit="to",
        event="ends",
        stratum="s" if stratum else None,
    )
    return from_frame(
        table,
        person=facts.pop("person", "person"),
        follow_up=follow_up,
        variables=[Continuous("x"), Continuous("z")],
        **facts,
    )


def estimable(estimates):
    """Whether the model has a maximum, and is not so flat that rounding decides."""
    fit = estimates.fits[0]
    usable = fit.maximum.converged and not (fit.aliased | fit.monotone).any()
    return usable and bool((np.abs(fit.beta * fit.scale) < 5).all())
