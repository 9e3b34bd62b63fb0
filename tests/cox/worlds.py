"""Small random data in which every option can meet every other: heavy ties, late entry, splits."""

from itertools import pairwise

import numpy as np
import polars as pl

from analyses.records import RiskRecords
from tests.cox.brute import Data


def draw(
    seed, *, late, weights, strata, clusters, offset, several, persons=18, whole=True, spread=1.0
):
    """Data for one cell of the option product.

    weights : "none", "one" (the same among events and in risk sets), "two" (different), "zeros"
    (cases outside a subcohort count as events alone). several : follow-up cut in pieces with a
    value that changes, and a second event for some.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(persons):
        begin = float(rng.integers(0, 7)) if late else -np.inf
        end = max(begin, 2.0) + float(rng.integers(2, 8))
        stratum = int(rng.integers(0, 2)) if strata else 0
        weight = float(rng.choice([0.5, 1.0, 2.25])) if weights != "none" else 1.0
        risk_weight = weight
        if weights == "two":
            risk_weight = float(rng.choice([0.75, 1.5, 3.0]))
        first, known = rng.normal(0, spread), float(rng.normal(0, 0.7)) if offset else 0.0
        cuts = [begin, end]
        if several:
            low = max(begin, 0.0)
            inner = rng.choice(
                np.arange(low + 1, end), size=min(2, int(end - low) - 1), replace=False
            )
            cuts = sorted([begin, *map(float, inner), end])
        for place, (entry, leave) in enumerate(pairwise(cuts)):
            last = leave == end
            happens = bool(rng.random() < (0.65 if last else 0.2))
            member = weights != "zeros" or person % 3 > 0
            if not member and not (last and happens):
                continue
            rows.append(
                (entry, leave, happens, weight, risk_weight if member else 0.0, known, stratum,
                 person, person // 3 if clusters else person,
                 first, float(rng.integers(0, 2)) + 0.25 * place)
            )  # fmt: skip
    columns = list(zip(*(row for row in rows if met(row, rows)), strict=True))
    floats = [np.array(columns[k], dtype=float) for k in (0, 1, 3, 4, 5, 9, 10)]
    entry, leave, weight, risk_weight, known, x1, x2 = floats
    if not whole:
        entry, leave = entry + 0.123456789, leave + 0.123456789
    codes = [np.array(columns[k], dtype=np.int64) for k in (6, 7, 8)]
    return Data(
        entry, leave, np.array(columns[2]), weight, risk_weight, known, *codes,
        np.column_stack([x1, x2]),
    )  # fmt: skip


def met(row, rows):
    """Whether somebody of weight is at risk when a case outside the subcohort fails."""
    return row[4] > 0 or any(
        one[4] > 0 and one[6] == row[6] and one[0] < row[1] <= one[1] for one in rows
    )


def records_of(data):
    """The same data as the toolkit's records."""
    return RiskRecords(
        entry=data.entry,
        exit=data.exit,
        event=data.event.astype(bool),
        event_weight=data.event_weight,
        risk_weight=data.risk_weight,
        offset=data.offset,
        stratum=data.stratum,
        person=data.person,
        cluster=data.cluster,
    )


def frame_of(data):
    """The same data as a table for the public doors."""
    return pl.DataFrame(
        {
            "person": data.person,
            "group": data.cluster,
            "from": data.entry,
            "to": data.exit,
            "happened": data.event.astype(bool),
            "weight": data.event_weight,
            "known": data.offset,
            "s": data.stratum,
            "x1": data.terms[:, 0],
            "x2": data.terms[:, 1],
        }
    )
