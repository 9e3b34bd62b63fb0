"""Cumulative incidence, time lost and Gray's test against R's survfit, etm and cmprsk."""

import numpy as np
import polars as pl
import pytest

from analyses import Cox, KaplanMeier, Question
from analyses.curves.cumulative_hazard import NelsonAalen
from analyses.curves.cumulative_incidence import CumulativeIncidence
from analyses.curves.gray import GrayTest
from analyses.curves.restricted_mean import RestrictedMean, TimeLost
from cohort import Binary, FollowUp, TimeScale
from tests.curves.compare import heads, read_at
from tests.reference.cohorts import DAYS, cohort_of, factor, toy
from tests.reference.fits import agree_short, fitted
from tests.reference.oracle import agree, data, load

CERTIFIES = {
    "aj_mgus2_competing": {},
    "abortion_lt_competing": {},
    "edge_competing_degenerate": {
        "no_competing_equals_cox*": "Fine and Gray's model, elsewhere",
    },
    "cuminc_gray_mgus2": {},
}
MONTHS = TimeScale("time since diagnosis", "months")
BOUNDS = {
    "pstate": "estimate",
    "std_err": "std_error",
    "lower": "conf_low",
    "upper": "conf_high",
}


def mgus2():
    """Progression to plasma cell malignancy, and death before it."""
    no_progression = pl.col("pstat") == 0
    frame = data("mgus2").with_columns(
        pl.when(no_progression).then("futime").otherwise("ptime").alias("etime"),
        pl.when(no_progression).then(2 * pl.col("death")).otherwise(1).alias("ev"),
        (pl.col("age") > 70).alias("old"),
    )
    follow_up = FollowUp(
        MONTHS, exit="etime", event="ev", happened=1, competing={2: "death"}, label="pcm"
    )
    return cohort_of(frame, follow_up, [factor("sex", ("F", "M")), Binary("old")], person="id")


def abortion():
    """Spontaneous abortion, birth and induced abortion, women entering at their first contact."""
    follow_up = FollowUp(
        TimeScale("gestation", "weeks"),
        entry="entry",
        exit="exit",
        event="cause",
        happened=1,
        competing={2: "birth", 3: "induced"},
        label="abortion",
    )
    return cohort_of(data("abortion"), follow_up, [factor("group", (0, 1))], person="id")


def states(frame, group):
    """One frame for each of R's states: event-free first, then the outcomes."""
    mine = frame.filter(pl.col("group") == group)
    names = mine["outcome"].unique(maintain_order=True).to_list()
    return [mine.filter(pl.col("outcome") == name) for name in (names[-1], *names[:-1])]


def agree_states(curve, node, words, rtol, cohort):
    times = node["time"].array().reshape(len(words), -1)
    size = times.shape[1]
    stored = {name: matrix(node[name]) for name in (*BOUNDS, "n_risk")}
    for place, (word, at) in enumerate(zip(words, times, strict=True)):
        rows = slice(place * size, (place + 1) * size)
        for state, part in enumerate(states(curve.frame, word)):
            for theirs, mine in BOUNDS.items():
                start = 0.0 if mine == "std_error" or state else 1.0
                ours = read_at(part, at, mine, start)
                # Before the first time R's limits are those of a probability of 0 or 1.
                begun = at >= part["time"].min()
                want = stored[theirs][rows, state]
                agree(ours[begun], want[begun], rtol, what=f"{node.name}.{theirs}.{word}.{state}")
        agree(heads(states(curve.frame, word)[0], at), stored["n_risk"][rows, 0], rtol)
        # Nobody is at risk of anything after an outcome.
        assert not stored["n_risk"][rows, 1:].any()
    events = [one["events"].sum() for one in _by_outcome(curve)]
    table = node["transitions"].matrix()
    # R leaves out the censored where there are none.
    want = np.append(table[0], 0.0)[: len(events) + 1]
    agree([*events, cohort.persons - sum(events)], want, rtol)
    assert not table[1:].any()


