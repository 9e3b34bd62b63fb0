"""Kaplan-Meier, Nelson-Aalen and Fleming-Harrington curves against R's survfit."""

import numpy as np
import polars as pl
import pytest

from analyses import Cox, IncidenceRate, KaplanMeier, ModelBased, Question, Robust
from analyses.curves.cumulative_hazard import FlemingHarrington, NelsonAalen
from analyses.curves.log_rank import LogRank
from analyses.curves.quantiles import quantiles
from analyses.curves.restricted_mean import RestrictedMean
from cohort import Continuous, FollowUp, TimeScale
from cohort.errors import FollowUpError, NotEstimableError, SchemaError
from tests.curves.compare import (
    HAZARD,
    KAPLAN_MEIER,
    agree_curve,
    agree_table,
    counted,
    groups,
    heads,
    read_at,
    settings,
)
from tests.reference.cohorts import DAYS, cohort_of, factor, lung, toy
from tests.reference.fits import agree_short, fitted
from tests.reference.oracle import agree, data, load

THE_COX_CORE = "a Cox model, certified with the others of its kind"
RAISES = "R gives a number where ours raises an error with the reason"
CERTIFIES = {
    "km_aml_conftypes": {
        "lower_peto*": "Peto's lower limits are not offered",
        "lower_modified*": "Dorey and Korn's modified lower limits are not offered",
        "stype_ctype.s1c2.table*": "the same survival as s1c1, whose table is compared",
        "stype_ctype.s2c?.table.data.*.4": "no mean of an exponential survival curve is offered",
        "stype_ctype.s2c?.table.data.*.5": "no mean of an exponential survival curve is offered",
    },
    "km_channing_delayed": {},
    "km_lung_full": {},
    "edge_km_limits": {},
    "edge_time_zero_entry_exit": {
        "*cox*": THE_COX_CORE,
        "entry_*": THE_COX_CORE,
        "na_time*": THE_COX_CORE,
        "negative_time*": RAISES,
        "inf_time*": RAISES,
    },
    "edge_weights_negative_zero": {
        "cox*": THE_COX_CORE,
        "glm*": THE_COX_CORE,
        "km_zero.curve.n.0": "R counts the record of weight 0 as well",
        "km_zero.curve.table.records": "R counts the record of weight 0 as well",
    },
    "edge_scale_and_timefix": {
        "base*": THE_COX_CORE,
        "x_*": THE_COX_CORE,
        "year*": THE_COX_CORE,
        "jitter*": THE_COX_CORE,
        "time_scale*": THE_COX_CORE,
        "offset*": THE_COX_CORE,
        "km_jitter_ntimes.raw": "times that differ by rounding are always merged",
    },
    "edge_missing_values": {
        "omit*": THE_COX_CORE,
        "na_*": THE_COX_CORE,
        "nan_*": THE_COX_CORE,
        "inf_*": THE_COX_CORE,
        "all_missing*": THE_COX_CORE,
    },
    "edge_no_events_all_censored": {
        "cox*": THE_COX_CORE,
        "one_*": THE_COX_CORE,
        "null_model*": THE_COX_CORE,
        "all_events_same_time*": THE_COX_CORE,
        "logrank_all_censored*": RAISES,
    },
}
MONTHS = TimeScale("time since remission", "months")


def aml():
    follow_up = FollowUp(MONTHS, exit="time", event="status")
    return cohort_of(data("aml"), follow_up, [factor("x", ("Maintained", "Nonmaintained"))])


