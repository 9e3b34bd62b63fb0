"""Each row of the table of bad inputs that the door answers for: what it says, and never a value.

The secrets below stand where identifiers and values stand; no message may quote one.
"""

import datetime as dt
import decimal
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cohort import (
    Binary,
    CaseCohort,
    CaseControl,
    Categorical,
    CohortError,
    Continuous,
    FollowUp,
    Milestones,
    NestedCaseControl,
    OtherScale,
    TimeScale,
    audit,
    expose,
    from_frame,
    split,
)
from cohort.errors import FollowUpError, SchemaError

SECRETS = ("secret", "9142", "7654")
YEARS = TimeScale("time since entry", "years")
PLAIN = FollowUp(YEARS, exit="exit", event="event")
LATE = FollowUp(YEARS, entry="entry", exit="exit", event="event")


def table(**changed) -> pl.DataFrame:
    """Four women; any column replaced or added."""
    columns = {
        "person": ["a", "b", "c", "d"],
        "entry": [0.0, 1.0, 2.0, 3.0],
        "exit": [5.0, 6.0, 7.0, 8.0],
        "event": [0, 1, 0, 1],
        "x": [1.0, 2.0, 3.0, 4.0],
    }
    return pl.DataFrame(columns | changed, strict=False)


def refusal(frame, *, follow_up=LATE, person="person", error=CohortError, **declared) -> str:
    with pytest.raises(error) as caught:
        from_frame(frame, person=person, follow_up=follow_up, **declared)
    message = str(caught.value)
    assert not any(secret in message for secret in SECRETS)
    # A story about rows names five at most.
    for rows in re.findall(r"rows ((?:\d+(?:, )?)+)", message):
        assert len(rows.rstrip(", ").split(", ")) <= 5
    return message


class TestTimes:
    def test_exit_at_or_before_entry(self):
        message = refusal(table(exit=[5.0, 1.0, 1.0, 8.0]), error=FollowUpError)
        assert "2 of 4 records leave follow-up at or before they enter it (rows 2, 3)" in message
        assert "expected entry < exit, in years" in message
        assert "take these records out with a reason" in message

    def test_five_rows_at_most(self):
        frame = pl.concat([table(exit=[0.0] * 4), table(exit=[0.0] * 4)])
        frame = frame.with_columns(person=pl.int_range(8).cast(pl.String))
        message = refusal(frame)
        assert "(rows 1, 2, 3, 4, 5 and 3 more)" in message

    def test_exit_at_zero_without_entry_is_kept_and_told(self):
        cohort = from_frame(table(exit=[0.0, 6, 7, 8]), person="person", follow_up=PLAIN)
        assert cohort.persons == 4
        assert "1 record leaves at time 0 (row 1)" in cohort.provenance.notes[0]

    def test_negative_time(self):
        message = refusal(table(exit=[-1.0, 6, 7, 8]), follow_up=PLAIN, error=FollowUpError)
        assert "1 record has a negative exit in 'exit' (row 1)" in message
        assert "years since the origin" in message

    @pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
    def test_exit_missing_or_infinite(self, bad):
        message = refusal(table(exit=[5.0, bad, 7, 8]), error=FollowUpError)
        assert "1 record has no finite exit in 'exit' (row 2): expected years" in message

    def test_entry_at_minus_infinity_is_refused_by_name(self):
        message = refusal(table(entry=[-float("inf"), 1, 2, 3]), error=FollowUpError)
        assert "1 record has no finite entry in 'entry' (row 1)" in message
        assert "Leave entry out where nobody enters late" in message

    def test_a_missing_exit_is_no_overlap(self):
        frame = table(person=["a", "a", "c", "d"], exit=[None, 6.0, 7, 8])
        message = refusal(frame)
        assert "no finite exit" in message
        assert "overlap" not in message

    def test_times_as_text(self):
        message = refusal(table(exit=["secret", "6", "7", "8"]), error=SchemaError)
        assert "column 'exit' holds text" in message
        assert "'DD/MM/YYYY'" in message

    def test_times_as_booleans(self):
        assert "Boolean" in refusal(table(exit=[True, True, False, True]), error=SchemaError)

    def test_all_problems_at_once(self):
        frame = table(exit=[-1.0, None, 1.0, 8.0], person=["a", "b", "d", "d"])
        message = refusal(frame)
        assert "no finite exit" in message
        assert "negative exit" in message
        assert "at or before" in message

    def test_whole_years_on_the_age_scale_are_told(self):
        frame = pl.DataFrame(
            {
                "person": range(100),
                "entry": np.arange(100) % 7 + 40.0,
                "exit": np.arange(100) % 5 + 60.0,
                "event": np.arange(100) % 2,
            }
        )
        cohort = from_frame(frame, person="person", follow_up=LATE)
        assert any("whole years" in note for note in cohort.provenance.notes)


