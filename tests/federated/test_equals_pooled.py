"""What sites find together is what one stratified fit of all their records finds."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analyses import (
    Cox,
    ModelBased,
    Question,
    Robust,
)
from analyses.cox.newton import maximise
from analyses.federated import guards
from analyses.federated import site as one_site
from analyses.federated.climb import MOST_ROUNDS
from analyses.federated.parts import semi_definite
from analyses.study.parts import Asked
from cohort import (
    Binary,
    FollowUp,
    TimeScale,
)
from cohort.errors import NotEstimableError
from tests.federated.exchanges import (
    DAYS,
    agree,
    between,
    lung_sites,
    lung_study,
    pooled,
    study,
)
from tests.reference.cohorts import factor, numeric
from tests.reference.oracle import agree as agree_number
from tests.reference.oracle import data, load

ADJUSTED = Question(exposure="sex", adjustments={"model": ["age", "ph.karno"]})


def agree_with_r(frame, place, stored, rtol):
    """The estimate, its standard error and its limits against R's coefficient and vcov."""
    row = frame.row(0, named=True)
    names = list(stored["coef"].value)
    beta, se = stored["coef"].array()[place], stored["se"].array()[place]
    assert row["variable"] == names[place]
    agree_number(row["log_estimate"], beta, rtol, se)
    agree_number(row["std_error"], se, rtol)
    z = 1.959963984540054
    agree_number(np.log(row["conf_low"]), beta - z * se, rtol, se)
    agree_number(np.log(row["conf_high"]), beta + z * se, rtol, se)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_four_sites_of_lung_are_r_s_stratified_fit(monkeypatch, place):
    """R: coxph(... + strata(site)). One site has 28 events for 3 columns, below the site's rule."""
    monkeypatch.setattr(guards, "EVENTS_PER_COLUMN", 9)
    record = load("federated_cox_one_step_rotterdam_like")
    terms = ["age", "sex", "ph.karno"]
    exposure = terms.pop(place)
    plan = lung_study(Question(exposure=exposure, adjustments={"model": terms}))
    found = between(plan, lung_sites())
    stored = record["one_stage_stratified"]
    agree_with_r(found.estimates[0].frame, place, stored, record.rtol)
    assert found.estimates[0].frame["persons"][0] == stored["n"].number()
    assert found.estimates[0].frame["events"][0] == stored["nevent"].number()


@pytest.mark.parametrize(("place", "exposure"), [(0, "hgb"), (1, "creat"), (2, "mspike")])
def test_late_entry_with_the_sexes_as_owners_is_r_s_stratified_fit(place, exposure):
    """R: coxph(Surv(a0, a1, death) ~ hgb + creat + mspike + strata(sex), mgus2), ages in months."""
    record = load("cox_mgus2_age_scale_sex_strata")
    months = pl.when(pl.col("futime") == 0).then(0.1).otherwise(pl.col("futime"))
    table = data("mgus2").with_columns((pl.col("age") * 12.0).alias("a0"))
    table = table.with_columns((pl.col("a0") + months).alias("a1"))
    terms = ["hgb", "creat", "mspike"]
    plan = study(
        FollowUp(TimeScale("age", "months"), entry="a0", exit="a1", event="death"),
        numeric(*terms),
        Question(
            exposure=exposure,
            adjustments={"model": [term for term in terms if term != exposure]},
            missing="complete case",
        ),
        person="id",
    )
    found = agree(plan, table, "sex").estimates[0].frame.row(0, named=True)
    column = {k: record["coef_table"]["columns"][k][place].number() for k in ("coef", "se")}
    agree_number(found["log_estimate"], column["coef"], record.rtol, column["se"])
    agree_number(found["std_error"], column["se"], record.rtol)
    assert found["persons"] == record["n"].number()
    assert found["events"] == record["nevent"].number()
    assert found["dropped"] == record["n_dropped_missing"].number()


