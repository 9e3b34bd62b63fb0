"""Rates, their ratios and differences, and person-years by age against R, epitools and pyears."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyses import IncidenceRate, ModelBased, Question, Robust
from analyses.curves.one_sample import ObservedExpected
from analyses.curves.person_time import byar_limits, poisson_limits
from analyses.curves.rate_ratio import RateDifference, RateRatio
from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import QuestionError, SchemaError, UnsupportedError
from cohort.splitting import OtherScale, split
from tests.reference.cohorts import DAYS, cohort_of, factor
from tests.reference.oracle import agree, data, load

THE_LOG_RANK = "in test_log_rank_reference"
CERTIFIES = {
    "rate_ratio_person_time": {
        "table*": "the data of the analysis",
        "mh_rate_ratio.chisq": "the Mantel-Haenszel score test is not offered; Wald's is",
        "poisson_main*": "Poisson regression, elsewhere",
        "poisson_identity_or_interaction*": "Poisson regression, elsewhere",
        "rateratio_midp_epitools*": "epitools is 2e-4 off the exact roots, which are compared",
    },
    "pyears_mgus2": {},
    "logrank_family_lung": {
        "ovarian*": THE_LOG_RANK,
        "lung_ecog*": THE_LOG_RANK,
        "rho*": THE_LOG_RANK,
        "stratified*": THE_LOG_RANK,
        "trend*": THE_LOG_RANK,
    },
}
YEARS = TimeScale("time in study", "years")


def british_doctors():
    """Breslow's table of British doctors as records: a death each, and the time that is left."""
    rows = []
    for row in data("boot_breslow").iter_rows(named=True):
        deaths, years = row["y"], float(row["n"])
        rows += [(row["age"], row["smoke"], 1.0, 1)] * deaths
        rows.append((row["age"], row["smoke"], years - deaths, 0))
    frame = pl.DataFrame(rows, schema=["age", "smoke", "exit", "death"], orient="row")
    follow_up = FollowUp(YEARS, exit="exit", event="death")
    return cohort_of(frame, follow_up, [Binary("smoke"), Categorical("age")])


def test_rate_ratios_and_differences_by_age():
    record = load("rate_ratio_person_time")
    cohort = british_doctors()
    crude, by_age = Question(exposure="smoke"), Question(exposure="smoke", strata=("age",))
    found = {
        limits: (
            RateRatio(limits).estimate(cohort, crude),
            RateRatio(limits).estimate(cohort, by_age),
        )
        for limits in ("exact", "mid-p", "log")
    }
    differences = [RateDifference(per=1.0).estimate(cohort, ask) for ask in (crude, by_age)]
    places = [(record["crude"], 0, 0)]
    places += [(record["by_age"][age], 1, row) for row, age in enumerate(record["by_age"])]
    for node, which, row in places:
        exact, midp, log = (found[name][which].frame for name in found)
        agree(exact["estimate"][row], node["rr"], record.rtol)
        agree(log["std_error"][row], node["se_log"], record.rtol)
        agree(exact["conf_low"][row], node["exact_lower"], record.rtol)
        agree(exact["conf_high"][row], node["exact_upper"], record.rtol)
        agree(exact["p_value"][row], node["p_exact_twice"], record.rtol)
        agree(midp["conf_low"][row], node["midp_lower"], record.rtol)
        agree(midp["conf_high"][row], node["midp_upper"], record.rtol)
        agree(differences[which].frame["estimate"][row], node["rd"], record.rtol)
        agree(differences[which].frame["std_error"][row], node["rd_se"], record.rtol)
    pooled, node = found["exact"][1].frame.row(-1, named=True), record["mh_rate_ratio"]
    assert pooled["variance"] == "Mantel-Haenszel"
    agree(pooled["estimate"], node["est"], record.rtol)
    agree(pooled["std_error"] ** 2, node["var_log"], record.rtol)
    agree(pooled["conf_low"], node["lower"], record.rtol)
    agree(pooled["conf_high"], node["upper"], record.rtol)
    pooled, node = differences[1].frame.row(-1, named=True), record["mh_rate_difference"]
    agree(pooled["estimate"], node["est"], record.rtol)
    agree(pooled["std_error"] ** 2, node["var"], record.rtol)
    for count, low, high in record["poisson_exact_single"]["data"].array():
        agree(poisson_limits(count, 0.95), [low, high], record.rtol)
    record.finish(CERTIFIES[record.name])


def mgus2_by_age():
    """Survival in years, split by age and time since diagnosis."""
    frame = data("mgus2").with_columns((pl.col("futime") / 12).alias("years"))
    follow_up = FollowUp(YEARS, exit="years", event="death")
    cohort = cohort_of(frame, follow_up, [factor("sex", ("F", "M"))], person="id")
    age = OtherScale(TimeScale("age", "years"), at_entry="age")
    cohort = split(cohort, at=(50, 60, 70, 80), on=age, name="age band")
    return split(cohort, at=(1, 5, 10), name="since diagnosis")


