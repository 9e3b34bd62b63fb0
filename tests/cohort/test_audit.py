"""The follow-up audit tells every problem at once, by count and row, and never by value."""

import datetime as dt

import polars as pl
import pytest

from cohort import Audit, Binary, Continuous, FollowUp, Milestones, TimeScale, audit, from_frame
from cohort.errors import SchemaError

YEARS = TimeScale("time since entry", "years")
AGE = FollowUp(TimeScale("age", "years", origin="birth"), entry="entry", exit="exit", event="event")
PLAIN = FollowUp(YEARS, entry="entry", exit="exit", event="event")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def women(**changed) -> pl.DataFrame:
    columns = {
        "person": ["a", "b", "c", "d"],
        "birth": [day("1950-01-01")] * 4,
        "entry": [day("2000-01-01")] * 4,
        "exit": [day("2010-01-01")] * 4,
        "event": [1, 0, 0, 0],
        "death": [None] * 4,
        "cancer": [day("2010-01-01"), None, None, None],
    }
    return pl.DataFrame(columns | changed, strict=False)


MILESTONES = Milestones(
    birth="birth", death="death", outcome="cancer", study_end=day("2010-12-31"),
    earliest=day("1890-01-01"), latest=day("2015-12-31"),
)  # fmt: skip


def told(frame, follow_up=AGE, milestones=MILESTONES, **more) -> dict[str, list[int]]:
    found = audit(frame, person="person", follow_up=follow_up, milestones=milestones, **more)
    return {row["kind"]: row["rows"] for row in found.frame.iter_rows(named=True)}


def test_nothing_to_tell():
    found = audit(women(), person="person", follow_up=AGE, milestones=MILESTONES)
    assert isinstance(found, Audit)
    assert found.passed
    assert found.problems == ()
    assert found.frame.columns == ["kind", "forbids_analysis", "records", "rows", "message"]
    assert repr(found) == (
        "Audit(4 records of 4 persons: 0 problems that forbid an analysis, 0 to know)"
    )


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("birth after entry", {"birth": [day("1950-01-01")] * 3 + [day("2001-01-01")]}),
        ("death before entry", {"death": [None, None, None, day("1999-01-01")]}),
        ("death before birth", {"death": [None, None, None, day("1949-01-01")]}),
        ("exit after death", {"death": [None, None, None, day("2009-12-31")]}),
        ("exit after study end", {"exit": [day("2010-01-01")] * 3 + [day("2011-01-01")]}),
        ("prevalent case", {"cancer": [day("2010-01-01"), None, None, day("1999-01-01")]}),
        ("prevalent case", {"cancer": [day("2010-01-01"), None, None, day("2000-01-01")]}),
        ("exit after the outcome", {"cancer": [day("2010-01-01"), None, None, day("2005-01-01")]}),
        ("event not coded", {"cancer": [day("2010-01-01"), None, None, day("2010-01-01")]}),
        ("event outside follow-up",
         {"event": [1, 0, 0, 1], "cancer": [day("2010-01-01"), None, None, day("2012-01-01")]}),
        ("outcome after death",
         {"death": [None, None, None, day("2011-01-01")],
          "cancer": [day("2010-01-01"), None, None, day("2012-01-01")]}),
        ("exit at or before entry", {"exit": [day("2010-01-01")] * 3 + [day("2000-01-01")]}),
        ("sentinel", {"death": [None, None, None, day("9999-12-31")]}),
        ("sentinel", {"birth": [day("1950-01-01")] * 3 + [day("1900-01-01")]}),
        ("date out of range", {"birth": [day("1950-01-01")] * 3 + [day("1889-12-31")]}),
        ("date out of range", {"death": [None, None, None, day("2016-01-01")]}),
        ("overlap", {"person": ["a", "b", "c", "c"]}),
    ],
)  # fmt: skip
def test_each_problem(kind, changed):
    assert told(women(**changed))[kind] == [4]


def test_death_on_the_day_of_exit_is_no_problem():
    assert told(women(death=[day("2010-01-01")] * 4)) == {}


