"""An exposure that starts in follow-up: nobody is exposed by what happens to her later."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohort import Binary, CohortError, FollowUp, TimeScale, expose, from_frame
from cohort.errors import DesignError, SchemaError

YEARS = TimeScale("time since entry", "years")
OPEN = FollowUp(YEARS, exit="exit", event="event")
LATE = FollowUp(YEARS, entry="entry", exit="exit", event="event")


def women(starts, *, late=False, exit=10.0, event=1):
    n = len(starts)
    frame = pl.DataFrame(
        {"person": range(n), "entry": [1.0] * n, "exit": [exit] * n, "event": [event] * n,
         "transplant": starts},
        strict=False,
    )  # fmt: skip
    return from_frame(frame, person="person", follow_up=LATE if late else OPEN)


def pieces(cohort, name="treated"):
    return cohort.frame.select("_entry", "_exit", "_event", name).rows()


def test_before_and_after():
    cohort = expose(women([4.0], late=True), name="treated", starts="transplant")
    assert pieces(cohort) == [(1, 4, 0, False), (4, 10, 1, True)]
    assert cohort.variable("treated") == Binary("treated")


def test_event_on_the_day_of_the_start_is_unexposed():
    """R's tmerge: a change of exposure at t counts from the next instant."""
    cohort = expose(women([10.0], late=True), name="treated", starts="transplant")
    assert pieces(cohort) == [(1, 10, 1, False)]


def test_start_before_at_and_after_follow_up():
    cohort = expose(women([0.5, 1.0, 12.0], late=True), name="treated", starts="transplant")
    assert cohort.frame["treated"].to_list() == [True, True, False]


def test_no_start_is_refused_until_it_means_never():
    cohort = women([4.0, None, float("nan")])
    with pytest.raises(SchemaError, match=r"2 records have no value in 'transplant' \(rows 2, 3\)"):
        expose(cohort, name="treated", starts="transplant")
    told = expose(cohort, name="treated", starts="transplant", missing="never exposed")
    assert told.frame["treated"].to_list() == [False, True, False, False]


def test_lag_in_another_unit():
    cohort = expose(women([4.0]), name="treated", starts="transplant", lag=(6, "months"))
    assert pieces(cohort) == [(-np.inf, 4.5, 0, False), (4.5, 10, 1, True)]


def test_washout_is_set_aside_with_a_step():
    whole = women([4.0, 9.0, 20.0])
    cohort = expose(whole, name="treated", starts="transplant", lag=1, washout=2)
    assert pieces(cohort) == [
        (-np.inf, 5, 0, False), (7, 10, 1, True),   # 5 to 7 counts as neither
        (-np.inf, 10, 1, False),                     # her event is on the day that washout begins
        (-np.inf, 10, 1, False),
    ]  # fmt: skip
    assert cohort.person_time == 8 + 10 + 10
    assert cohort.steps[-1].reason == "within the washout after the start of 'treated'"
    assert cohort.steps[-1].person_time == 28


def test_event_in_the_washout_is_set_aside():
    cohort = expose(women([9.0]), name="treated", starts="transplant", washout=3)
    assert pieces(cohort) == [(-np.inf, 9, 0, False)]
    assert cohort.events == 0
    assert [step.events for step in cohort.steps] == [1, 0]


def test_start_at_the_origin_where_someone_leaves_at_once():
    """At time 0 nobody is exposed yet: a start at 0 counts from the next instant."""
    frame = pl.DataFrame(
        {"person": ["a", "b"], "exit": [0.0, 5.0], "event": [1, 0], "start": [0.0, 0.0]}
    )
    cohort = expose(from_frame(frame, person="person", follow_up=OPEN), name="on", starts="start")
    assert pieces(cohort, "on") == [(-np.inf, 0, 1, False), (-np.inf, 0, 0, False), (0, 5, 0, True)]


def test_start_at_the_origin_needs_no_piece_otherwise():
    cohort = expose(women([0.0]), name="treated", starts="transplant")
    assert pieces(cohort) == [(-np.inf, 10, 1, True)]