def _by_outcome(curve):
    names = curve.frame["outcome"].unique(maintain_order=True).to_list()[:-1]
    return [curve.frame.filter(pl.col("outcome") == name) for name in names]


def matrix(node):
    """A matrix stored without names, or with them."""
    return np.array(node["data"].array() if "data" in node else node.array())


def test_competing_risks_by_sex():
    record = load("aj_mgus2_competing")
    ask = Question(exposure="sex")
    cohort = mgus2()
    agree_states(
        CumulativeIncidence().estimate(cohort, ask),
        record["by_sex"],
        ("F", "M"),
        record.rtol,
        cohort,
    )
    for name, scale in (("overall", "log"), ("plain_ci", "plain")):
        curve = CumulativeIncidence(scale, by=None).estimate(cohort, ask)
        agree_states(curve, record[name], ("all",), record.rtol, cohort)
        agree_hazards(cohort, record[name], ("all",), None, record.rtol)
        agree_mean_times(cohort, record[name], None, record.rtol)
    agree_hazards(cohort, record["by_sex"], ("F", "M"), "exposure", record.rtol)
    agree_mean_times(cohort, record["by_sex"], "exposure", record.rtol)
    curve = KaplanMeier(by=None).estimate(cohort, ask).frame
    wrong = 1 - read_at(curve, np.array([12.0, 60.0, 120.0, 240.0]), "estimate", 1.0)
    agree(wrong, record["wrong_1_minus_km_pcm"], record.rtol)
    record.finish(CERTIFIES[record.name])


def agree_hazards(cohort, node, words, by, rtol):
    """R's cumulative hazards of the outcomes: each is a Nelson-Aalen estimate."""
    stored = matrix(node["cumhaz"])
    times = node["time"].array().reshape(len(words), -1)
    for place, outcome in enumerate(cohort.follow_up.outcomes):
        ask = Question(exposure=_exposure(cohort), outcome=outcome)
        frame = NelsonAalen(by=by).estimate(cohort, ask).frame
        mine = [
            read_at(frame.filter(pl.col("group") == word), at, "estimate", 0.0)
            for word, at in zip(words, times, strict=True)
        ]
        agree(np.concatenate(mine), stored[:, place], rtol)


def agree_mean_times(cohort, node, by, rtol):
    """R's mean time in each state, up to the last time of all groups."""
    table = node["mean_time_in_state"].matrix()
    stored = table[:, 2]
    curve = CumulativeIncidence(by=by).estimate(cohort, Question(exposure=_exposure(cohort)))
    until = float(curve.frame["time"].max())
    for place, outcome in enumerate(cohort.follow_up.outcomes, start=1):
        ask = Question(exposure=_exposure(cohort), outcome=outcome)
        found = TimeLost(until, by=by).estimate(cohort, ask).frame
        found = found.filter(pl.col("measure") == "mean time lost")
        mine = found.select("persons", "events", "estimate").to_numpy()
        agree(mine, table[place * len(mine) : (place + 1) * len(mine)], rtol)
    free = until - stored.reshape(-1, len(mine))[1:].sum(axis=0)
    agree(free, stored[: len(mine)], rtol)


def _exposure(cohort):
    return cohort.variables[0].name