class TestDates:
    AGE = FollowUp(
        TimeScale("age", "years", origin="birth"), entry="entry", exit="exit", event="event"
    )

    def dated(self, **changed):
        columns = {
            "birth": [dt.date(1950, 5, 1)] * 4,
            "entry": [dt.date(2000, 1, 1)] * 4,
            "exit": [dt.date(2010, 1, 1)] * 4,
        }
        return table(**(columns | changed))

    def test_age_is_days_since_birth(self):
        cohort = from_frame(self.dated(), person="person", follow_up=self.AGE)
        days = (dt.date(2000, 1, 1) - dt.date(1950, 5, 1)).days
        assert cohort.frame["_entry"][0] == days / 365.25

    @pytest.mark.parametrize("column", ["birth", "entry", "exit"])
    @pytest.mark.parametrize("day", [dt.date(1900, 1, 1), dt.date(9999, 12, 31)])
    def test_sentinels(self, column, day):
        dates = self.dated()[column].to_list()
        dates[2] = day
        message = refusal(self.dated(**{column: dates}), follow_up=self.AGE)
        assert f"1 value of '{column}' is 1900-01-01 or 9999-12-31 (row 3)" in message
        assert "make them missing" in message

    def test_sentinels_declared_genuine(self):
        births = [dt.date(1900, 1, 1)] * 4
        genuine = FollowUp(
            TimeScale("age", "years", origin="birth"),
            entry="entry", exit="exit", event="event", genuine=(dt.date(1900, 1, 1),),
        )  # fmt: skip
        cohort = from_frame(self.dated(birth=births), person="person", follow_up=genuine)
        assert cohort.frame["_entry"][0] == pytest.approx(100, abs=0.01)

    def test_birth_after_entry(self):
        births = [dt.date(1950, 5, 1)] * 3 + [dt.date(2005, 1, 1)]
        message = refusal(self.dated(birth=births), follow_up=self.AGE, error=FollowUpError)
        assert "1 record has a negative entry in 'entry' (row 4)" in message
        assert "since the origin of 'age', 'birth'" in message

    def test_missing_origin(self):
        births = [None] + [dt.date(1950, 5, 1)] * 3
        message = refusal(self.dated(birth=births), follow_up=self.AGE, error=FollowUpError)
        assert "1 record has no 'birth'" in message

    def test_time_zone(self):
        zoned = pl.Series("exit", [dt.datetime(2010, 1, 1)] * 4).dt.replace_time_zone("UTC")
        message = refusal(self.dated().with_columns(zoned), follow_up=self.AGE)
        assert "'exit' has the time zone" in message
        assert "convert it to plain dates" in message

    def test_time_of_day(self):
        message = refusal(self.dated(exit=[dt.datetime(2010, 1, 1, 7)] * 4), follow_up=self.AGE)
        assert "4 values of 'exit' have a time of day" in message

    def test_midnight_is_a_date(self):
        frame = self.dated(exit=[dt.datetime(2010, 1, 1)] * 4)
        assert from_frame(frame, person="person", follow_up=self.AGE).persons == 4

    def test_dates_without_an_origin(self):
        assert "no origin" in refusal(self.dated(), error=SchemaError)

    def test_numbers_with_an_origin(self):
        births = self.dated().select("birth").to_series()
        message = refusal(table().with_columns(births), follow_up=self.AGE, error=SchemaError)
        assert "holds numbers, but time scale 'age' has an origin" in message


