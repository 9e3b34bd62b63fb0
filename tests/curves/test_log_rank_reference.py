"""The log-rank family, restricted means and pseudo-values against R."""

import numpy as np
import polars as pl
import pytest

from analyses import IncidenceRate, KaplanMeier, Question, Robust
from analyses.curves.log_rank import LogRank, PowerWeights
from analyses.curves.pseudo_values import PseudoValues
from analyses.curves.restricted_mean import RestrictedMean, TimeLost
from cohort import Categorical, FollowUp
from cohort.errors import NotEstimableError, QuestionError, UnsupportedError
from tests.curves.compare import agree_table
from tests.reference.cohorts import DAYS, cohort_of, factor, lung, toy
from tests.reference.oracle import agree, agree_vector, data, load

CERTIFIES = {
    "logrank_family_lung": {
        "one_sample*": "in test_rates_reference",
    },
    "logrank_weighted_gastric": {},
    "rmst_lung": {},
    "pseudo_observations_lung": {},
    "edge_strata_degenerate": {
        "mixed*": "a Cox model, certified with the others of its kind",
        "drop*": "a Cox model, certified with the others of its kind",
        "each_own*": "a Cox model, certified with the others of its kind",
        "covariate_constant*": "a Cox model, certified with the others of its kind",
    },
}
SEX = factor("sex", (1, 2))


def agree_test(test, cohort, ask, node, rtol):
    """Persons, observed, expected, their variance, and the test."""
    found = test.estimate(cohort, ask)
    rates = IncidenceRate().estimate(cohort, ask).frame
    counts = rates.group_by("contrast", maintain_order=True).agg(pl.col("persons").sum())
    agree(counts["persons"].to_numpy(), node["n"], 0.0)
    shape = (len(found.groups), -1)
    for column, theirs in (("observed", "obs"), ("expected", "exp")):
        mine = found.frame[column].to_numpy().reshape(shape[::-1]).T
        want = node[theirs]
        want = want.matrix() if "data" in want else want.array().reshape(shape)
        agree(mine, want, rtol, what=theirs)
    variance = node["var"].matrix() if "data" in node["var"] else node["var"].array()
    agree(found.variance, variance, rtol, scale=np.abs(variance).max())
    agree(found.statistic, node["chisq"], rtol)
    agree(found.df, node["df"], 0.0)
    agree(found.p_value, node["p"], rtol)


def test_the_log_rank_family_of_survdiff():
    record = load("logrank_family_lung")
    follow_up = FollowUp(DAYS, exit="futime", event="fustat")
    ovarian = cohort_of(data("ovarian"), follow_up, [factor("rx", (1, 2))])
    agree_test(LogRank(), ovarian, Question(exposure="rx"), record["ovarian"], record.rtol)
    cohort = lung(SEX, factor("ph.ecog", (0, 1, 2, 3)), Categorical("inst"))
    ecog = Question(exposure="`ph.ecog`", missing="complete case")
    agree_test(LogRank(), cohort, ecog, record["lung_ecog"], record.rtol)
    trend = LogRank(scores=(0, 1, 2, 3)).estimate(cohort, ecog)
    mine = [trend.statistic, trend.df, trend.p_value]
    agree(mine, record["trend_scores_0123"], record.rtol)
    for name in record["rho"]:
        test = LogRank(PowerWeights(float(name.removeprefix("rho"))))
        agree_test(test, cohort, Question(exposure="sex"), record["rho"][name], record.rtol)
    within = Question(exposure="sex", strata=("inst",), missing="complete case")
    agree_test(LogRank(), cohort, within, record["stratified_inst"], record.rtol)
    record.finish(CERTIFIES[record.name])


NAMES = {
    "logrank": "log-rank",
    "gehan": "gehan",
    "tarone_ware": "tarone-ware",
    "peto": "peto",
    "peto_modified": "modified peto",
    "FH_1_0": PowerWeights(1),
    "FH_0_1": PowerWeights(0, 1),
    "FH_1_1": PowerWeights(1, 1),
    "FH_.5_.5": PowerWeights(0.5, 0.5),
}


