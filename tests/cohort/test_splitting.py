"""Splitting follow-up: certified on a cohort that R's Epi package splits, and by invariants."""

import datetime as dt
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohort import (
    CaseCohort,
    Categorical,
    CohortError,
    FollowUp,
    NestedCaseControl,
    OtherScale,
    TimeScale,
    from_frame,
    split,
)
from cohort.errors import SchemaError, UnsupportedError

REFERENCE = Path(__file__).parents[1] / "reference"
YEARS = TimeScale("time since entry", "years")
LATE = FollowUp(YEARS, entry="entry", exit="exit", event="event")
AGE = FollowUp(TimeScale("age", "years", origin="birth"), entry="entry", exit="exit", event="event")


def pieces(cohort) -> list[tuple]:
    return cohort.frame.select("_entry", "_exit", "_event").rows()


def one(entry=None, exit=10.0, event=1, **more):
    """A cohort of one woman."""
    columns = {"person": ["a"], "exit": [exit], "event": [event]} | {
        k: [v] for k, v in more.items()
    }
    if entry is None:
        return from_frame(
            pl.DataFrame(columns), person="person",
            follow_up=FollowUp(YEARS, exit="exit", event="event"),
        )  # fmt: skip
    return from_frame(pl.DataFrame(columns | {"entry": [entry]}), person="person", follow_up=LATE)


class TestOccupationalCohort:
    """13 men, split by age and by calendar time: R 4.2.2, Epi 2.47, ``lexis_occup_byhand``."""

    @pytest.fixture
    def expected(self):
        told = json.loads((REFERENCE / "results" / "lexis_occup_byhand.json").read_text())
        assert told["suggested_rtol"] == 1e-12
        return told["results"]

    @pytest.fixture
    def steps(self):
        table = pl.read_csv(REFERENCE / "data" / "occup.csv").with_row_index("man", offset=1)
        table = table.with_columns((pl.col("AoE") + pl.col("DoX") - pl.col("DoE")).alias("AoX"))
        died = FollowUp(
            TimeScale("age", "years"), entry="AoE", exit="AoX", event="Xst",
            happened="D", censored=("W", "X"),
        )  # fmt: skip
        whole = from_frame(table, person="man", follow_up=died)
        by_age = split(whole, at=range(40, 71, 5), name="age")
        period = OtherScale(TimeScale("calendar time", "years"), at_entry="DoE")
        return whole, by_age, split(by_age, at=range(1940, 1961, 5), on=period, name="period")

    def test_rows(self, steps, expected):
        rows = [expected["rows"][key] for key in ("L", "age", "age_per")]
        assert [len(step.frame) for step in steps] == rows

    def test_every_piece(self, steps, expected):
        frame = steps[2].frame
        told = expected["split"]["columns"]
        calendar = frame["DoE"].to_numpy() + frame["_entry"].to_numpy() - frame["AoE"].to_numpy()
        assert frame["man"].to_list() == [str(man) for man in told["id"]]
        np.testing.assert_allclose(frame["_entry"], told["age"], rtol=1e-12)
        np.testing.assert_allclose(calendar, told["per"], rtol=1e-12)
        np.testing.assert_allclose(frame["_exit"] - frame["_entry"], told["dur"], rtol=1e-12)
        assert frame["_event"].to_list() == [int(to == "D") for to in told["to"]]

    @pytest.mark.parametrize(("cell", "table"), [("time", "Y"), ("events", "D")])
    def test_tables(self, steps, expected, cell, table):
        told = expected[f"{table}_age_by_period"]
        cells = (
            steps[2]
            .frame.group_by("age", "period")
            .agg(
                (pl.col("_exit") - pl.col("_entry")).sum().alias("time"),
                pl.col("_event").sum().alias("events"),
            )
        )
        found = {(age, period): row for age, period, *row in cells.rows()}
        for age, numbers in zip(told["rownames"], told["data"], strict=True):
            for period, number in zip(told["colnames"], numbers, strict=True):
                bands = (f"{age} to {int(age) + 5}", f"{period} to {int(period) + 5}")
                here = found.get(bands, [0.0, 0])[0 if cell == "time" else 1]
                assert here == pytest.approx(number, rel=1e-12, abs=1e-12)

    def test_totals(self, steps, expected):
        for step in steps:
            assert step.person_time == pytest.approx(expected["totals"]["Y"], rel=1e-12)
            assert step.events == expected["totals"]["D"]
            assert step.persons == 13

    def test_no_step_since_nobody_leaves(self, steps):
        assert steps[2].steps == steps[0].steps