def test_left_truncated_competing_risks():
    record = load("abortion_lt_competing")
    cohort, ask = abortion(), Question(exposure="group")
    curve = CumulativeIncidence(start=0.0).estimate(cohort, ask)
    agree_states(curve, record["aj"], ("0", "1"), record.rtol, cohort)
    agree_hazards(cohort, record["aj"], ("0", "1"), "exposure", record.rtol)
    agree_mean_times(cohort, record["aj"], "exposure", record.rtol)
    curve = CumulativeIncidence("complementary", variance="greenwood").estimate(cohort, ask)
    for group in ("0", "1"):
        for number, part in enumerate(states(curve.frame, group)[1:], start=1):
            node = record["etmCIF"][f"group{group}"][f"CIF {number}"]
            times, p = node.column("time"), node.column("P")
            agree(read_at(part, times, "estimate", 0.0), p, record.rtol)
            agree(read_at(part, times, "std_error", 0.0) ** 2, node.column("var"), record.rtol)
            for theirs, mine in (("lower", "conf_low"), ("upper", "conf_high")):
                ours = read_at(part, times, mine, np.nan)
                agree(ours[p > 0], node.column(theirs)[p > 0], record.rtol, what=theirs)
    agree_short(fitted(Cox(), cohort, ask), record["cause_specific"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_degenerate_causes():
    record = load("edge_competing_degenerate")
    follow_up = FollowUp(DAYS, exit="t", event="k", happened=1, competing={2: "other"})
    cohort = cohort_of(toy(k=[1, 0, 2, 1, 0, 2, 1, 0, 2, 1]), follow_up, [])
    curve = CumulativeIncidence(by=None).estimate(cohort, Question(exposure="x"))
    node = record["aj"]["value"]
    parts = states(curve.frame, "all")
    agree(parts[0]["time"].to_numpy(), node["time"], record.rtol)
    estimate = np.column_stack([part["estimate"].to_numpy() for part in parts])
    error = np.column_stack([part["std_error"].to_numpy() for part in parts])
    agree(estimate, node["pstate"].array() if "data" not in node["pstate"] else matrix(
        node["pstate"]), record.rtol)  # fmt: skip
    # R leaves a rounding error where the standard error is exactly 0.
    wanted = matrix(node["se"])
    agree(np.where(wanted < 1e-12, 0.0, error), np.where(wanted < 1e-12, 0.0, wanted), record.rtol)
    agree(estimate.sum(axis=1), np.ones(10), 1e-15)
    only = cohort_of(toy(k=[0, 0, 2, 0, 0, 2, 0, 0, 2, 0]), follow_up, [])
    none = CumulativeIncidence(by=None).estimate(only, Question(exposure="x")).frame
    assert none.filter(pl.col("outcome") == "k")["estimate"].unique().to_list() == [0.0]
    record.finish(CERTIFIES[record.name])


@pytest.mark.parametrize("outcome", ["pcm", "death"])
def test_aalen_variance_and_grays_test(outcome):
    record = load("cuminc_gray_mgus2")
    cohort, place = mgus2(), ("pcm", "death").index(outcome)
    for name, rho, strata in (("tests", 0, ()), ("rho1", 1, ()), ("strata_mgus_age", 0, ("old",))):
        ask = Question(exposure="sex", outcome=outcome, strata=strata)
        found = GrayTest(rho).estimate(cohort, ask)
        mine = [found.statistic, found.p_value, found.df]
        agree(mine, record[name].matrix()[place], record.rtol)
    curve = CumulativeIncidence(variance="aalen").estimate(cohort, Question(exposure="sex"))
    times = np.array([12.0, 60.0, 120.0, 240.0])
    for row, sex in enumerate("FM"):
        part = curve.frame.filter((pl.col("group") == sex) & (pl.col("outcome") == outcome))
        at = 2 * place + row
        agree(read_at(part, times, "estimate", 0.0), record["est"].matrix()[at], record.rtol)
        error = read_at(part, times, "std_error", 0.0)
        agree(error**2, record["var"].matrix()[at], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_one_cause_is_kaplan_meier():
    """Time lost to the one outcome is what the restricted mean leaves of the horizon."""
    cohort = mgus2()
    ask = Question(exposure="sex", outcome="death")
    lost = TimeLost(120.0).estimate(cohort, ask).frame
    other = TimeLost(120.0).estimate(cohort, Question(exposure="sex", outcome="pcm")).frame
    either = cohort.with_frame(
        cohort.frame.with_columns(
            pl.when(pl.col("_event") > 0).then(1).otherwise(0).alias("_event")
        )
    )
    mean = RestrictedMean(120.0).estimate(either, Question(exposure="sex")).frame
    for row in range(2):
        total = lost["estimate"][row] + other["estimate"][row] + mean["estimate"][row]
        assert total == pytest.approx(120.0, rel=1e-13)