def test_every_interval_type_and_level():
    record = load("km_aml_conftypes")
    ask = Question(exposure="x")
    curves = [record["by_conf_type"][name] for name in record["by_conf_type"]]
    for node in (*curves, record["conf_0.9"], record["conf_0.99"]):
        agree_curve(settings(node), aml(), ask, node, record.rtol)
    for name in ("s1c1", "s1c2"):
        node = record["stype_ctype"][name]
        ties = "spread" if name == "s1c2" else "together"
        _agree_columns(settings(node).estimate(aml(), ask), node, record.rtol)
        _agree_hazard(NelsonAalen(ties=ties).estimate(aml(), ask), node, record.rtol)
    agree_table(KaplanMeier(), aml(), ask, record["stype_ctype"]["s1c1"]["table"], record.rtol)
    for name, ties in (("s2c1", "together"), ("s2c2", "spread")):
        node = record["stype_ctype"][name]
        curve = FlemingHarrington(ties=ties).estimate(aml(), ask)
        _agree_columns(curve, node, record.rtol)
        _agree_hazard(NelsonAalen(ties=ties).estimate(aml(), ask), node, record.rtol)
        median = quantiles(curve, (0.5,))
        for place, row in enumerate(node["table"].matrix()):
            mine = median.row(place)[2:]
            agree([np.nan if one is None else one for one in mine], row[-3:], record.rtol)
    found = quantiles(KaplanMeier().estimate(aml(), ask))
    for theirs, column in (("q", "time"), ("lower", "conf_low"), ("upper", "conf_high")):
        mine = found[column].fill_null(np.nan).to_numpy().reshape(2, 3)
        agree(mine, record["quantiles"][theirs].matrix(), record.rtol)
    node = record["start_time_10"]
    agree_curve(settings(node, start=10.0), aml(), ask, node, record.rtol)
    record.finish(CERTIFIES[record.name])


def _agree_columns(curve, node, rtol):
    table = node["curve"]
    agree([11, 12], node["n"], 0.0)
    for theirs, mine in (
        ("time", "time"),
        ("surv", "estimate"),
        ("std_err", "std_error"),
        ("lower", "conf_low"),
        ("upper", "conf_high"),
        ("n_risk", "at_risk"),
        ("n_event", "events"),
        ("n_censor", "censored"),
    ):
        agree(curve.frame[mine].fill_null(np.nan).to_numpy(), table.column(theirs), rtol, what=mine)
    agree(curve.conf_level, node["conf_int"], rtol)


def _agree_hazard(curve, node, rtol):
    agree(curve.frame["estimate"].to_numpy(), node["curve"].column("cumhaz"), rtol)
    agree(curve.frame["std_error"].to_numpy(), node["curve"].column("std_chaz"), rtol)


def test_delayed_entry_on_the_age_scale():
    record = load("km_channing_delayed")
    follow_up = FollowUp(TimeScale("age", "months"), entry="ageentry", exit="age", event="death")
    # What R drops with a warning is refused, counted.
    dropped = record["dropped_entry_ge_exit"].number()
    with pytest.raises(FollowUpError, match=f"{dropped:g} of 462 records leave"):
        cohort_of(data("km_channing"), follow_up, [])
    frame = data("km_channing").filter(pl.col("ageentry") < pl.col("age"))
    cohort = cohort_of(frame, follow_up, [factor("gender", (1, 2)), Continuous("g", "gender")])
    ask = Question(exposure="gender")
    agree_curve(settings(record["by_gender"]), cohort, ask, record["by_gender"], record.rtol)
    men = cohort.restrict("gender = 1", "men")
    node = record["men_full"]
    agree_curve(settings(node, by=None), men, ask, node, record.rtol)
    node = record["start_age_840"]
    agree_curve(settings(node, start=840.0), cohort, ask, node, record.rtol)
    node = record["logrank_by_cox"]
    agree_short(fitted(Cox(ties="breslow"), cohort, Question(exposure="g")), node, record.rtol)
    # Breslow's score test is the log-rank test but for the variance at ties.
    test = LogRank().estimate(cohort, ask)
    assert test.statistic == pytest.approx(node["score_test"].number(), rel=0.01)
    record.finish(CERTIFIES[record.name])


