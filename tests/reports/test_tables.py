"""Tables: their cells against numbers worked out here from the same records."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analyses import Cox, IncidenceRate, Question
from cohort import Binary, Continuous, FollowUp, Step, TimeScale, from_frame
from reports.numbers import WITHHELD
from reports.table_one import first_records, table_one
from reports.tables import (
    estimates_table,
    flow_rows,
    left_out_notes,
    participant_flow,
    rates_table,
    ratios_table,
    rows_read,
)

from .cohorts import small_cohort


def test_flow_shows_who_left() -> None:
    steps = (Step("in the data", 830, 830, 123, 7723.2), Step("no number", 726, 726, 108, 6748.5))
    rows = flow_rows(steps, 5)
    assert [("830", "–"), ("726", "104")] == [(one.persons, one.left) for one in rows]
    assert ["123", "108"] == [one.events for one in rows]


def test_a_small_exclusion_is_told_with_the_next() -> None:
    """Three who left would show as 830 - 827."""
    steps = (
        Step("in the data", 830, 830, 123, 1.0),
        Step("too young", 827, 827, 123, 1.0),
        Step("no number", 723, 723, 108, 1.0),
    )
    rows = flow_rows(steps, 5)
    assert ["830", "723"] == [one.persons for one in rows]
    assert "too young; no number" == rows[1].reason


def test_a_small_last_exclusion_joins_the_one_before() -> None:
    steps = (
        Step("in the data", 830, 830, 123, 1.0),
        Step("no number", 726, 726, 108, 1.0),
        Step("too old", 724, 724, 107, 1.0),
    )
    rows = flow_rows(steps, 5)
    assert ["830", "724"] == [one.persons for one in rows]
    assert "106" == rows[1].left


def test_a_single_small_exclusion_hides_where_it_started() -> None:
    steps = (Step("in the data", 830, 830, 123, 1.0), Step("too old", 828, 828, 123, 1.0))
    rows = flow_rows(steps, 5)
    assert [WITHHELD, "828"] == [one.persons for one in rows]
    assert WITHHELD == rows[1].left
    assert [WITHHELD, "123"] == [one.events for one in rows]


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ((1000, 900, 897, 897), ["1,000", "897", "897"]),
        ((1000, 900, 900, 897), ["1,000", "897"]),
        ((1000, 998, 900, 899, 899), ["1,000", "899", "899"]),
        ((1000, 900, 900, 800), ["1,000", "900", "900", "800"]),
    ],
)
def test_a_step_that_drops_nobody_reveals_no_small_one(kept, shown) -> None:
    steps = [Step(f"step {place}", n, n, n // 5, 3.0 * n) for place, n in enumerate(kept)]
    assert shown == [one.persons for one in flow_rows(steps, 5)]


def test_a_small_first_exclusion_before_a_step_that_drops_nobody() -> None:
    steps = [Step(f"step {place}", n, n, n // 5, 3.0 * n) for place, n in enumerate((90, 87, 87))]
    rows = flow_rows(steps, 5)
    assert [WITHHELD, "87"] == [one.persons for one in rows]
    assert "step 1; step 2" == rows[1].reason


def test_participant_flow_of_a_restricted_cohort() -> None:
    cohort = small_cohort().restrict("smoker", "never smoked")
    table = participant_flow(cohort, 5)
    assert str(400 - cohort.persons) == table.rows[1].cells[1]
    assert str(cohort.persons) == table.rows[1].cells[2]


def test_table_one_means_percentages_and_differences() -> None:
    """Austin (2009): d = (m1 - m0) / sqrt((s1^2 + s0^2) / 2), for proportions p(1 - p)."""
    cohort = small_cohort()
    table = table_one(cohort, "group", ["age", "smoker"], 5)
    frame = cohort.frame
    ages = {
        group: frame.filter(pl.col("group") == group)["age"].drop_nulls().to_numpy()
        for group in ("never", "ever")
    }
    spread = np.sqrt((ages["ever"].var(ddof=1) + ages["never"].var(ddof=1)) / 2)
    distance = abs(ages["ever"].mean() - ages["never"].mean()) / spread
    persons, age, missing, smoker = table.rows[:4]
    never, ever = (int((frame["group"] == group).sum()) for group in ("never", "ever"))
    assert (str(never), str(ever), "400") == persons.cells[1:4]
    assert f"{ages['never'].mean():.1f} ({ages['never'].std(ddof=1):.1f})" == age.cells[1]
    assert f"{distance:.2f}" == age.cells[4]
    assert "not recorded" == missing.cells[0]
    p, q = (
        float(frame.filter(pl.col("group") == group)["smoker"].cast(pl.Float64).mean())
        for group in ("never", "ever")
    )
    distance = abs(p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert f"{distance:.2f}" == smoker.cells[4]
    assert f"{round(p * never)} ({100 * p:.1f} %)" == smoker.cells[1]
    assert not any("p-value" in word for word in table.header)


def test_table_one_withholds_small_cells() -> None:
    cohort = small_cohort(persons=24)
    table = table_one(cohort, "group", ["smoker"], 5)
    inner = [cell for row in table.rows[1:] for cell in row.cells[1:-1]]
    counts = [int(cell.split(" ")[0]) for cell in inner if cell[:1].isdigit()]
    assert all(count == 0 or count >= 5 for count in counts)
    assert any(WITHHELD in cell for cell in inner)
    assert any("withheld" in note for note in table.notes)


def test_rates_table_agrees_with_the_records() -> None:
    cohort = small_cohort()
    rates = IncidenceRate(per=1000).estimate(cohort, Question(exposure="group"))
    table = rates_table(rates, cohort, 1000.0, 5)
    assert "Rate per 1,000 person-years" == table.header[4]
    mine = cohort.frame.filter(pl.col("group") == "ever")
    events, years = int(mine["died"].sum()), float(mine["years"].sum())
    row = next(row for row in table.rows if row.cells[0] == "ever")
    assert (str(len(mine)), str(events), f"{years:,.0f}") == row.cells[1:4]
    assert f"{1000 * events / years:.1f}" == row.cells[4]


def test_rates_table_withholds_few_events_and_their_rate() -> None:
    """A rate times its person-years is a count."""
    cohort = small_cohort()
    frame = cohort.frame
    few = frame.filter((pl.col("group") == "never") | (pl.col("died") == 0))
    some = frame.filter((pl.col("group") == "ever") & (pl.col("died") == 1)).head(3)
    cohort = cohort.with_frame(pl.concat([few, some]))
    rates = IncidenceRate().estimate(cohort, Question(exposure="group"))
    rows = {row.cells[0]: row.cells for row in rates_table(rates, cohort, 1000.0, 5).rows}
    assert (WITHHELD,) * 3 == (rows["ever"][2], rows["ever"][4], rows["ever"][5])
    assert WITHHELD == rows["never"][2]


@pytest.fixture(scope="module")
def answered():
    cohort = small_cohort()
    question = Question(
        exposure="group",
        adjustments={"crude": [], "age": ["age"]},
        missing="complete case",
    )
    return cohort, Cox().estimate(cohort, question)


def test_ratios_table_has_reference_rows_and_columns_by_set(answered) -> None:
    cohort, estimates = answered
    table = ratios_table(estimates.frame, cohort, 5)
    assert ("Use", "Crude", "Age") == table.header
    reference = next(row for row in table.rows if row.kind == "reference")
    assert ("never", "1 (reference)", "1 (reference)") == reference.cells
    row = estimates.of("group", adjustment="crude").frame.row(0, named=True)
    words = f"{row['estimate']:.2f} ({row['conf_low']:.2f} to {row['conf_high']:.2f})"
    assert ("ever", words) == table.rows[-1].cells[:2]


def test_estimates_table_keeps_a_row_that_has_no_estimate(answered) -> None:
    _, estimates = answered
    nulls = dict.fromkeys(("estimate", "conf_low", "conf_high", "p_value"))
    frame = estimates.frame.with_columns(
        *(pl.lit(value, dtype=pl.Float64).alias(name) for name, value in nulls.items()),
        pl.lit("monotone likelihood").alias("note"),
    )
    table = estimates_table(frame, 5)
    assert "monotone likelihood" == table.rows[0].cells[-1]
    assert "–" == table.rows[0].cells[4]
    assert "not estimable" in ratios_table(frame, small_cohort(), 5).rows[-1].cells


def test_table_one_describes_the_record_that_begins_first() -> None:
    """Whatever the order of the file."""
    frame = pl.DataFrame(
        {"id": ["a", "a"], "entry": [0.0, 5.0], "exit": [5.0, 9.0], "died": [0, 1], "used": [0, 1]}
    )
    for given in (frame, frame.reverse()):
        cohort = from_frame(
            given,
            person="id",
            follow_up=FollowUp(
                TimeScale("time", unit="years"), entry="entry", exit="exit", event="died"
            ),
            variables=[Binary("used")],
        )
        assert first_records(cohort)["used"].to_list() == [False]


def test_nothing_beside_the_flow_tells_of_three_who_were_left_out() -> None:
    """Rows read 103, persons of a model 97 and records left out 3 would each give 3 away."""
    frame = pl.DataFrame(
        {
            "id": np.arange(103), "years": np.arange(1.0, 104.0), "died": [0, 1] * 51 + [0],
            "x": [True, False, False] * 34 + [True],
            "age": [None] * 3 + [50.0, 60.0, 70.0, 66.0] * 25,
        }
    )  # fmt: skip
    cohort = from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="years", event="died"),
        variables=[Binary("x"), Continuous("age")],
    )
    question = Question(
        exposure="x", adjustments={"crude": [], "age": ["age"]}, missing="complete case"
    )
    alone = Cox().estimate(cohort, replace(question, adjustments={"age": ["age"]})).frame
    both = Cox().estimate(cohort, question).frame
    for estimates in (alone, both):
        persons = ratios_table(estimates, cohort, 5).rows[0].cells
        assert ("Persons", WITHHELD) == (persons[0], persons[-1])
        assert ["age: • records left out as incomplete."] == left_out_notes(estimates, cohort, 5)
        assert ["age: 3 records left out as incomplete."] == left_out_notes(estimates, cohort, 1)
    assert "103" == rows_read(cohort, 5)
    kept = cohort.restrict("age IS NOT NULL", "no age")
    assert WITHHELD == rows_read(kept, 5)
    assert "103" == rows_read(kept, 1)


def test_rates_say_what_is_weighted_and_of_which_stratum() -> None:
    frame = pl.DataFrame(
        {
            "id": np.arange(60), "years": np.arange(1.0, 61.0), "died": [0, 1] * 30,
            "x": [True, False, False] * 20, "w": [1.0, 2.0] * 30, "s": ["a", "b", "b", "a"] * 15,
        }
    )  # fmt: skip
    facts = {"person": "id", "variables": [Binary("x")], "weight": "w"}
    scale = TimeScale("time", unit="years")
    plain = FollowUp(scale, exit="years", event="died")
    cohort = from_frame(frame, follow_up=plain, **facts)
    rates = IncidenceRate().estimate(cohort, Question(exposure="x"))
    table = rates_table(rates, cohort, 1000.0, 1)
    assert table.notes == (
        "Persons and events are counted; person-years and rates are weighted by 'w'.",
    )
    within = from_frame(frame, follow_up=replace(plain, stratum="s"), **facts)
    rates = IncidenceRate().estimate(within, Question(exposure="x"))
    table = rates_table(rates, within, 1000.0, 1)
    assert ["no (s: a)", "no (s: b)", "yes (s: a)", "yes (s: b)"] == sorted(
        str(row.cells[0]) for row in table.rows
    )