def test_person_years_by_age_and_time_since_diagnosis():
    record = load("pyears_mgus2")
    cohort = mgus2_by_age()
    ask = Question(exposure="`age band`")
    node = record["rate_per_100"]
    for limits, word in (("exact", "exact"), ("log", "log"), ("byar", "byar")):
        found = IncidenceRate(per=100.0, limits=limits).estimate(cohort, ask).frame
        for theirs, mine in (
            ("pyears", "person_time"),
            ("events", "events"),
            ("rate", "estimate"),
            (f"{word}_lower", "conf_low"),
            (f"{word}_upper", "conf_high"),
        ):
            agree(found[mine].to_numpy(), node.column(theirs), record.rtol, what=theirs)
    ask = Question(exposure="`age band`", strata=("since diagnosis", "sex"))
    found = IncidenceRate().estimate(cohort, ask).frame
    # Ours runs through sex fastest, R's table through age.
    shape = (5, 4, 2)
    for theirs, mine in (("pyears", "person_time"), ("event", "events"), ("n", "persons")):
        ours = found[mine].to_numpy().reshape(shape).reshape(-1, order="F")
        agree(ours, record[theirs]["column_major"], record.rtol, what=theirs)
        agree(shape, record[theirs]["dim"], 0.0)
    years = data("mgus2")["futime"].sum() / 12
    assert found["person_time"].sum() == pytest.approx(years, rel=record.rtol)
    agree(0.0, record["offtable"], 0.0)
    record.finish(CERTIFIES[record.name])


@given(st.integers(0, 400), st.sampled_from([0.9, 0.95, 0.99]))
def test_exact_limits_are_those_of_the_chi_square(count, level):
    """Garwood (1936): half the chi-square quantiles on 2 d and 2 d + 2 degrees of freedom."""
    tail = (1 - level) / 2
    low, high = poisson_limits(count, level)
    assert (stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0) == pytest.approx(low, rel=1e-11)
    assert stats.chi2.isf(tail, 2 * count + 2) / 2 == pytest.approx(high, rel=1e-11)
    if count > 5:
        assert byar_limits(count, level) == pytest.approx((low, high), rel=0.02)


def simple(**columns):
    frame = {
        "person": ["a", "b", "c", "d"],
        "exit": [2.0, 3.0, 4.0, 5.0],
        "event": [1, 0, 1, 0],
        "x": [1, 1, 0, 0],
    }
    return pl.DataFrame(frame | columns)


def simple_cohort(frame, **facts):
    follow_up = FollowUp(YEARS, entry=facts.pop("entry", None), exit="exit", event="event")
    variables = [Binary("x"), *facts.pop("more", [])]
    return from_frame(frame, person="person", follow_up=follow_up, variables=variables, **facts)


def test_weighted_rate_by_hand():
    """Weights 2, 1 and 1, 3: the log rate's variance is the sum of squared shares differenced."""
    cohort = simple_cohort(simple(w=[2.0, 1.0, 1.0, 3.0]), weight="w")
    found = IncidenceRate(per=1.0).estimate(cohort, Question(exposure="x")).frame
    assert [1 / 19, 2 / 7] == pytest.approx(found["estimate"].to_list(), rel=1e-14)
    yes = math.hypot(2 / 2 - 4 / 7, 0 - 3 / 7)
    no = math.hypot(1 - 4 / 19, 0 - 15 / 19)
    assert [no, yes] == pytest.approx(found["std_error"].to_list(), rel=1e-14)
    assert found["variance"].to_list() == ["robust"] * 2
    assert found["events"].to_list() == [1, 1]
    z = stats.norm.ppf(0.975)
    assert 2 / 7 * math.exp(z * yes) == pytest.approx(found["conf_high"][1], rel=1e-12)


def test_several_events_make_the_variance_robust():
    frame = simple(person=["a", "a", "c", "d"], entry=[0.0, 2.0, 0.0, 0.0], event=[1, 1, 1, 0])
    cohort = simple_cohort(frame, entry="entry")
    found = IncidenceRate(per=1.0, by=None).estimate(cohort, Question(exposure="x")).frame
    assert found["variance"].to_list() == ["robust"]
    # One person has 2 of 3 events in 3 of 12 years, another 1 in 4, the third none in 5.
    by_hand = math.sqrt((2 / 3 - 3 / 12) ** 2 + (1 / 3 - 4 / 12) ** 2 + (5 / 12) ** 2)
    assert by_hand == pytest.approx(found["std_error"][0], rel=1e-14)
    asked = IncidenceRate(by=None, variance=ModelBased()).estimate(cohort, Question(exposure="x"))
    assert asked.frame["variance"].to_list() == ["exact"]
    with pytest.raises(UnsupportedError, match="several events"):
        RateRatio().estimate(cohort, Question(exposure="x"))