@pytest.mark.parametrize(("place", "exposure"), [(0, "age"), (1, "ph.karno")])
def test_women_and_men_of_lung_as_owners_are_r_s_stratified_fit(place, exposure):
    """R: coxph(Surv(time, status) ~ age + ph.karno + strata(sex), lung)."""
    stored, rtol = (record := load("cox_lung_strata"))["sex"], record.rtol
    others = [term for term in ("age", "ph.karno") if term != exposure]
    question = Question(exposure=exposure, adjustments={"m": others}, missing="complete case")
    table = data("lung").with_columns(pl.int_range(pl.len()).alias("row"))
    found = agree(lung_study(question), table, "sex").estimates[0].frame.row(0, named=True)
    columns = stored["coef_table"]["columns"]
    se = columns["se"][place].number()
    agree_number(found["log_estimate"], columns["coef"][place].number(), rtol, se)
    agree_number(found["std_error"], se, rtol)
    agree_number(np.log(found["conf_low"]), columns["lower"][place].number(), rtol, se)
    agree_number(np.log(found["conf_high"]), columns["upper"][place].number(), rtol, se)
    assert found["dropped"] == stored["n_dropped_missing"].number()


@pytest.fixture
def lung():
    rng = np.random.default_rng(20)
    table = lung_sites()
    return table.with_columns(
        pl.Series("weight", rng.uniform(0.5, 3.0, len(table))),
        pl.Series("known", rng.normal(0, 0.3, len(table))),
        pl.Series("family", rng.integers(0, 9, len(table))) + 100 * pl.col("site"),
        pl.Series("from", np.minimum(rng.integers(0, 200, len(table)), table["time"] - 1)),
        (pl.col("site") > 2).cast(pl.Int64).alias("half"),
    )


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize(
    ("facts", "variance"),
    [
        ({}, None),
        ({"weight": "weight"}, None),
        ({"weight": "weight", "cluster": "family"}, None),
        ({"cluster": "family", "offset": "known"}, None),
        ({"offset": "known"}, Robust()),
        ({"cluster": "family"}, ModelBased()),
    ],
)
def test_ties_weights_clusters_and_late_entry(lung, ties, facts, variance):
    late = FollowUp(DAYS, entry="from", exit="time", event="status", happened=2)
    plan = lung_study(ADJUSTED, Cox(ties=ties, variance=variance), **facts)
    agree(plan, lung, "half")
    agree(replace(plan, follow_up=late), lung, "half")


def test_several_questions_sets_modifiers_splines_and_strata_in_one_exchange(lung):
    band = lung.with_columns((pl.col("age") > 63).alias("older"))
    spline = "rcs(age, knots=[50, 60, 70], reference=60)"
    plan = lung_study(
        Question(exposure="sex", adjustments={"crude": [], "full": ["age"]}, modifiers=("older",)),
        more=(Binary("older"),),
    )
    plan = replace(
        plan,
        questions=(
            *plan.questions,
            Asked(Question(exposure=spline, adjustments={"sex": ["sex"]}, strata=("older",))),
        ),
        estimators=(Cox(), Cox(ties="breslow", conf_level=0.9)),
    )
    found = agree(plan, band, "half")
    assert len(found.estimates) == 4


def test_no_digit_is_lost_to_units(lung):
    """Calendar years in seconds, and a unit a thousand million times too small."""
    table = lung.with_columns(
        (pl.col("age") * 1e6 + 1e12).alias("age"), (pl.col("ph.karno") * 1e-9).alias("ph.karno")
    )
    agree(lung_study(ADJUSTED), table, "half")


def test_a_level_that_a_site_lacks_and_one_that_only_a_site_has(lung):
    """Group 3 stands at the second site alone, group 0 (the reference) at the first alone."""
    table = lung.with_columns(
        pl.when(pl.col("half") == 0).then(pl.col("row") % 3).otherwise(1 + pl.col("row") % 3)
        .alias("group")
    )  # fmt: skip
    question = Question(exposure="group", adjustments={"age": ["age"]})
    plan = lung_study(question, more=(factor("group", (0, 1, 2, 3)),))
    agree(plan, table, "half")


