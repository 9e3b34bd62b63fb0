"""Own people with new events: the hazards they come from, and the effect that comes back."""

import numpy as np
import polars as pl
import pytest

from analyses import Cox, Question
from cohort import Binary, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import StudyError
from synthetic.plasmode import OwnPeople, breslow, plasmode, redrawn

HAND = OwnPeople(
    entry=np.array([0.0, 0.0, 1.0, 2.0]),
    exit=np.array([2.0, 3.0, 4.0, 4.0]),
    happened=np.array([True, False, True, False]),
    log_risk=np.log([1.0, 2.0, 3.0, 4.0]),
    stratum=np.zeros(4, dtype=np.int64),
)
"""At 2: the first three at risk (the fourth enters there). At 4: the third and the fourth."""


def test_breslow_by_hand() -> None:
    steps = breslow(HAND, HAND.happened, HAND.log_risk)
    assert [2.0, 4.0] == steps.time.tolist()
    assert [1 / 6, 1 / 6 + 1 / 7] == pytest.approx(steps.total.tolist())
    censoring = breslow(HAND, ~HAND.happened, np.zeros(4))
    assert [3.0, 4.0] == censoring.time.tolist()
    # At 3 the second to fourth are at risk, at 4 the last two.
    assert [1 / 3, 1 / 3 + 1 / 2] == pytest.approx(censoring.total.tolist())


def test_strata_have_their_own_hazard() -> None:
    people = OwnPeople(
        HAND.entry, HAND.exit, np.array([True, False, True, True]), np.zeros(4),
        np.array([0, 0, 1, 1]),
    )  # fmt: skip
    steps = breslow(people, people.happened, people.log_risk)
    assert ([2.0], [0.5]) == tuple(part.tolist() for part in steps.of(0))
    assert ([4.0], [1.0]) == tuple(part.tolist() for part in steps.of(1))


def people(n: int, seed: int) -> tuple[OwnPeople, np.ndarray]:
    """Late entry, loss, and an end at 10; a binary exposure that a confounder drives."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    x = (rng.uniform(size=n) < 1 / (1 + np.exp(-z))).astype(float)
    entry = rng.uniform(0, 3, n)
    event = entry + rng.exponential(size=n) / (0.08 * np.exp(0.5 * z))
    stop = np.minimum(entry + rng.exponential(12.0, n), 10.0)
    given = OwnPeople(
        entry, np.minimum(event, stop), event <= stop, np.log(0.5) * x + 0.5 * z,
        np.zeros(n, dtype=np.int64),
    )  # fmt: skip
    return given, np.column_stack([x, z])


def test_what_is_kept() -> None:
    given, _ = people(500, 1)
    drawn = plasmode(given)
    one, again, other = redrawn(drawn, 4), redrawn(drawn, 4), redrawn(drawn, 5)
    assert one.exit.tolist() == again.exit.tolist()
    assert one.exit.tolist() != other.exit.tolist()
    assert (one.exit > given.entry).all()
    # New events come at times at which events came; the censored keep their time unless one comes.
    assert set(one.exit[one.happened]) <= set(given.exit[given.happened])
    free = ~given.happened & ~one.happened
    assert one.exit[free].tolist() == given.exit[free].tolist()
    assert (one.exit[~given.happened] <= given.exit[~given.happened]).all()
    # Those who had the event are censored after it, at the latest where follow-up ends.
    late = given.happened & ~one.happened
    assert (one.exit[late] >= given.exit[late]).all()
    assert one.exit.max() <= given.exit.max()


def test_as_many_events_as_were_seen() -> None:
    """The baseline is fitted at the effect that is set, whatever that is.

    Expected within 4 errors of the mean of 200 draws, and 2 % for steps: a jump of the hazard dH
    brings an event with probability 1 - exp(-dH), and imputed censoring is not what was.
    """
    given, _ = people(600, 2)
    drawn = plasmode(given)
    counts = np.array([redrawn(drawn, seed).happened.sum() for seed in range(200)])
    error = counts.std(ddof=1) / np.sqrt(200)
    assert abs(counts.mean() - given.happened.sum()) < 4 * error + 0.02 * given.happened.sum()


def test_the_effect_comes_back() -> None:
    """A Cox model of the redrawn events: 0.5 and 0.5 were put in; bias within 4 Monte Carlo errors.

    The exposure had no effect in the events that were seen.
    """
    given, covariates = people(600, 3)
    drawn = plasmode(given)
    question = Question(exposure="x", adjustments={"z": ["z"]})
    found = []
    for seed in range(60):
        new = redrawn(drawn, seed)
        frame = pl.DataFrame(
            {
                "person": np.arange(600),
                "entry": given.entry,
                "exit": new.exit,
                "ill": new.happened,
                "x": covariates[:, 0] > 0,
                "z": covariates[:, 1],
            }
        )
        cohort = from_frame(
            frame,
            person="person",
            follow_up=FollowUp(
                TimeScale("time", unit="years"), entry="entry", exit="exit", event="ill"
            ),
            variables=(Binary("x"), Continuous("z")),
        )
        found.append(Cox(ties="breslow").estimate(cohort, question).fits[0].beta)
    estimates = np.array(found)
    error = estimates.std(axis=0, ddof=1) / np.sqrt(60)
    # The columns of a model are the confounders, then the exposure.
    assert (np.abs(estimates.mean(axis=0) - np.array([0.5, np.log(0.5)])) < 4 * error).all()


def test_nobody_had_the_event() -> None:
    with pytest.raises(StudyError, match="nobody had the event"):
        OwnPeople(HAND.entry, HAND.exit, np.zeros(4, dtype=bool), HAND.log_risk, HAND.stratum)