class TestEvents:
    @pytest.mark.parametrize("codes", [[1, 2, 1, 2], [-1, 1, 1, 1], [0, 1, 9, 1]])
    def test_undeclared_coding(self, codes):
        message = refusal(table(event=codes), error=SchemaError)
        assert "a code other than 0 or 1 in event column 'event'" in message
        assert "declare as happened the code" in message

    def test_text_needs_a_declaration(self):
        message = refusal(table(event=["secret", "alive", "dead", "alive"]), error=SchemaError)
        assert "event column 'event' holds String" in message

    def test_unknown_codes_beside_the_declared(self):
        died = FollowUp(YEARS, exit="exit", event="event", happened=2, censored=1)
        message = refusal(table(event=[1, 2, 3, 4]), follow_up=died, error=SchemaError)
        assert "2 codes without a declared meaning, on 2 records (rows 3, 4)" in message

    @pytest.mark.parametrize(
        "codes",
        [
            pl.Series([0.0, 1.0, 0.0, 1.0]),
            pl.Series([0.0, 1.0, 0.0, 1.0], dtype=pl.Float32),
            pl.Series([0, 1, 0, 1], dtype=pl.UInt8),
            pl.Series([False, True, False, True]),
            pl.Series([decimal.Decimal(0), decimal.Decimal(1)] * 2),
        ],
    )
    def test_yes_and_no_in_any_number_type(self, codes):
        frame = table().with_columns(codes.alias("event"), codes.alias("x"))
        cohort = from_frame(frame, person="person", follow_up=LATE, variables=[Binary("x")])
        assert cohort.frame["_event"].to_list() == [0, 1, 0, 1]
        assert cohort.frame["x"].to_list() == [False, True, False, True]

    def test_missing_status(self):
        for missing in (None, float("nan")):
            message = refusal(table(event=[0, missing, 1, 1]), error=FollowUpError)
            assert "1 record has no event code in 'event' (row 2)" in message

    def test_all_events_is_told(self):
        cohort = from_frame(table(event=[1] * 4), person="person", follow_up=LATE)
        assert "all 4 records end with 'event'" in cohort.provenance.notes[0]

    def test_no_event_is_told(self):
        cohort = from_frame(table(event=[0] * 4), person="person", follow_up=LATE)
        assert "no record ends with 'event'" in cohort.provenance.notes[0]

    def test_unused_competing_code_is_told(self):
        death = FollowUp(
            YEARS, exit="exit", event="event", happened=1, censored=0, competing={2: "death"}
        )
        cohort = from_frame(table(), person="person", follow_up=death)
        assert "no record ends with 'death'." in cohort.provenance.notes