class TestByHand:
    def test_event_stays_in_the_last_piece(self):
        cohort = split(one(entry=2.0), at=[5, 8, 1, 12], name="band")
        assert pieces(cohort) == [(2, 5, 0), (5, 8, 0), (8, 10, 1)]
        assert cohort.frame["band"].to_list() == ["1 to 5", "5 to 8", "8 to 12"]

    def test_event_at_a_cut_belongs_to_the_piece_that_ends_there(self):
        cohort = split(one(entry=2.0), at=[10], name="band")
        assert pieces(cohort) == [(2, 10, 1)]
        assert cohort.frame["band"].to_list() == ["under 10"]

    def test_entry_at_a_cut(self):
        cohort = split(one(entry=5.0), at=[5], name="band")
        assert pieces(cohort) == [(5, 10, 1)]
        assert cohort.frame["band"].to_list() == ["5 and over"]

    def test_without_entry_the_first_piece_begins_at_minus_infinity(self):
        cohort = split(one(), at=[-3, 0, 4], name="band")
        assert pieces(cohort) == [(-np.inf, 4, 0), (4, 10, 1)]
        assert cohort.frame["band"].to_list() == ["0 to 4", "4 and over"]
        assert cohort.person_time == 10

    def test_exit_at_zero(self):
        cohort = split(one(exit=0.0), at=[0, 4], name="band")
        assert pieces(cohort) == [(-np.inf, 0, 1)]
        assert cohort.frame["band"].to_list() == ["under 0"]

    def test_competing_events_stay_too(self):
        died = FollowUp(
            YEARS, exit="exit", event="event", happened=1, competing={2: "death"}, censored=0
        )
        frame = pl.DataFrame({"person": [1], "exit": [3.0], "event": [2]})
        cohort = split(from_frame(frame, person="person", follow_up=died), at=[1])
        assert cohort.frame["_event"].to_list() == [0, 2]

    def test_the_band_is_a_declared_variable(self):
        cohort = split(one(entry=2.0), at=[5], name="band", reference="under 5")
        assert cohort.variable("band") == Categorical(
            "band", levels=("under 5", "5 and over"), reference="under 5"
        )

    def test_splitting_twice_is_splitting_once(self):
        twice = split(split(one(entry=2.0), at=[5]), at=[3, 5, 8])
        assert pieces(twice) == pieces(split(one(entry=2.0), at=[3, 5, 8]))

    def test_a_cut_within_rounding_of_a_time_makes_no_sliver(self):
        """0.1 + 0.2 is 0.30000000000000004: the cut is the exit of another, and the same time."""
        frame = pl.DataFrame(
            {"person": ["a", "b"], "entry": [0.0, 0.0], "exit": [0.1 + 0.2, 1.0], "event": [1, 0]}
        )
        cohort = split(from_frame(frame, person="person", follow_up=LATE), at=[0.3], name="band")
        assert pieces(cohort) == [(0, 0.1 + 0.2, 1), (0, 0.1 + 0.2, 0), (0.1 + 0.2, 1, 0)]
        assert cohort.frame["band"].to_list() == ["under 0.3", "under 0.3", "0.3 and over"]