def test_weighted_log_rank_tests():
    record = load("logrank_weighted_gastric")
    gastric = (data("gastric"), "time", "event", "group", (0, 1))
    tongue = (data("km_tongue"), "time", "delta", "type", (1, 2))
    for name, (frame, time, event, group, levels) in (("gastric", gastric), ("tongue", tongue)):
        follow_up = FollowUp(DAYS, exit=time, event=event)
        cohort = cohort_of(frame, follow_up, [factor(group, levels)])
        node = record[name]
        for row, word in zip(node.matrix(), node["rownames"].value, strict=True):
            found = LogRank(NAMES[word]).estimate(cohort, Question(exposure=group))
            away = float((found.frame["observed"] - found.frame["expected"])[1])
            variance = found.variance[1, 1]
            mine = [away, variance, away / variance**0.5, found.statistic, found.p_value]
            agree(mine, row, record.rtol, what=f"{name} {word}")
            if name == "gastric" and word == "FH_1_0":
                agree(found.statistic, record["survdiff_rho1_uses_S_of_t_minus"], record.rtol)
            if name == "gastric" and word == "logrank":
                node_check = record["check_logrank_equals_survdiff"].array()
                agree([found.statistic] * 2, node_check, record.rtol)
    record.finish(CERTIFIES[record.name])