class TestPersons:
    def test_missing_identifier(self):
        message = refusal(table(person=["a", None, "c", "d"]), error=SchemaError)
        assert "1 record has no identifier in 'person' (row 2)" in message

    def test_identifier_nan(self):
        message = refusal(table(person=[1.0, float("nan"), 3.0, 4.0]), error=SchemaError)
        assert "1 record has no identifier in 'person' (row 2)" in message

    def test_blank_identifier(self):
        message = refusal(table(person=["a", "  ", "c", ""]), error=SchemaError)
        assert "2 records have a blank identifier in 'person' (rows 2, 4)" in message

    def test_identifiers_that_differ_by_spaces(self):
        message = refusal(table(person=["secret", "secret ", "c", "d"]), error=SchemaError)
        assert "1 identifier in 'person' has spaces around them (row 2)" in message

    def test_whole_floats_lose_their_point(self):
        cohort = from_frame(table(person=[1.0, 2.0, 3.0, 4.0]), person="person", follow_up=LATE)
        assert cohort.frame["person"].to_list() == ["1", "2", "3", "4"]

    @pytest.mark.parametrize("bad", [9142.5, 1e15 + 9142, float("inf")])
    def test_damaged_floats(self, bad):
        message = refusal(table(person=[1.0, bad, 3.0, 4.0]), error=SchemaError)
        assert "1 identifier in 'person' is not whole and below" in message
        assert "(row 2)" in message
        assert "read the column as text" in message

    def test_single_precision_holds_seven_digits(self):
        """2^24 + 1 is no number of single precision, so 16,777,217 would become its neighbour."""
        people = pl.Series("person", [1, 2, 3, 2**24 + 1], dtype=pl.Float32)
        message = refusal(table().with_columns(people), error=SchemaError)
        assert "below 16,777,216 (row 4)" in message

    def test_nineteen_digits_survive(self):
        people = [2**63 + 5, 2**63 + 6, 3, 4]
        frame = table(person=pl.Series(people, dtype=pl.UInt64))
        cohort = from_frame(frame, person="person", follow_up=LATE)
        assert cohort.frame["person"][0] == "9223372036854775813"
        assert cohort.persons == 4

    def test_doubled_identifiers_without_entry(self):
        frame = table(person=["secret", "secret", "c", "d"])
        message = refusal(frame, follow_up=PLAIN, error=FollowUpError)
        assert "1 record overlaps another record of the same person (row 2)" in message
        assert "remove the doubles" in message

    def test_overlap(self):
        message = refusal(table(person=["a", "a", "c", "d"]), error=FollowUpError)
        assert "expected one record at a time, in years" in message

    def test_gap_is_told(self):
        frame = table(person=["a", "a", "c", "d"], entry=[0.0, 5.5, 2.0, 3.0])
        cohort = from_frame(frame, person="person", follow_up=LATE)
        assert any("after a gap" in note for note in cohort.provenance.notes)

    def test_records_after_death(self):
        frame = table(person=["a", "a", "c", "d"], entry=[0.0, 5.0, 2.0, 3.0], event=[2, 1, 0, 0])
        death = FollowUp(
            YEARS, entry="entry", exit="exit", event="event",
            happened=1, censored=0, competing={2: "death"},
        )  # fmt: skip
        message = refusal(frame, follow_up=death, error=FollowUpError)
        assert "1 record follows a competing event of the same person (row 2)" in message


class TestWeights:
    @pytest.mark.parametrize("bad", [-1.0, None, float("nan"), float("inf")])
    def test_bad_weight(self, bad):
        message = refusal(table(x=[1.0, bad, 1.0, 1.0]), weight="x", error=SchemaError)
        assert "1 sampling weight in 'x' is missing, negative or infinite (row 2)" in message

    @pytest.mark.parametrize("kind", ["list", "struct", "bytes", "span", "clock", "array"])
    def test_types_that_declare_nothing(self, kind):
        message = refusal(table(x=COLUMNS[kind]), cluster="x", error=SchemaError)
        assert "column 'x' holds" in message
        assert "expected numbers, text, booleans or dates" in message

    def test_python_objects_anywhere(self):
        assert "'x' holds Object" in refusal(table(x=COLUMNS["object"]), error=SchemaError)

    def test_all_zero(self):
        assert "all 4 sampling weights in 'x' are 0" in refusal(table(x=[0.0] * 4), weight="x")

    def test_zero_is_set_aside_with_a_step(self):
        cohort = from_frame(
            table(x=[1.0, 0.0, 1.0, 1.0]), person="person", follow_up=LATE, weight="x"
        )
        assert cohort.persons == 3
        assert cohort.steps[-1].reason == "sampling weight 0"
        assert cohort.describe()["persons_excluded"].to_list() == [0, 1]

    def test_text(self):
        assert "a weight needs numbers" in refusal(table(x=["secret"] * 4), weight="x")