def test_ties_weights_and_clusters():
    record = load("km_lung_full")
    ask = Question(exposure="sex")
    sex = factor("sex", (1, 2))
    node = record["overall"]
    agree_curve(settings(node, by=None), lung(sex), ask, node, record.rtol)
    agree_curve(settings(record["by_sex"]), lung(sex), ask, record["by_sex"], record.rtol)
    weight = (0.5 + (pl.col("age") % 7) / 4).alias("w")
    weighted = lung(sex, frame=data("lung").with_columns(weight), weight="w")
    for name in ("weighted", "weighted_robust"):
        agree_curve(settings(record[name]), weighted, ask, record[name], record.rtol)
    known = data("lung").filter(pl.col("inst").is_not_null())
    node = record["cluster_inst"]
    agree_curve(settings(node), lung(sex, frame=known, cluster="inst"), ask, node, record.rtol)
    record.finish(CERTIFIES[record.name])


def toys(frame, *variables, entry=None, **facts):
    return cohort_of(frame, FollowUp(DAYS, entry=entry, exit="t", event="d"), variables, **facts)


ALL = Question(exposure="everyone")


def test_limits_at_the_edges():
    """Last time censored, survival reaching 0 or never a half, one person, ties with censorings."""
    record = load("edge_km_limits")
    for name in record.results:
        if name == "extend_past_end":
            continue
        for scale in record[name]:
            node = record[name][scale]
            columns = node["input"]["columns"].value
            cohort = toys(pl.DataFrame({"t": columns["t"], "d": columns["d"]}))
            ours = settings(node["curve"], by=None)
            agree_curve(ours, cohort, ALL, node["curve"], record.rtol)
            found = quantiles(ours.estimate(cohort, ALL), (0.25, 0.5))
            for theirs, column in (
                ("q25_50", "time"), ("q_lower", "conf_low"), ("q_upper", "conf_high"),
            ):  # fmt: skip
                mine = found[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
                agree(mine, node[theirs], record.rtol)
            until = float(max(columns["t"]))
            mean = RestrictedMean(until, by=None).estimate(cohort, ALL).frame
            agree([mean["estimate"][0], mean["std_error"][0]], node["rmean"], record.rtol)
    cohort = toys(pl.DataFrame({"t": [1, 2, 3, 4, 5], "d": [1, 1, 0, 1, 0]}))
    curve = KaplanMeier(by=None).estimate(cohort, ALL).frame
    node = record["extend_past_end"]["value"]
    times = node["time"].array()
    agree(read_at(curve, times, "estimate", 1.0), node["surv"], record.rtol)
    at_risk = np.append(curve["at_risk"].to_numpy(), 0.0)
    agree(at_risk[np.searchsorted(curve["time"].to_numpy(), times)], node["n_risk"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_exit_at_time_zero():
    record = load("edge_time_zero_entry_exit")
    cohort = toys(toy(t=[0.0, *range(2, 11)]))
    node = record["event_at_zero_km"]["curve"]
    agree_curve(settings(node, by=None), cohort, ALL, node, record.rtol)
    with pytest.raises(FollowUpError, match=r"1 event happens at time 0.*row 1"):
        IncidenceRate(by=None).estimate(cohort, ALL)
    with pytest.raises(FollowUpError, match="negative exit"):
        toys(toy(t=[-1.0, *range(2, 11)]))
    with pytest.raises(FollowUpError, match="no finite exit"):
        toys(toy(t=[1.0, np.inf, *range(3, 11)]))
    record.finish(CERTIFIES[record.name])


def test_nobody_has_the_event():
    record = load("edge_no_events_all_censored")
    cohort = toys(toy(d=[0] * 10), factor("x", (0, 1)))
    node = record["km_all_censored"]["curve"]
    agree_curve(settings(node, by=None), cohort, Question(exposure="x"), node, record.rtol)
    with pytest.raises(NotEstimableError, match="no event"):
        LogRank().estimate(cohort, Question(exposure="x"))
    with pytest.raises(SchemaError, match="no records"):
        toys(toy().clear())
    record.finish(CERTIFIES[record.name])


def test_a_weight_of_zero_is_a_record_left_out():
    """R's survfit with one weight 0 and the others 1: the record counts nowhere."""
    record = load("edge_weights_negative_zero")
    follow_up = FollowUp(DAYS, exit="futime", event="fustat")
    weights = [1.0] * 26
    weights[2] = 0.0
    frame = data("ovarian").with_columns(pl.Series("w", weights))
    cohort = cohort_of(frame, follow_up, [], weight="w")
    node = record["km_zero"]["curve"]
    ours = settings(node, by=None, variance=ModelBased())
    agree_table(ours, cohort, ALL, node["table"], record.rtol, ("records",))
    table = node["curve"]
    (part,) = groups(ours.estimate(cohort, ALL).frame)
    robust = KaplanMeier(by=None).estimate(cohort, ALL).frame
    (hazard,) = groups(NelsonAalen(by=None, variance=ModelBased()).estimate(cohort, ALL).frame)
    times = table.column("time")
    for theirs, mine in KAPLAN_MEIER.items():
        for frame in (part, robust):
            start = 0.0 if mine == "std_error" else 1.0
            agree(read_at(frame, times, mine, start), table.column(theirs), record.rtol)
    for theirs, mine in HAZARD.items():
        agree(read_at(hazard, times, mine, 0.0), table.column(theirs), record.rtol)
    agree(heads(part, times), table.column("n_risk"), record.rtol)
    agree(counted(part, times, "events"), table.column("n_event"), record.rtol)
    agree(counted(part, times, "censored"), table.column("n_censor"), record.rtol)
    agree(ours.conf_level, node["conf_int"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_times_that_differ_by_rounding_are_one():
    """0.1 + 0.2 with 0.3, and 1 - 0.6 with 0.4: R's timefix."""
    record = load("edge_scale_and_timefix")
    times = [0.1 + 0.2, 0.3, 0.4, 1 - 0.6, 2.0]
    cohort = toys(pl.DataFrame({"t": times, "d": [1] * 5}))
    curve = KaplanMeier(by=None).estimate(cohort, ALL).frame
    node = record["float_ties"]["value"]
    agree(curve["time"].to_numpy(), node["time"], record.rtol)
    agree(curve["events"].to_numpy(), node["n_event"], record.rtol)
    agree(len(curve), node["n_times"], 0.0)
    follow_up = FollowUp(DAYS, exit="t2", event="status")
    moved = (pl.col("time") + 1e-9 * (pl.int_range(pl.len()) + 1)).alias("t2")
    veteran = cohort_of(data("veteran").with_columns(moved), follow_up, [])
    merged = KaplanMeier(by=None).estimate(veteran, ALL).frame
    agree(len(merged), record["km_jitter_ntimes"]["timefix"], 0.0)
    record.finish(CERTIFIES[record.name])


def test_a_missing_group_is_never_a_level():
    """R's survfit leaves the one person without a performance score out, and so do we, counted."""
    record = load("edge_missing_values")
    cohort = lung(factor("ph.ecog", (0, 1, 2, 3)))
    with pytest.raises(SchemaError, match=r"'ph\.ecog' 1"):
        KaplanMeier().estimate(cohort, Question(exposure="`ph.ecog`"))
    ask = Question(exposure="`ph.ecog`", missing="complete case")
    curve = KaplanMeier().estimate(cohort, ask)
    heads = curve.frame.group_by("group", maintain_order=True).agg(pl.col("at_risk").max())
    agree(heads["at_risk"].to_numpy(), record["km_na_group"]["value"], 0.0)
    rates = IncidenceRate().estimate(cohort, ask)
    assert rates.frame["dropped"].to_list() == [1] * 4
    assert len(rates.steps) == 1
    record.finish(CERTIFIES[record.name])


def test_robust_on_one_record_a_person_is_greenwoods_without_late_entry():
    """Therneau and Grambsch (2000), section 7.4: the two agree where everyone enters at 0."""
    ask = Question(exposure="x")
    model = KaplanMeier().estimate(aml(), ask).frame
    robust = KaplanMeier(variance=Robust()).estimate(aml(), ask).frame
    for column in ("std_error", "conf_low", "conf_high"):
        agree(
            robust[column].fill_null(np.nan).to_numpy(),
            model[column].fill_null(np.nan).to_numpy(),
            1e-13,
        )
