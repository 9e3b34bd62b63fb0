"""Any records, split between owners in any way: the same estimates as together."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyses import Cox, Question
from analyses.federated import guards
from cohort import FollowUp
from tests.federated.exchanges import DAYS, agree, study
from tests.reference.cohorts import numeric


def records(seed: int, sites: int, coarse: int) -> pl.DataFrame:
    """300 persons with late entry, tied times, weights, families within a site, a rare exposure."""
    rng = np.random.default_rng(seed)
    n = 300
    x = np.column_stack([rng.normal(50, 10, n), rng.random(n) < 0.2, rng.exponential(size=n)])
    entry = rng.integers(0, 20, n) * 1.0
    rate = np.exp((x - [50, 0, 1]) @ [0.03, 0.7, -0.4]) / 60
    exit_ = entry + np.ceil(rng.exponential(size=n) / rate / coarse) * coarse
    home = rng.integers(0, sites, n)
    home[:sites] = np.arange(sites)
    return pl.DataFrame(
        {
            "row": np.arange(n), "x": x[:, 0], "exposed": x[:, 1], "z": x[:, 2], "entry": entry,
            "exit": np.minimum(exit_, entry + 120), "event": exit_ <= entry + 120, "site": home,
            "weight": rng.uniform(0.2, 5, n), "family": rng.integers(0, 30, n) + 100 * home,
            "part": rng.integers(0, 2, n),
        }
    )  # fmt: skip


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.integers(2, 4),
    st.sampled_from([1, 10, 40]),
    st.sampled_from(["efron", "breslow"]),
    st.sampled_from([{}, {"weight": "weight"}, {"weight": "weight", "cluster": "family"}]),
)
def test_split_between_owners(seed, sites, coarse, ties, facts):
    follow_up = FollowUp(DAYS, entry="entry", exit="exit", event="event")
    question = Question(
        exposure="exposed", adjustments={"crude": [], "all": ["x", "z"]}, strata=("part",)
    )
    variables = numeric("x", "exposed", "z", "part")
    plan = study(follow_up, variables, question, Cox(ties=ties), **facts)
    frame = records(seed, sites, coarse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guards, "EVENTS_PER_COLUMN", 1)
        patch.setattr(guards, "check_groups", lambda *_: None)
        agree(plan, frame)