class TestVariables:
    def test_infinite_covariate(self):
        message = refusal(
            table(x=[1.0, float("inf"), 3, 4]), variables=[Continuous("x", unit="kg/m2")]
        )
        assert "1 value of 'x' is infinite (row 2): expected finite numbers in kg/m2" in message

    def test_text_covariate(self):
        message = refusal(table(x=["1", "secret", "3", "4"]), variables=[Continuous("x")])
        assert "1 value does not read as a plain number (row 2)" in message
        assert "missing={code: 'reason'} (in a study document: missing = {" in message

    def test_numbers_as_text_are_not_guessed(self):
        message = refusal(table(x=["1", "2", "3", "4"]), variables=[Continuous("x")])
        assert "holds numbers written as text" in message

    def test_text_codes_beside_numbers_keep_their_reason(self):
        bmi = Continuous("x", missing={".": "not recorded", "99": "refused"})
        cohort = from_frame(
            table(x=["21.5", ".", "99", "4"]), person="person", follow_up=LATE, variables=[bmi]
        )
        assert cohort.frame["x"].to_list() == [21.5, None, None, 4.0]
        assert cohort.frame["x.missing"].to_list() == [None, "not recorded", "refused", None]

    def test_undeclared_level(self):
        stage = Categorical("x", levels=(1, 2, 3), reference=1)
        message = refusal(table(), variables=[stage])
        assert "1 value of 'x' is none of the 3 levels declared for 'x' (row 4)" in message

    def test_levels_spelled_almost_as_declared(self):
        smoking = Categorical("x", levels=("never", "ever"), reference="never")
        message = refusal(table(x=["never", "ever ", "Ever", "often"]), variables=[smoking])
        assert "3 values of 'x' are none of the 2 levels" in message
        assert "2 of these are a level but for spaces around it or capitals" in message
        message = refusal(table(x=["never", "ever", "never", "often"]), variables=[smoking])
        assert "capitals" not in message

    def test_binary_with_other_codes(self):
        message = refusal(table(x=[0, 1, 2, 9142]), variables=[Binary("x")])
        assert "2 values of 'x' are neither 0 nor 1 (rows 3, 4)" in message

    def test_all_null_column(self):
        variables = [Continuous("x"), Binary("y", column="n"), Categorical("z", column="n")]
        frame = table(x=[None] * 4, n=[None] * 4)
        cohort = from_frame(frame, person="person", follow_up=LATE, variables=variables)
        assert cohort.frame["x"].null_count() == 4
        assert cohort.frame["y"].dtype == pl.Boolean

    def test_reason_column_taken(self):
        frame = table().with_columns(pl.lit("a").alias("x.missing"))
        assert "rename it" in refusal(frame, variables=[Continuous("x")])

    def test_absent_column_names_the_nearest(self):
        message = refusal(table(), variables=[Continuous("exits")])
        assert "no column 'exits': did you mean 'exit'" in message