class TestDates:
    def cohort(self, **changed):
        columns = {
            "person": ["a", "b"],
            "birth": [dt.date(1950, 3, 1), dt.date(1960, 1, 1)],
            "entry": [dt.date(1998, 1, 1), dt.date(2001, 1, 1)],
            "exit": [dt.date(2006, 7, 1), dt.date(2003, 1, 1)],
            "event": [1, 0],
            "last_birth": [dt.date(1999, 1, 1), None],
        }
        return from_frame(pl.DataFrame(columns | changed), person="person", follow_up=AGE)

    def test_calendar_dates(self):
        """Cut in whole days, so that the pieces' times equal those that other dates give."""
        cut = dt.date(2000, 1, 1)
        cohort = split(self.cohort(), at=[cut], name="period")
        at = (cut - dt.date(1950, 3, 1)).days / 365.25
        assert cohort.frame["_exit"][0] == at == cohort.frame["_entry"][1]
        words = ["before 2000-01-01", "2000-01-01 and later", "2000-01-01 and later"]
        assert cohort.frame["period"].to_list() == words

    def test_time_since_a_date(self):
        since = TimeScale("time since last birth", "months", origin="last_birth")
        cohort = split(
            self.cohort(), at=[0, 12, 60], on=since, name="since birth", never="nulliparous"
        )
        bands = ["under 0", "0 to 12", "12 to 60", "60 and over", "nulliparous"]
        assert cohort.frame["since birth"].to_list() == bands
        assert cohort.variable("since birth").levels == tuple(bands)
        born = (dt.date(1999, 1, 1) - dt.date(1950, 3, 1)).days
        expected = [born / 365.25, (born + 365.25) / 365.25, (born + 5 * 365.25) / 365.25]
        np.testing.assert_allclose(cohort.frame["_exit"][:3], expected, rtol=1e-14)
        assert cohort.person_time == pytest.approx(self.cohort().person_time, rel=1e-14)

    def test_no_date_is_refused_until_named(self):
        since = TimeScale("time since last birth", "years", origin="last_birth")
        with pytest.raises(SchemaError, match=r"1 record has no value in 'last_birth' \(row 2\)"):
            split(self.cohort(), at=[0], on=since)

    def test_calendar_scale_by_number(self):
        on = TimeScale("time since 2000", "years", origin=dt.date(2000, 1, 1))
        by_number = split(self.cohort(), at=[0], on=on)
        by_date = split(self.cohort(), at=[dt.date(2000, 1, 1)])
        assert pieces(by_number) == pieces(by_date)

    def test_an_event_on_the_day_of_the_cut(self):
        cohort = split(self.cohort(), at=[dt.date(2006, 7, 1)], name="period")
        assert cohort.frame["period"].to_list() == ["before 2006-07-01"] * 2
        assert cohort.events == 1

    @pytest.mark.parametrize(
        ("at", "on"),
        [
            ([dt.date(2000, 1, 1)], TimeScale("x", origin="birth")),
            ([dt.date(2000, 1, 1), 5], None),
            ([dt.datetime(2000, 1, 1)], None),
            ([5], TimeScale("x")),
            ([5], TimeScale("x", origin="absent")),
            ([5], TimeScale("x", origin="person")),
            ([5], OtherScale(TimeScale("x"), at_entry="event")),
        ],
    )
    def test_scales_that_do_not_fit(self, at, on):
        with pytest.raises(SchemaError):
            split(self.cohort(), at=at, on=on)