def test_outcome_after_exit_of_someone_censored_is_no_problem():
    """She moved away in 2010 and fell ill in 2012: not seen, and rightly so."""
    assert told(women(cancer=[day("2010-01-01"), None, None, day("2012-01-01")])) == {}


def test_all_at_once_and_five_rows_at_most():
    frame = pl.concat([women(exit=[day("1999-01-01")] * 4)] * 2)
    frame = frame.with_columns(
        person=pl.int_range(8).cast(pl.String), death=pl.lit(day("1940-01-01"))
    )
    found = audit(
        frame, person="person", follow_up=AGE, milestones=MILESTONES,
        variables=[Binary("birth")],
    )  # fmt: skip
    kinds = set(found.frame["kind"])
    assert kinds >= {"exit at or before entry", "death before birth", "death before entry",
                     "exit after death", "variable"}  # fmt: skip
    row = found.frame.filter(pl.col("kind") == "death before birth")
    assert row["records"].item() == 8
    assert row["rows"].item().to_list() == [1, 2, 3, 4, 5]
    assert "(rows 1, 2, 3, 4, 5 and 3 more)" in row["message"].item()
    assert not found.passed
    text = found.text()
    assert "Forbids an analysis:" in text
    assert all(message in text for message in found.frame["message"])
    assert "1940" not in text


def test_identical_records_and_missing_identifiers():
    frame = women(person=["a", "a", "a", "a"])
    assert told(frame)["identical record"] == [3, 4]
    found = audit(women(person=["a", None, "c", "d"]), person="person", follow_up=AGE)
    assert found.persons is None
    assert "1 record has no identifier in 'person' (row 2)" in found.text()


def test_gaps_and_recurrences_are_only_to_know():
    frame = women(
        person=["a", "a", "c", "d"],
        exit=[day("2003-01-01")] + [day("2010-01-01")] * 3,
        entry=[day("2000-01-01"), day("2005-01-01"), *[day("2000-01-01")] * 2],
    )
    found = audit(frame, person="person", follow_up=AGE)
    assert {problem.kind for problem in found.problems} == {"gap", "after event"}
    assert found.passed


def test_unreadable_columns_are_told_together():
    frame = women(exit=["secret"] * 4, event=["yes", "secret", "no", "no"], birth=[None] * 4)
    found = audit(
        frame, person="person", follow_up=AGE, variables=[Continuous("cancer", unit="years")]
    )
    kinds = found.frame["kind"].to_list()
    assert sorted(kinds) == ["entry", "event", "exit", "variable"]
    assert "secret" not in found.text()
    assert found.frame["records"].null_count() == 4


def test_time_zone_is_told_not_raised():
    zoned = pl.Series("death", [dt.datetime(2010, 1, 1)] * 4).dt.replace_time_zone("UTC")
    assert (
        "has the time zone"
        in audit(
            women().with_columns(zoned), person="person", follow_up=AGE, milestones=MILESTONES
        ).text()
    )


def test_numbers_on_the_scale_of_follow_up():
    frame = pl.DataFrame(
        {"person": [1, 2], "entry": [0.0, 1.0], "exit": [2.0, 3.0], "event": [1, 0],
         "death": [1.5, None]}
    )  # fmt: skip
    milestones = Milestones(death="death", study_end=2.5)
    assert told(frame, PLAIN, milestones) == {"exit after death": [1], "exit after study end": [2]}


def test_an_empty_table():
    found = audit(women().head(0), person="person", follow_up=AGE)
    assert [problem.kind for problem in found.problems] == ["no records"]


def test_absent_columns_are_raised():
    with pytest.raises(SchemaError, match="no column 'exits'"):
        audit(
            women(), person="person",
            follow_up=FollowUp(YEARS, exit="exits", event="event"),
        )  # fmt: skip
    with pytest.raises(SchemaError, match="milestones name column 'died'"):
        audit(women(), person="person", follow_up=AGE, milestones=Milestones(death="died"))


def test_what_passes_the_audit_passes_the_door():
    frame = women()
    assert audit(frame, person="person", follow_up=AGE).passed
    assert from_frame(frame, person="person", follow_up=AGE).persons == 4