class TestFrames:
    def test_no_rows(self):
        assert "no records" in refusal(table().head(0), error=SchemaError)

    def test_no_columns(self):
        assert "0 columns" in refusal(pl.DataFrame(), error=SchemaError)

    def test_one_row(self):
        cohort = from_frame(table().head(1), person="person", follow_up=LATE)
        assert (cohort.persons, cohort.events, cohort.person_time) == (1, 0, 5.0)

    def test_pandas_index_is_ignored(self):
        frame = table().to_pandas()
        frame.index = [7, 7, 0, 0]
        cohort = from_frame(frame, person="person", follow_up=LATE)
        assert cohort.frame["_exit"].to_list() == [5.0, 6.0, 7.0, 8.0]

    def test_pandas_types(self):
        frame = pd.DataFrame(
            {
                "person": pd.array([1, 2, 3], dtype="Int64"),
                "entry": np.array([decimal.Decimal("0.5")] * 3, dtype=object),
                "exit": pd.array([5, 6, 7], dtype="int64[pyarrow]"),
                "event": pd.array([True, False, None], dtype="boolean").fillna(False),
                "x": pd.array([1.5, None, 2.5], dtype="Float64"),
                "g": pd.Categorical(["a", None, "b"]),
                "k": pd.Categorical([2, 1, 1]),
            }
        )
        variables = [
            Continuous("x"),
            Categorical("g", levels=("a", "b"), reference="a"),
            Categorical("k", levels=(1, 2), reference=1),
        ]
        cohort = from_frame(frame, person="person", follow_up=LATE, variables=variables)
        assert cohort.frame["_entry"].to_list() == [0.5] * 3
        assert cohort.frame["x"].to_list() == [1.5, None, 2.5]
        assert cohort.frame["g"].to_list() == ["a", None, "b"]
        assert cohort.events == 1

    def test_pandas_missing_status(self):
        frame = table().to_pandas()
        frame["event"] = pd.array([1, None, 0, 0], dtype="Int64")
        assert "(row 2)" in refusal(frame, error=FollowUpError)

    def test_object_column_of_mixed_types(self):
        frame = table().to_pandas()
        frame["x"] = np.array([1, "secret", 2.5, None], dtype=object)
        message = refusal(frame, error=SchemaError)
        assert "1 columns, such as 'x', mix types" in message

    def test_duplicate_names(self):
        frame = table().to_pandas()
        frame = pd.concat([frame, frame[["x"]]], axis=1)
        assert "1 column name twice, such as 'x'" in refusal(frame, error=SchemaError)

    def test_arrow(self):
        cohort = from_frame(table().to_arrow(), person="person", follow_up=LATE)
        assert cohort.persons == 4

    def test_arrow_with_equal_columns_is_no_duplicate(self):
        frame = table(y=[1.0, 2.0, 3.0, 4.0]).to_arrow()
        assert from_frame(frame, person="person", follow_up=LATE).persons == 4

    def test_arrow_duplicate_names(self):
        frame = pa.table([pa.array(["secret"]), pa.array([7654])], names=["x", "x"])
        assert "such as 'x'" in refusal(frame, error=SchemaError)

    @pytest.mark.parametrize("thing", [[1, 2], {"a": [1]}, np.zeros((2, 2)), None, "secret"])
    def test_no_table(self, thing):
        assert "expected a table of records" in refusal(thing, error=SchemaError)

    def test_strange_names(self):
        name = 'Körper "größe"; DROP TABLE x -- \n'
        frame = table().rename({"x": name, "exit": "=exit (jahre)"})
        follow_up = FollowUp(YEARS, exit="=exit (jahre)", event="event")
        cohort = from_frame(
            frame, person="person", follow_up=follow_up, variables=[Continuous("size", column=name)]
        )
        assert cohort.frame["size"].to_list() == [1.0, 2.0, 3.0, 4.0]

    def test_reserved_name(self):
        assert "'_exit' has a name that the toolkit keeps" in refusal(
            table().with_columns(pl.lit(1).alias("_exit"))
        )

    def test_small_integers_do_not_overflow(self):
        frame = table(exit=pl.Series([100, 120, 127, 126], dtype=pl.Int8), entry=[0.0] * 4)
        assert from_frame(frame, person="person", follow_up=LATE).person_time == 473.0

    def test_single_precision_times(self):
        frame = table().with_columns(pl.col("exit").cast(pl.Float32))
        cohort = from_frame(frame, person="person", follow_up=LATE)
        assert cohort.frame["_exit"].dtype == pl.Float64

    def test_the_callers_frame_stays_apart(self):
        frame = table()
        cohort = from_frame(frame, person="person", follow_up=LATE)
        frame[0, "x"] = 9142.0
        assert cohort.frame["x"][0] == 1.0