def test_strata_with_a_single_event_or_person():
    record = load("edge_strata_degenerate")
    columns = record["input"]["columns"].value
    cohort = cohort_of(
        pl.DataFrame({name: columns[name] for name in ("t", "d", "x", "s")}),
        FollowUp(DAYS, exit="t", event="d"),
        [factor("x", (0, 1)), Categorical("s")],
    )
    within = Question(exposure="x", strata=("s",))
    agree_test(LogRank(), cohort, within, record["logrank_strata"]["logrank"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_restricted_means():
    record = load("rmst_lung")
    cohort, ask = lung(SEX), Question(exposure="sex")
    frame = RestrictedMean(365.0).estimate(cohort, ask).frame
    table = record["table_tau365"].matrix()
    agree(frame["estimate"][:2].to_numpy(), table[:, 4], record.rtol)
    agree(frame["std_error"][:2].to_numpy(), table[:, 5], record.rtol)
    difference = frame.row(2, named=True)
    names = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
    agree([difference[name] for name in names], record["difference"], record.rtol)
    ratio = frame.row(3, named=True)
    names = ("estimate", "conf_low", "conf_high")
    agree([ratio[name] for name in names], record["ratio_log_delta"], record.rtol)
    lost = TimeLost(365.0).estimate(cohort, ask).frame
    agree(lost["estimate"][:2].to_numpy(), record["rmtl"], record.rtol)
    agree(lost["std_error"][:2].to_numpy(), table[:, 5], record.rtol)
    for name in record["first_principles"]:
        until = float(name.removeprefix("tau"))
        frame = RestrictedMean(until).estimate(cohort, ask).frame
        mine = np.column_stack((frame["estimate"][:2], frame["std_error"][:2].to_numpy() ** 2))
        agree(mine, record["first_principles"][name].matrix(), record.rtol)
    agree_table(KaplanMeier(), cohort, ask, record["rmean_option"]["common"], record.rtol)
    # R's table without a mean has the same counts and medians.
    whole, without = record["rmean_option"]["common"], record["rmean_option"]["none"]
    kept = [whole["colnames"].value.index(name) for name in without["colnames"].value]
    agree(whole.matrix()[:, kept], without.matrix(), 0.0)
    individual = record["rmean_option"]["individual"].matrix()
    for row, sex in enumerate((1, 2)):
        mine = cohort.restrict(f"sex = {sex}", "one sex")
        last = float(mine.frame["_exit"].max())
        frame = RestrictedMean(last).estimate(mine, ask).frame
        agree([frame["estimate"][0], frame["std_error"][0]], individual[row, 4:6], record.rtol)
        agree(np.delete(individual[row], [4, 5]), np.delete(whole.matrix()[row], [4, 5]), 0.0)
    record.finish(CERTIFIES[record.name])


def test_pseudo_values():
    record = load("pseudo_observations_lung")
    cohort, ask = lung(SEX), Question(exposure="sex")

    def by_row(**settings):
        found = PseudoValues(**settings).estimate(cohort, ask)
        table = found["pseudo_value"].to_numpy().reshape(228, -1)
        return table[cohort.frame["_person"].to_numpy()]

    survival = by_row(times=(180, 365))
    for place, name in enumerate(record["pseudo_surv"]):
        agree_vector(survival[:, place], record["pseudo_surv"][name], record.rtol)
    true = by_row(times=(180, 365), jackknife="leave-one-out")
    agree(true[:40], record["true_jackknife_first40"].matrix(), record.rtol, scale=1.0)
    mean = by_row(times=(365,), quantity="restricted mean")
    agree_vector(mean[:, 0], record["pseudo_rmst365"], record.rtol)
    x = np.column_stack((np.ones(228), cohort.frame["sex"].to_numpy()))
    solved = np.linalg.inv(x.T @ x)
    beta = solved @ x.T @ survival[:, 1]
    spread = x * (survival[:, 1] - x @ beta)[:, None]
    error = np.sqrt((solved @ spread.T @ spread @ solved)[1, 1])
    agree([*beta, error], record["mean_by_sex"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_a_held_curve_is_said():
    """Nobody is followed to 2,000 days: the mean holds the curve level, and its row says so."""
    frame = RestrictedMean(2000.0).estimate(lung(SEX), Question(exposure="sex")).frame
    assert all("held level" in note for note in frame["note"])
    assert (
        RestrictedMean(365.0).estimate(lung(SEX), Question(exposure="sex")).frame["note"].to_list()
        == [None] * 4
    )


def toys(frame, *variables, **facts):
    return cohort_of(frame, FollowUp(DAYS, exit="t", event="d"), variables, **facts)


def test_what_a_log_rank_test_refuses():
    x = factor("x", (0, 1))
    ask = Question(exposure="x")
    with pytest.raises(UnsupportedError, match="without weights and clusters"):
        LogRank().estimate(toys(toy(w=[1.0, 2.0] * 5), x, weight="w"), ask)
    with pytest.raises(NotEstimableError, match="single level"):
        LogRank().estimate(toys(toy(x=[1] * 10), x), ask)
    with pytest.raises(QuestionError, match="one number for each of the 2 levels"):
        LogRank(scores=(1.0, 2.0, 3.0)).estimate(toys(toy(), x), ask)
    with pytest.raises(QuestionError, match="0 or more"):
        PowerWeights(-1.0)
    with pytest.raises(QuestionError, match="expected 'log-rank'"):
        LogRank("wilcoxon")
    # One level leaves before the other enters: nothing to compare.
    apart = pl.DataFrame(
        {"s": [0.0, 0, 5, 5], "t": [1.0, 2, 6, 7], "d": [1] * 4, "x": [0, 0, 1, 1]}
    )
    cohort = cohort_of(apart, FollowUp(DAYS, entry="s", exit="t", event="d"), [x])
    with pytest.raises(NotEstimableError, match="at risk together"):
        LogRank().estimate(cohort, ask)


def test_settings_of_means_and_pseudo_values():
    for wrong in (
        lambda: RestrictedMean(0.0),
        lambda: RestrictedMean(np.inf),
        lambda: RestrictedMean(5.0, start=6.0),
        lambda: TimeLost(5.0, conf_level=1.0),
        lambda: PseudoValues(()),
        lambda: PseudoValues((1.0,), "median"),
        lambda: PseudoValues((1.0,), jackknife="bootstrap"),
    ):
        with pytest.raises(QuestionError, match="expected"):
            wrong()


def test_robust_mean_of_clusters_by_hand():
    """Two women in two groups each: clusters reach across groups, and the difference knows it."""
    frame = pl.DataFrame(
        {
            "person": list("abcdef"),
            "woman": [1, 2, 3, 1, 2, 3],
            "t": [1.0, 2.0, 4.0, 2.0, 3.0, 4.0],
            "d": [1, 1, 0, 1, 1, 0],
            "x": [0, 0, 0, 1, 1, 1],
        }
    )
    cohort = cohort_of(
        frame,
        FollowUp(DAYS, exit="t", event="d"),
        [factor("x", (0, 1))],
        person="person",
        cluster="woman",
    )
    found = RestrictedMean(4.0).estimate(cohort, Question(exposure="x")).frame
    # Without censoring before the horizon a mean is a mean, and its influence is (t - mean) / n.
    a, b = np.array([1.0, 2, 4]), np.array([2.0, 3, 4])
    of_a, of_b = (a - a.mean()) / 3, (b - b.mean()) / 3
    assert [np.linalg.norm(of_a), np.linalg.norm(of_b)] == pytest.approx(
        found["std_error"][:2].to_list(), rel=1e-13
    )
    assert np.linalg.norm(of_b - of_a) == pytest.approx(found["std_error"][2], rel=1e-13)
    alone = RestrictedMean(4.0, variance=Robust(), by=None).estimate(cohort, Question(exposure="x"))
    assert alone.frame["variance"].to_list() == ["robust"]