def test_by_dates():
    frame = pl.DataFrame(
        {
            "person": ["a", "b"],
            "birth": [dt.date(1950, 1, 1)] * 2,
            "entry": [dt.date(2000, 1, 1)] * 2,
            "exit": [dt.date(2010, 1, 1)] * 2,
            "event": [1, 1],
            "start": [dt.date(2005, 3, 1), dt.date(2010, 1, 1)],
        }
    )
    age = FollowUp(
        TimeScale("age", "years", origin="birth"), entry="entry", exit="exit", event="event"
    )
    cohort = from_frame(frame, person="person", follow_up=age)
    parts = expose(cohort, name="on", starts="start")
    start = (dt.date(2005, 3, 1) - dt.date(1950, 1, 1)).days / 365.25
    assert parts.frame["_exit"][0] == start == parts.frame["_entry"][1]
    assert parts.frame["on"].to_list() == [False, True, False]
    unknown = frame.with_columns(start=pl.lit(dt.date(1900, 1, 1)))
    with pytest.raises(SchemaError, match="2 values of 'start' are 1900-01-01 or 9999-12-31"):
        expose(from_frame(unknown, person="person", follow_up=age), name="on", starts="start")


@pytest.mark.parametrize(
    "asked",
    [{"lag": -1}, {"lag": float("nan")}, {"lag": (1, "fortnights")}, {"washout": -2},
     {"washout": float("inf")}, {"missing": "drop"}, {"starts": "absent"}, {"starts": "word"},
     {"name": "exit"}, {"name": "_treated"}],
)  # fmt: skip
def test_what_does_not_fit(asked):
    frame = (
        women([4.0])
        .frame.select("person", "exit", "event", "transplant")
        .with_columns(word=pl.lit("secret"))
    )
    cohort = from_frame(frame, person="person", follow_up=OPEN)
    with pytest.raises(CohortError) as caught:
        expose(cohort, **({"name": "treated", "starts": "transplant"} | asked))
    assert "secret" not in str(caught.value)


def test_infinite_start():
    with pytest.raises(SchemaError, match="infinite"):
        expose(women([float("inf")]), name="treated", starts="transplant")


def test_starts_that_differ_within_a_person():
    frame = pl.DataFrame(
        {"person": ["a", "a"], "entry": [0.0, 5.0], "exit": [5.0, 9.0], "event": [0, 1],
         "transplant": [3.0, 4.0]}
    )  # fmt: skip
    cohort = from_frame(frame, person="person", follow_up=LATE)
    with pytest.raises(DesignError, match=r"1 record differs .* \(row 2\)"):
        expose(cohort, name="treated", starts="transplant")


HALVES = st.integers(0, 20).map(lambda half: half / 2)


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.none() | HALVES, min_size=1, max_size=6),
    lag=HALVES, washout=st.none() | HALVES, late=st.booleans(),
)  # fmt: skip
def test_at_every_moment(starts, lag, washout, late):
    """Exposed at t if start + lag + washout < t, and in neither state between the lag and that."""
    whole = women(starts, late=late)
    cohort = expose(
        whole, name="treated", starts="transplant", lag=lag, washout=washout,
        missing="never exposed",
    )  # fmt: skip
    for moment in np.arange(0.25, 10.5, 0.25):
        found = cohort.frame.filter((pl.col("_entry") < moment) & (pl.col("_exit") >= moment))
        state = dict(zip(found["person"], found["treated"], strict=True))
        for person, start in enumerate(starts):
            begun = np.inf if start is None else start + lag
            until = begun + (washout or 0.0)
            if not (1.0 if late else 0.0) < moment <= 10.0 or begun < moment <= until:
                assert str(person) not in state
            else:
                assert state[str(person)] == (moment > until)
    if washout is None:
        assert (cohort.persons, cohort.events) == (whole.persons, whole.events)
        assert cohort.person_time == whole.person_time