class TestConditions:
    """``restrict`` quotes the condition, which the analyst wrote, but nothing of the data."""

    def told(self, keep: str) -> str:
        frame = table(x=["secret", "9142", "7654", "2"], when=[dt.date(2000, 1, 1)] * 4)
        cohort = from_frame(frame, person="person", follow_up=LATE)
        with pytest.raises(SchemaError) as caught:
            cohort.restrict(keep, "a reason")
        assert not any(secret in str(caught.value) for secret in SECRETS)
        return str(caught.value)

    def test_a_cast_that_fails(self):
        assert "cannot be worked out on columns of these types: 'x' String" in self.told(
            "CAST(x AS INT) > 1"
        )

    def test_text_against_number(self):
        assert "Compare numbers with numbers" in self.told("x > 5")

    def test_unknown_column(self):
        assert "'exti': did you mean 'exit'" in self.told("exti > 5")

    def test_no_sql(self):
        assert "not one that SQL can read" in self.told("exit >")

    def test_python_is_no_sql(self):
        assert "not one that SQL can read" in self.told("__import__('os').system('ls')")

    def test_not_a_condition(self):
        assert "is not true or false for each record" in self.told("exit + 1")

    def test_unknown_for_some(self):
        frame = table(x=[1.0, None, 3.0, 4.0])
        cohort = from_frame(frame, person="person", follow_up=LATE)
        with pytest.raises(SchemaError, match=r"unknown for 1 records.*\(row 2\)"):
            cohort.restrict("x > 2", "a reason")


class TestDesigns:
    def test_missing_set(self):
        message = refusal(table(x=[1.0, 1, None, float("nan")]), design=NestedCaseControl("x"))
        assert "2 records have no matched set in 'x' (rows 3, 4)" in message

    def test_nan_is_no_cluster_and_no_stratum(self):
        follow_up = FollowUp(YEARS, exit="exit", event="event", stratum="x")
        frame = table(x=[1.0, 1, None, float("nan")])
        cohort = from_frame(frame, person="person", follow_up=follow_up, cluster="x")
        assert cohort.frame["_cluster"].to_list() == [0, 0, None, None]
        assert cohort.frame["_stratum"].to_list() == [1.0, 1.0, None, None]

    def test_infinite_offset(self):
        message = refusal(table(x=[1.0, 2.0, float("inf"), 4.0]), offset="x")
        assert "1 offset in 'x' is infinite (row 3)" in message

    def test_subcohort_that_is_not_told(self):
        message = refusal(table(x=[1, None, 0, 1]), design=CaseCohort("x", cohort_size=9))
        assert "1 record does not say in 'x' whether" in message

    def test_more_drawn_than_there_are(self):
        refusal(table(x=[1, 1, 1, 1]), design=CaseCohort("x", cohort_size=3), error=CohortError)

    def test_sizes_that_contradict_the_data(self):
        message = refusal(table(x=[0, 0, 0, 1]), design=CaseCohort("x", cohort_size=9))
        assert "4 persons" in message

    def test_stratum_without_a_size(self):
        design = CaseCohort("y", stratum="x", cohort_size={1: 5, 2: 5})
        frame = table(x=[1, 2, 3, 3], y=[1, 1, 1, 1])
        refusal(frame, design=design, error=CohortError)

    @pytest.mark.parametrize("chance", [0.0, 1.5, None, -0.1])
    def test_inclusion_probability(self, chance):
        design = NestedCaseControl("event", inclusion="x")
        message = refusal(table(x=[0.5, chance, 1.0, 1.0]), design=design)
        assert "1 inclusion probabilities are not above 0 and at most 1 (row 2)" in message