def test_a_term_that_is_the_site_is_aliased(lung):
    """It is constant in every stratum, so it has no estimate; the other terms keep theirs."""
    more = tuple(numeric("half"))
    agree(
        lung_study(Question(exposure="sex", adjustments={"site": ["half"]}), more=more),
        lung,
        "half",
    )
    plan = lung_study(Question(exposure="half", adjustments={"age": ["age"]}), more=more)
    frame = agree(plan, lung, "half").estimates[0].frame
    assert frame["estimate"][0] is None
    assert "aliased" in frame["note"][0]


def test_recurrent_events_at_one_site_make_the_variance_robust_at_all():
    """R's bladder2; the second site keeps only first records, and would alone be model-based."""
    table = data("bladder2").with_columns((pl.col("id") % 2).alias("site"))
    table = table.filter((pl.col("site") == 0) | (pl.col("enum") == 1))
    plan = study(
        FollowUp(
            TimeScale("time since entry", "months"), entry="start", exit="stop", event="event"
        ),
        numeric("rx", "size", "number"),
        Question(exposure="rx", adjustments={"crude": []}),
        person="id",
    )
    found = agree(plan, table)
    assert found.estimates[0].frame["variance"][0] == "robust"
    assert "robust variance by person" in found.estimates[0].method


def test_the_order_in_which_sites_are_named_changes_no_digit_that_counts(lung):
    plan = lung_study(ADJUSTED)
    one = between(plan, lung, "half").estimates[0]
    two = between(plan, lung.sort("half", descending=True, maintain_order=True), "half")
    assert one.log_estimate == pytest.approx(two.estimates[0].log_estimate, abs=1e-13)


def test_a_level_without_events_anywhere_has_no_estimate_and_says_why(lung):
    """The pooled fit shows the limit of the other terms; between owners the model is refused."""
    table = lung.with_columns(((pl.col("row") % 4 == 0) & (pl.col("status") == 1)).alias("spared"))
    table = table.with_columns(pl.when("spared").then(2000).otherwise(pl.col("time")).alias("time"))
    question = Question(exposure="spared", adjustments={"age": ["age"]})
    plan = lung_study(question, more=(Binary("spared"),))
    frame = between(plan, table, "half").estimates[0].frame
    assert pooled(plan, table, "half")[0].frame["estimate"][0] is None
    assert frame["estimate"][0] is None
    assert "rises without end in 'spared'" in frame["note"][0]
    assert not frame["converged"][0]


def test_rounds_from_the_sites_own_maxima(lung):
    """Two rounds of sums give the coefficients to 1e-9; one more gives the variance as well."""
    found = between(lung_study(ADJUSTED), lung, "half")
    assert found.rounds <= 4


def test_strong_effects_from_a_start_at_0(monkeypatch):
    """Hazard ratios of 20 per standard deviation: long steps are no sign of a missing maximum."""
    monkeypatch.setattr(guards, "LARGEST_SHARE", 1.0)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(900, 2))
    rate = np.exp(x @ [3.0, -2.0])
    time = np.ceil(rng.exponential(size=900) / rate * 1000) / 10
    table = pl.DataFrame(
        {
            "row": np.arange(900), "x": x[:, 0], "z": x[:, 1], "site": np.arange(900) % 3,
            "time": np.minimum(time, 100.0), "event": time <= 100.0,
        }
    )  # fmt: skip
    follow_up = FollowUp(DAYS, exit="time", event="event")
    plan = study(follow_up, numeric("x", "z"), Question(exposure="x", adjustments={"z": ["z"]}))
    assert agree(plan, table).rounds <= 4
    monkeypatch.setattr(one_site, "_own_maximum", _nowhere)
    assert agree(plan, table).rounds <= MOST_ROUNDS