class TestRefusals:
    @pytest.mark.parametrize(
        "asked",
        [
            {"at": []}, {"at": [float("nan")]}, {"at": [float("inf")]}, {"at": ["5"]},
            {"at": [None]}, {"at": [5], "name": "exit"}, {"at": [5], "name": "_band"},
            {"at": [5], "name": "band.missing"},
            {"at": [5], "name": "band", "reference": "under 6"},
            {"at": [5], "name": "band", "never": "under 5"},
            {"at": [dt.date(2000, 1, 1)]}, {"at": [5], "on": TimeScale("x", origin="birth")},
            {"at": [5], "on": OtherScale(TimeScale("x"), at_entry="absent")},
            {"at": [5], "on": OtherScale(TimeScale("x"), at_entry="person")},
            {"at": [5], "on": OtherScale(TimeScale("x", origin="birth"), at_entry="exit")},
        ],
    )  # fmt: skip
    def test_what_does_not_fit(self, asked):
        with pytest.raises(CohortError):
            split(one(entry=2.0), **asked)

    def test_a_band_twice(self):
        cohort = split(one(entry=2.0), at=[5], name="band")
        with pytest.raises(SchemaError, match="'band' has the name of a column"):
            split(cohort, at=[6], name="band")

    def test_matched_sets(self):
        frame = pl.DataFrame(
            {"person": ["a", "b"], "exit": [1.0, 2.0], "event": [1, 0], "pair": [1, 1]}
        )
        cohort = from_frame(
            frame, person="person", follow_up=FollowUp(YEARS, exit="exit", event="event"),
            design=NestedCaseControl("pair"),
        )  # fmt: skip
        with pytest.raises(UnsupportedError, match="Split the cohort before"):
            split(cohort, at=[0.5])

    def test_a_case_cohort_may_be_split(self):
        frame = pl.DataFrame(
            {"person": ["a", "b"], "exit": [1.0, 2.0], "event": [1, 0], "sub": [0, 1]}
        )
        cohort = from_frame(
            frame, person="person", follow_up=FollowUp(YEARS, exit="exit", event="event"),
            design=CaseCohort("sub", cohort_size=10),
        )  # fmt: skip
        assert len(split(cohort, at=[0.5]).frame) == 4


QUARTERS = st.integers(0, 60).map(lambda quarter: quarter / 4)


@st.composite
def cohorts(draw, late):
    women = []
    for person in range(draw(st.integers(1, 6))):
        times = sorted(draw(st.sets(QUARTERS, min_size=2, max_size=4)))
        if not late:
            times = [0.0, times[-1]]
        for entry, leave in pairwise(times):
            last = leave == times[-1]
            event = draw(st.integers(0, 1)) if last else 0
            women.append((person, entry, leave, event, 1990.0 + draw(QUARTERS)))
    frame = pl.DataFrame(
        women, schema=["person", "entry", "exit", "event", "calendar"], orient="row"
    )
    follow_up = LATE if late else FollowUp(YEARS, exit="exit", event="event")
    return from_frame(frame.with_row_index("record"), person="person", follow_up=follow_up)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(), late=st.booleans(), other=st.booleans(),
    at=st.lists(st.integers(-4, 70).map(lambda quarter: quarter / 4), min_size=1, max_size=5),
)  # fmt: skip
def test_splitting_moves_nobody(data, late, other, at):
    """At every moment each record at risk is exactly one piece at risk, in the band of that moment.

    Persons, events and person-time follow; times are quarters of years, exact in floating point.
    """
    whole = data.draw(cohorts(late))
    calendar = OtherScale(TimeScale("calendar time", "years"), at_entry="calendar")
    cuts = sorted({1990.0 + cut for cut in at} if other else set(at))
    parts = split(whole, at=cuts, on=calendar if other else None, name="band")
    assert (parts.persons, parts.events) == (whole.persons, whole.events)
    assert parts.person_time == whole.person_time
    levels = parts.variable("band").levels
    shift = (pl.col("calendar") - (pl.col("entry") if late else 0.0)) if other else pl.lit(0.0)
    before, after = (one.frame.with_columns(shift.alias("shift")) for one in (whole, parts))
    for moment in np.arange(0, 16, 0.125):
        at_risk = (pl.col("_entry") < moment) & (pl.col("_exit") >= moment)
        expected = before.filter(at_risk)
        found = after.filter(at_risk)
        assert found["record"].to_list() == expected["record"].to_list()
        shown = moment + expected["shift"].to_numpy() * np.ones(len(expected))
        # (a, b] is the band of a moment t with a < t <= b; nobody is at risk before the origin.
        bands = [levels[sum(cut < here for cut in cuts)] for here in shown]
        if moment > 0:
            assert found["band"].to_list() == bands
        ends = after.filter((pl.col("_exit") == moment) & (pl.col("_event") == 1))
        assert len(ends) == len(
            before.filter((pl.col("_exit") == moment) & (pl.col("_event") == 1))
        )