def test_no_event_in_a_level():
    cohort = simple_cohort(simple(event=[0, 0, 1, 0]))
    ask = Question(exposure="x")
    rate = IncidenceRate(per=1.0).estimate(cohort, ask).frame
    assert rate["conf_low"][1] == 0
    assert -math.log(0.025) / 5 == pytest.approx(rate["conf_high"][1], rel=1e-14)
    assert rate["std_error"][1] is None
    log = IncidenceRate(limits="log").estimate(cohort, ask).frame
    assert (log["conf_low"][1], log["conf_high"][1]) == (None, None)
    assert "no event" in log["note"][1]
    ratio = RateRatio().estimate(cohort, ask).frame
    assert (ratio["estimate"][0], ratio["conf_low"][0]) == (0, 0)
    # All of one event on one side: the upper limit of its share is 1 - 0.025.
    assert 0.975 / 0.025 * 9 / 5 == pytest.approx(ratio["conf_high"][0], rel=1e-12)
    assert RateRatio("log").estimate(cohort, ask).frame["estimate"][0] is None


def test_no_person_time_and_no_event_at_all():
    cohort = simple_cohort(simple(exit=[0.0, 0.0, 4.0, 5.0], event=[0, 0, 0, 0]))
    rate = IncidenceRate().estimate(cohort, Question(exposure="x")).frame
    assert rate["estimate"].to_list() == [0.0, None]
    assert "no person-time" in rate["note"][1]
    ratio = RateRatio().estimate(cohort, Question(exposure="x")).frame
    assert "no person-time" in ratio["note"][0]
    nobody = simple_cohort(simple(event=[0] * 4))
    assert "no event" in RateRatio().estimate(nobody, Question(exposure="x")).frame["note"][0]
    assert "no event" in RateDifference().estimate(nobody, Question(exposure="x")).frame["note"][0]


def test_observed_over_expected():
    """The one-sample log-rank test and SMR of the lung data, R's expected events given."""
    record = load("logrank_family_lung")
    node, total = record["one_sample"], record["one_sample_expected_events"].number()
    # Only the sum of the expected events was stored, so each record carries its share.
    frame = data("lung").with_columns(pl.lit(total / 228).alias("e"))
    follow_up = FollowUp(DAYS, exit="time", event="status", happened=2)
    cohort = cohort_of(frame, follow_up, [Continuous("e")])
    row = ObservedExpected("e").estimate(cohort, Question(exposure="e")).frame.row(0, named=True)
    agree(row["events"], node["observed"], record.rtol)
    agree(row["estimate"], node["smr"], record.rtol)
    chisq = (row["events"] - total) ** 2 / total
    agree(chisq, node["chisq"], record.rtol)
    assert stats.chi2.sf(chisq, 1) == row["p_value"]
    agree(total, node["expected"], record.rtol)
    record.finish(CERTIFIES[record.name])
    low, high = poisson_limits(165, 0.95)
    assert (low / total, high / total) == pytest.approx((row["conf_low"], row["conf_high"]))


@pytest.mark.parametrize("bad", [[0.1, None, 0.2, 0.3], [0.1, -0.2, 0.2, 0.3]])
def test_expected_events_missing_or_negative(bad):
    cohort = simple_cohort(simple(e=bad), more=[Continuous("e")])
    with pytest.raises(SchemaError, match=r"1 record has no expected events.*row 2"):
        ObservedExpected("e").estimate(cohort, Question(exposure="x"))


def test_settings_that_make_no_sense():
    for wrong in (
        lambda: IncidenceRate(per=0.0),
        lambda: IncidenceRate(conf_level=95),
        lambda: IncidenceRate(limits="wald"),
        lambda: IncidenceRate(by="age"),
        lambda: RateRatio(limits="wald"),
        lambda: RateDifference(per=-1.0),
    ):
        with pytest.raises(QuestionError, match="expected"):
            wrong()
    cohort = simple_cohort(simple(c=["u", "u", "v", "v"]), more=[Categorical("c")])
    with pytest.raises(QuestionError, match="no reference level"):
        RateRatio().estimate(cohort, Question(exposure="c"))
    weighted = simple_cohort(simple(w=[1.0, 2.0, 1.0, 1.0]), weight="w")
    with pytest.raises(UnsupportedError, match="without weights"):
        RateRatio().estimate(weighted, Question(exposure="x"))


def test_splitting_changes_no_rate():
    cohort = british_doctors()
    ask = Question(exposure="smoke")
    cut = split(cohort, at=(0.5, 7.0, 1000.0))
    for estimator in (IncidenceRate(), IncidenceRate(variance=Robust()), RateRatio()):
        whole, pieces = (estimator.estimate(one, ask).frame for one in (cohort, cut))
        for column in ("estimate", "std_error", "conf_low", "conf_high", "events"):
            agree(pieces[column].to_numpy(), whole[column].to_numpy(), 1e-12, what=column)