def _nowhere(part):
    """A site without an estimate of its own."""
    return replace(maximise(part.problem), converged=False)


def test_competing_outcomes_are_cause_specific():
    table = data("mgus2").with_columns(
        pl.when(pl.col("pstat") == 1).then(1).when(pl.col("death") == 1).then(2).otherwise(0)
        .alias("what"),
        pl.when(pl.col("pstat") == 1).then(pl.col("ptime")).otherwise(pl.col("futime"))
        .alias("when"),
    )  # fmt: skip
    months = TimeScale("time since diagnosis", "months")
    follow_up = FollowUp(
        months, exit="when", event="what", happened=1, competing={2: "death"}, label="progression"
    )
    plan = study(
        follow_up,
        numeric("age"),
        Question(exposure="age", outcome="death"),
        person="id",
    )
    found = agree(plan, table, "sex")
    assert "cause-specific" in found.estimates[0].method


def periods(seed=1, persons=900):
    """Three periods, a value of each, and what a period and a person have together."""
    rng = np.random.default_rng(seed)
    period = rng.integers(0, 3, persons)
    entry = period * 100 + rng.integers(0, 20, persons)
    leave = np.minimum(entry + rng.integers(1, 60, persons), period * 100 + 99)
    own = np.rint(rng.normal(size=persons) * 1024) / 1024
    columns = {
        "row": np.arange(persons), "entry": entry, "exit": leave, "z": own, "period": period,
        "event": rng.random(persons) < 0.4, "x": np.array([0.1, 0.37, 0.71])[period],
        "date": own + np.array([0.0, 90_000.0, 250_000.0])[period],
        "site": rng.integers(0, 2, persons),
    }  # fmt: skip
    return pl.DataFrame(columns)


def periods_study(question):
    follow_up = FollowUp(DAYS, entry="entry", exit="exit", event="event")
    return study(follow_up, [*numeric("x", "z", "date"), factor("period", (0, 1, 2))], question)


@pytest.mark.parametrize("others", [[], ["z"]])
def test_a_term_that_varies_in_no_risk_set_is_aliased(others):
    """Its information is rounding error, for which the site was accused of a negative square."""
    for seed in range(4):
        plan = periods_study(Question(exposure="x", adjustments={"model": others}))
        found = agree(plan, periods(seed)).estimates[0].frame
        assert "aliased" in found["note"][0]


@pytest.mark.parametrize("cox", [Cox(), Cox(variance=Robust())])
def test_a_term_that_strata_of_a_site_differ_by(cox):
    """A thousand times more than persons of one: linear predictors overflowed."""
    question = Question(exposure="date", adjustments={"model": []}, strata=("period",))
    plan = replace(periods_study(question), estimators=(cox,))
    assert agree(plan, periods()).estimates[0].frame["converged"].all()


def test_values_whose_squares_are_no_numbers_are_refused_by_name():
    """It was an error of Python's: cannot convert float infinity to integer."""
    plan = periods_study(Question(exposure="x", adjustments={"model": ["z"]}))
    with pytest.raises(NotEstimableError, match="values of z are so large"):
        between(plan, periods().with_columns(pl.col("z") * 1e160))


def test_information_that_rounding_left_below_0_is_none():
    plain = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert semi_definite(plain) is plain
    thrice = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) * (1.0 - 1e-8 * (1 - np.eye(3)))
    thrice[0, 1] = thrice[1, 0] = 2.0 + 1e-7
    assert np.linalg.eigvalsh(thrice).min() < -1e-8
    assert np.linalg.eigvalsh(semi_definite(thrice)).min() > -1e-14
    assert semi_definite(thrice) == pytest.approx(thrice, rel=1e-6)
    assert semi_definite(np.diag([3.0, -1e-17])).tolist() == [[3.0, 0.0], [0.0, 0.0]]
