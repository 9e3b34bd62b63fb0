"""Robust errors where the weight at risk falls a million-fold: running sums hold no digit of them.

Expected: the influence of each person on the cumulative hazard, added up at each event as
Therneau and Grambsch (2000), section 7.2, write it: w (dN - dH) / Y while at risk.
"""

import numpy as np
import polars as pl
import pytest

from analyses import KaplanMeier, Question
from analyses.curves.cumulative_hazard import NelsonAalen
from cohort import Binary, FollowUp, TimeScale, from_frame


def cohort_of(cluster, entry):
    draws = np.random.default_rng(4)
    heavy, light = 30, 8
    weight = np.r_[draws.uniform(0.5, 2.0, heavy) * 1e6, draws.uniform(0.5, 2.0, light) * 1e-2]
    begin = np.r_[np.zeros(heavy), np.full(light, 4.5 if entry else 0.0)]
    end = np.r_[draws.uniform(1, 5, heavy), draws.uniform(6, 9, light)]
    event = np.r_[draws.random(heavy) < 0.8, [True] * (light - 1), False]
    frame = pl.DataFrame(
        {
            "id": np.arange(heavy + light), "from": begin, "to": end, "event": event.astype(int),
            "w": weight, "x": np.zeros(heavy + light, dtype=int), "site": np.arange(38) % 19,
        }
    )  # fmt: skip
    cohort = from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("t", unit="years"), entry="from", exit="to", event="event"),
        variables=[Binary("x")],
        weight="w",
        cluster="site" if cluster else None,
    )
    return cohort, (begin, end, event, weight, np.arange(38) % 19 if cluster else np.arange(38))


def errors(begin, end, event, weight, unit):
    running, found = np.zeros(weight.size), []
    for time in np.unique(end):
        at_risk, fails = (begin < time) & (end >= time), event & (end == time)
        total = weight[at_risk].sum()
        running += np.where(at_risk, weight * (fails - weight[fails].sum() / total) / total, 0.0)
        found.append(np.sqrt((np.bincount(unit, running) ** 2).sum()))
    return np.array(found)


@pytest.mark.parametrize("cluster", [False, True])
@pytest.mark.parametrize("entry", [False, True])
def test_the_error_of_a_cumulative_hazard(cluster, entry):
    cohort, arrays = cohort_of(cluster, entry)
    found = NelsonAalen(by=None).estimate(cohort, Question(exposure="x")).frame["std_error"]
    assert found.to_numpy() == pytest.approx(errors(*arrays), rel=1e-5)


def test_no_error_is_0_while_somebody_is_left():
    cohort, _ = cohort_of(cluster=False, entry=True)
    found = KaplanMeier(by=None).estimate(cohort, Question(exposure="x")).frame
    left = found.filter((pl.col("estimate") > 0) & (pl.col("estimate") < 1))
    assert (left["std_error"] > 0).all()
