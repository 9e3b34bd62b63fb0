"""Small random cohorts for curves: ties, late entry, competing events, weights, split follow-up."""

import numpy as np
import polars as pl
from hypothesis import strategies as st

from cohort import Binary, Categorical, FollowUp, TimeScale, from_frame

UNIT = TimeScale("time", "months")


@st.composite
def frames(draw, most=24, late=True):
    """Records on a grid of whole months, so that ties are common."""
    n = draw(st.integers(4, most))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 5, n) if late and draw(st.booleans()) else np.zeros(n, dtype=np.int64)
    exit_ = entry + rng.integers(1, 9, n)
    event = rng.integers(0, 3, n)
    event[0] = 1
    return pl.DataFrame(
        {
            "person": [f"p{i:03d}" for i in range(n)],
            "entry": entry.astype(float),
            "exit": exit_.astype(float),
            "event": event,
            "x": rng.integers(0, 2, n),
            "w": rng.choice([0.5, 1.0, 1.75, 3.0], n),
            "cluster": rng.integers(0, max(2, n // 3), n),
            "s": rng.choice(["u", "v"], n),
        }
    )


def cohort_of(frame, *, competing=True, **facts):
    """A cohort of such a frame; event 2 competes, or counts as no event."""
    follow_up = FollowUp(
        UNIT,
        entry="entry",
        exit="exit",
        event="event",
        happened=1,
        competing={2: "other"} if competing else {},
        censored=0 if competing else (0, 2),
    )
    variables = [Binary("x"), Categorical("s")]
    return from_frame(frame, person="person", follow_up=follow_up, variables=variables, **facts)