COLUMNS = {
    "text": ["7654", "secret", "9142", "x"],
    "int8": pl.Series([1, 2, 3, 100], dtype=pl.Int8),
    "uint64": pl.Series([2**63 + 5, 1, 2, 3], dtype=pl.UInt64),
    "int128": pl.Series([1, 2, 3, 4], dtype=pl.Int128),
    "single": pl.Series([1.0, 2.0, 3.0, 4.0], dtype=pl.Float32),
    "nan": [float("nan")] * 4,
    "inf": [float("inf")] * 4,
    "huge": [1e300] * 4,
    "null": [None] * 4,
    "bool": [True, False, None, True],
    "cat": pl.Series(["a", "b", "a", "b"], dtype=pl.Categorical),
    "enum": pl.Series(["a", "b", "a", "b"], dtype=pl.Enum(["a", "b"])),
    "decimal": [decimal.Decimal("1.5")] * 4,
    "date": [dt.date(2000, 1, 1)] * 4,
    "moment": [dt.datetime(2000, 1, 1, 1)] * 4,
    "zoned": pl.Series([dt.datetime(2000, 1, 1)] * 4).dt.replace_time_zone("UTC"),
    "span": [dt.timedelta(1)] * 4,
    "clock": [dt.time(1)] * 4,
    "list": [[1], [2], [7654], [9142]],
    "struct": [{"a": 7654}] * 4,
    "bytes": [b"secret"] * 4,
    "object": pl.Series([object()] * 4, dtype=pl.Object),
    "array": pl.Series([[1, 2]] * 4, dtype=pl.Array(pl.Int64, 2)),
    "negative": [-1] * 4,
    "empty": [""] * 4,
    "gaps": [1, None, 3, 4],
}


def every_role(frame: pl.DataFrame):
    """The column x in each role that it can have, one call after the other."""

    def door(follow_up=PLAIN, person="person", **declared):
        return lambda: from_frame(frame, person=person, follow_up=follow_up, **declared)

    for follow_up in (
        FollowUp(YEARS, exit="exit", event="event", entry="x"),
        FollowUp(YEARS, exit="x", event="event"),
        FollowUp(YEARS, exit="exit", event="x"),
        FollowUp(YEARS, exit="exit", event="x", happened=1),
        FollowUp(YEARS, exit="exit", event="x", happened="a"),
        FollowUp(YEARS, exit="exit", event="event", stratum="x"),
        FollowUp(TimeScale("age", origin="x"), exit="exit", event="event"),
    ):
        yield door(follow_up)
    for variable in (
        Continuous("x"),
        Continuous("x", missing={1: "refused"}),
        Continuous("x", missing={".a": "refused"}),
        Binary("x"),
        Binary("x", yes=1),
        Binary("x", yes="a"),
        Categorical("x"),
        Categorical("x", levels=(1, 2), reference=1),
        Categorical("x", levels=("a", "b"), reference="a"),
    ):
        yield door(variables=[variable])
    yield door(person="x")
    for role in ("weight", "offset", "cluster"):
        yield door(**{role: "x"})
    for design in (
        CaseCohort("x", cohort_size=10),
        CaseCohort("event", stratum="x"),
        NestedCaseControl("x"),
        NestedCaseControl("event", inclusion="x"),
        CaseControl("x"),
    ):
        yield door(design=design)
    everywhere = FollowUp(YEARS, entry="x", exit="x", event="x")
    places = Milestones(birth="x", death="x", outcome="x", study_end="x")
    yield lambda: audit(frame, person="x", follow_up=everywhere, milestones=places).text()
    clock = OtherScale(TimeScale("calendar time"), "x")
    yield lambda: split(door()(), at=[1.5], on=clock, name="band")
    yield lambda: expose(door()(), name="exposed", starts="x")
    for keep in ("x > 1", "x = 'a'", "CAST(x AS INT) > 1"):
        yield lambda keep=keep: door()().restrict(keep, "a reason")


@pytest.mark.parametrize("kind", COLUMNS)
def test_any_column_in_any_role(kind):
    """Taken, or refused with an error of ours that quotes nothing; never another error."""
    for call in every_role(table(x=COLUMNS[kind])):
        try:
            told = call()
        except CohortError as error:
            told = str(error)
        if isinstance(told, str):
            assert not any(secret in told for secret in (*SECRETS, "9223372036854775813"))
