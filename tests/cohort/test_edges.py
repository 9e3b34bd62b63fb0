"""What R does at the edges, and what the door does there: R 4.2.2, survival 3.5-3.

Where R goes on with a warning the door refuses; what is left after the refused records are taken
out is then what R went on with. Estimates on these data are certified with the estimators.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cohort import Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import CohortError, FollowUpError, SchemaError
from cohort.timescales import merge_near_equal

REFERENCE = Path(__file__).parents[1] / "reference"
DAYS = TimeScale("time since diagnosis", "days")
OPEN = FollowUp(DAYS, exit="t", event="d")
LATE = FollowUp(DAYS, entry="s", exit="t", event="d")


def told(name: str) -> dict:
    return json.loads((REFERENCE / "results" / f"{name}.json").read_text())["results"]


def lung() -> pl.DataFrame:
    table = pl.read_csv(REFERENCE / "data" / "lung.csv", null_values=["", "NA"])
    return table.with_row_index("patient")


class TestTimeZeroEntryExit:
    R = told("edge_time_zero_entry_exit")

    def table(self, **changed) -> pl.DataFrame:
        columns = {"person": range(10), **self.R["input"]["columns"]}
        return pl.DataFrame(columns | changed, strict=False)

    def times(self, first) -> list:
        return [first, *self.R["input"]["columns"]["t"][1:]]

    def test_event_at_time_0_is_kept(self):
        cohort = from_frame(self.table(t=self.times(0)), person="person", follow_up=OPEN)
        r = self.R["event_at_zero_cox"]["fit"]
        assert (cohort.persons, cohort.events) == (r["n"], r["nevent"])
        curve = self.R["event_at_zero_km"]["curve"]["curve"]["columns"]
        at_risk = [
            int(((cohort.frame["_entry"] < t) & (cohort.frame["_exit"] >= t)).sum())
            for t in curve["time"]
        ]
        assert at_risk == curve["n_risk"]

    def test_negative_time_is_refused_where_r_goes_on(self):
        assert self.R["negative_time_cox"]["warnings"] == []
        with pytest.raises(FollowUpError, match=r"negative exit in 't' \(row 1\)"):
            from_frame(self.table(t=self.times(-1)), person="person", follow_up=OPEN)

    @pytest.mark.parametrize(("case", "entry"), [("entry_eq_exit", 3), ("entry_gt_exit", 3.5)])
    def test_entry_at_or_after_exit_is_refused_where_r_drops(self, case, entry):
        r = self.R[case]
        assert r["warnings"] == ["Stop time must be > start time, NA created"]
        table = self.table(s=[0.0, 0.0, entry] + [0.0] * 7)
        with pytest.raises(FollowUpError, match=r"1 of 10 records leaves .* \(row 3\)"):
            from_frame(table, person="person", follow_up=LATE)
        cohort = from_frame(
            table.filter(pl.col("s") < pl.col("t")), person="person", follow_up=LATE
        )
        assert (cohort.persons, cohort.events) == (r["fit"]["n"], r["fit"]["nevent"])

    @pytest.mark.parametrize("time", [None, float("inf")])
    def test_missing_and_infinite_times_are_refused(self, time):
        assert "NA/NaN/Inf" in self.R["inf_time_cox"]["error"]
        times = self.times(1)
        times[1] = time
        with pytest.raises(FollowUpError, match=r"no finite exit in 't' \(row 2\)"):
            from_frame(self.table(t=times), person="person", follow_up=OPEN)

    def test_entry_minus_infinity_is_no_entry(self):
        cohort = from_frame(self.table(), person="person", follow_up=OPEN)
        r = self.R["entry_neg_inf"]["fit"]
        assert (cohort.persons, cohort.events) == (r["n"], r["nevent"])
        assert cohort.frame["_entry"].to_list() == [-np.inf] * 10

    def test_someone_entering_at_4_is_not_at_risk_at_4(self):
        table = self.table(s=[0.0, 0, 0, 0, 4, 0, 0, 0, 0, 0])
        frame = from_frame(table, person="person", follow_up=LATE).frame
        assert ((frame["_entry"] < 4) & (frame["_exit"] >= 4)).sum() == 6


class TestStatusCoding:
    """R takes the larger of two codes as the event; the door asks."""

    R = told("edge_status_coding")

    def cohort(self, status: pl.Series, **declared):
        frame = lung().with_columns(status.alias("status"))
        follow_up = FollowUp(DAYS, exit="time", event="status", **declared)
        return from_frame(frame, person="patient", follow_up=follow_up)

    def test_one_and_two(self):
        with pytest.raises(SchemaError, match="165 of 228 records have a code other than 0 or 1"):
            self.cohort(lung()["status"])
        assert self.cohort(lung()["status"], happened=2).events == 165
        assert self.R["one_two"]["value"]["nevent"] == 165

    @pytest.mark.parametrize(("case", "how"), [("zero_one", pl.Int64), ("logical", pl.Boolean)])
    def test_zero_and_one(self, case, how):
        status = (lung()["status"] == 2).cast(how)
        assert self.cohort(status).events == self.R[case]["value"]["nevent"]

    def test_all_ones(self):
        cohort = self.cohort(pl.Series([1] * 228))
        assert cohort.events == self.R["all_ones_means_all_events"]["value"]["nevent"]
        assert any("check the coding" in note for note in cohort.provenance.notes)

    def test_all_twos(self):
        with pytest.raises(SchemaError, match="228 of 228 records have a code other than 0 or 1"):
            self.cohort(pl.Series([2] * 228))

    def test_a_third_code(self):
        """R makes the 0/1 codes of every third patient missing, with a warning."""
        assert self.R["zero_one_two_invalid"]["warnings"] == [
            "Invalid status value, converted to NA"
        ]
        status = [2 if row % 3 == 2 else code - 1 for row, code in enumerate(lung()["status"])]
        with pytest.raises(SchemaError, match="76 of 228 records"):
            self.cohort(pl.Series(status))
        with pytest.raises(SchemaError, match=r"2 codes without a declared meaning"):
            self.cohort(pl.Series(status), happened=2)

    def test_minus_one(self):
        status = pl.Series([1 if code == 2 else -1 for code in lung()["status"]])
        with pytest.raises(SchemaError, match="63 of 228 records"):
            self.cohort(status)
        assert self.cohort(status, happened=1, censored=-1).events == 165

    def test_text(self):
        status = lung()["status"].cast(pl.String)
        assert "must be logical or numeric" in self.R["text"]["error"]
        with pytest.raises(SchemaError, match="holds String"):
            self.cohort(status)
        with pytest.raises(SchemaError, match="holds text"):
            self.cohort(status, happened=2)
        assert self.cohort(status, happened="2", censored="1").events == 165


class TestMissingValues:
    R = told("edge_missing_values")
    DIED = FollowUp(DAYS, exit="time", event="status", happened=2, censored=1)

    def test_missing_covariates_stay_missing(self):
        variables = [Continuous("meal.cal", unit="kcal"), Continuous("wt.loss", unit="lb")]
        frame = from_frame(lung(), person="patient", follow_up=self.DIED, variables=variables).frame
        complete = frame.drop_nulls(["meal.cal", "wt.loss"])
        r = self.R["omit"]["fit"]
        assert (len(complete), complete["_event"].sum()) == (r["n"], r["nevent"])

    def test_missing_status_is_refused_where_r_drops(self):
        table = lung().with_columns(
            pl.when(pl.col("patient") == 2).then(None).otherwise(pl.col("status")).alias("status")
        )
        with pytest.raises(FollowUpError, match=r"1 record has no event code .* \(row 3\)"):
            from_frame(table, person="patient", follow_up=self.DIED)
        cohort = from_frame(table.drop_nulls("status"), person="patient", follow_up=self.DIED)
        r = self.R["na_status"]["fit"]
        assert (cohort.persons, cohort.events) == (r["n"], r["nevent"])

    def test_missing_weight_is_refused_where_r_drops(self):
        assert self.R["na_weight"]["fit"]["n"] == 227
        table = lung().with_columns(
            pl.Series("w", [None if row == 4 else 1.0 for row in range(228)])
        )
        with pytest.raises(SchemaError, match=r"1 sampling weight in 'w' .* \(row 5\)"):
            from_frame(table, person="patient", follow_up=self.DIED, weight="w")

    def test_missing_cluster_is_kept_for_the_question(self):
        cohort = from_frame(lung(), person="patient", follow_up=self.DIED, cluster="inst")
        known = cohort.frame.drop_nulls("_cluster")
        r = self.R["na_strata"]["fit"]
        assert (len(known), known["_event"].sum()) == (r["n"], r["nevent"])

    def test_nan_is_missing(self):
        table = lung().with_columns(
            pl.when(pl.col("patient") == 1).then(float("nan")).otherwise(pl.col("age")).alias("age")
        )
        cohort = from_frame(
            table, person="patient", follow_up=self.DIED, variables=[Continuous("age")]
        )
        known = cohort.frame.drop_nulls("age")
        r = self.R["nan_covariate"]["fit"]
        assert (len(known), known["_event"].sum()) == (r["n"], r["nevent"])

    def test_infinite_covariate_is_refused_as_in_r(self):
        assert self.R["inf_covariate"]["error"] == "data contains an infinite predictor"
        table = lung().with_columns(age=pl.Series([float("inf")] + [60.0] * 227))
        with pytest.raises(SchemaError, match=r"1 value of 'age' is infinite \(row 1\)"):
            from_frame(table, person="patient", follow_up=self.DIED, variables=[Continuous("age")])

    def test_a_missing_group_is_no_level(self):
        ecog = Categorical("ph.ecog", reference=0)
        cohort = from_frame(lung(), person="patient", follow_up=self.DIED, variables=[ecog])
        sizes = cohort.frame.drop_nulls("ph.ecog").group_by("ph.ecog").len().sort("ph.ecog")
        assert sizes["len"].to_list() == self.R["km_na_group"]["value"]
        assert cohort.variable("ph.ecog").levels == (0, 1, 2, 3)


class TestScaleAndTimefix:
    """Times that differ by rounding alone are one time: the rule of R's survival."""

    R = told("edge_scale_and_timefix")

    def test_jitter_of_a_billionth(self):
        table = pl.read_csv(REFERENCE / "data" / "veteran.csv")
        jittered = (table["time"] + 1e-9 * np.arange(1, 138)).to_numpy()
        assert np.unique(jittered).size == self.R["km_jitter_ntimes"]["raw"]
        frame = table.with_columns(pl.Series("time", jittered)).with_row_index("patient")
        cohort = from_frame(
            frame, person="patient", follow_up=FollowUp(DAYS, exit="time", event="status")
        )
        assert cohort.frame["_exit"].n_unique() == self.R["km_jitter_ntimes"]["timefix"]
        assert cohort.provenance.merged_times == 137 - 101
        assert any("rounding alone" in note for note in cohort.provenance.notes)

    def test_floating_point_ties(self):
        times = np.array([0.1 + 0.2, 0.3, 0.4, 1 - 0.6, 2])
        (merged,), count = merge_near_equal(times)
        r = self.R["float_ties"]["value"]
        kept, events = np.unique(merged, return_counts=True)
        assert kept.tolist() == pytest.approx(r["time"], rel=1e-15)
        assert events.tolist() == r["n_event"]
        assert count == 1  # 1 - 0.6 is 0.4 to the last bit

    def test_entries_and_exits_are_merged_together(self):
        """Who enters at 0.1 + 0.2 is not at risk for the event at 0.3."""
        frame = pl.DataFrame(
            {"person": [1, 2], "s": [0.0, 0.3], "t": [0.1 + 0.2, 1.0], "d": [1, 0]}
        )
        cohort = from_frame(frame, person="person", follow_up=LATE)
        assert cohort.frame["_entry"][1] == cohort.frame["_exit"][0]

    def test_small_times_are_not_merged(self):
        table = pl.read_csv(REFERENCE / "data" / "veteran.csv")
        (merged,), count = merge_near_equal(table["time"].to_numpy() / 1e6)
        assert count == 0
        assert np.unique(merged).size == 101
        assert self.R["time_scale_1e_6"]["fit"]["coef"] == self.R["base"]["coef"]

    def test_merging_can_make_exit_equal_entry(self):
        frame = pl.DataFrame(
            {"person": [1, 2], "s": [0.3, 0.0], "t": [0.1 + 0.2, 1.0], "d": [1, 0]}
        )
        with pytest.raises(CohortError, match=r"1 of 2 records leaves .* \(row 1\)"):
            from_frame(frame, person="person", follow_up=LATE)
