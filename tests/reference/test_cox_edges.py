"""Cox regression at its edges: what R does with bad or degenerate input, and what ours does.

Where R warns, drops or guesses, ours raises or says so in a note; where R gives a number that
means something, ours gives the same one.
"""

import math

import numpy as np
import polars as pl
import pytest

from analyses import Cox, ModelBased, Question, Robust
from analyses.cox import residuals as residual
from cohort import Binary, FollowUp
from cohort.errors import FollowUpError, NotEstimableError, QuestionError, SchemaError
from tests.reference.cohorts import DAYS, cohort_of, factor, lung, numeric, toy
from tests.reference.fits import agree_short, by_terms, fitted
from tests.reference.oracle import agree, agree_vector, data, load

EARLY = 1e-6
"""For fits that this file lets R stop early: its default tolerance, not the optimum."""
NOT_THE_COX_CORE = "Kaplan-Meier or log-rank, not a Cox model"
RAISES = "R gives a number where ours raises an error with the reason"
CERTIFIES = {
    "edge_monotone_likelihood": {
        "*.coef*": "infinite",
        "*.se*": "infinite",
        "*.vcov*": "infinite",
        "iter_max_5*": "no limit of iterations is offered",
    },
    "edge_collinear_constant": {"predict_lp_first5*": "a linear predictor is not offered"},
    "edge_no_events_all_censored": {
        "*all_censored*": RAISES,
        "*logrank*": NOT_THE_COX_CORE,
        "km_*": NOT_THE_COX_CORE,
        "null_model*": "a model without an exposure answers no question",
    },
    "edge_scale_and_timefix": {
        "x_times_1e6*": "R stops at 3e-6 of its coefficient here; compared with R's base",
        "jitter_1e9_timefix_FALSE*": "times that differ by rounding are always merged",
        "km_*": NOT_THE_COX_CORE,
        "float_ties*": NOT_THE_COX_CORE,
    },
    "edge_missing_values": {
        "km_*": NOT_THE_COX_CORE,
        "na_weight*": RAISES,
        "na_status*": RAISES,
        "na_exclude_resid_len": "residuals are those of the complete records",
    },
    "edge_status_coding": {
        "all_*": "R reads a constant 1 or 2 as events for all; ours raises unless declared",
        "zero_one_two*": "R sets a third code aside in silence; ours raises",
        "minus_one*": "R sets -1 aside in silence; ours counts it as declared",
    },
    "edge_time_zero_entry_exit": {
        "*km*": NOT_THE_COX_CORE,
        "negative_time*": RAISES,
        "entry_eq_exit*": RAISES,
        "entry_gt_exit*": RAISES,
        "na_time*": RAISES,
        "inf_time*": RAISES,
    },
    "edge_weights_negative_zero": {
        "km_*": NOT_THE_COX_CORE,
        "glm*": "not a Cox model",
        "cox_zero*": "R refuses a weight of 0",
    },
    "edge_factor_levels": {"strata_unused_level*": NOT_THE_COX_CORE},
    "edge_strata_degenerate": {"logrank*": NOT_THE_COX_CORE},
    "edge_heavy_ties": {"discrete_logit*": "discrete-time logistic regression is not built"},
    "edge_cluster_robust_small": {},
}


def complete_case(exposure, adjusted=(), **roles):
    return Question(
        exposure=exposure, adjustments={"model": adjusted}, missing="complete case", **roles
    )


def toys(frame, *variables, entry=None, **facts):
    return cohort_of(frame, FollowUp(DAYS, entry=entry, exit="t", event="d"), variables, **facts)


def test_monotone_likelihood():
    record = load("edge_monotone_likelihood")
    frame = toy(x=[1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    nobody = ((pl.col("x") == 0) & (pl.col("d") == 0)).cast(pl.Int64).alias("nobody")
    cohort = toys(frame.with_columns(nobody), *numeric("x", "z", "nobody"))
    cases = {
        "default": (Cox(), "x", []),
        "two_cov": (Cox(), "x", ["z"]),
        "breslow": (Cox(ties="breslow"), "x", []),
        "zero_events_in_group": (Cox(), "nobody", []),
    }
    for key, (cox, exposure, adjusted) in cases.items():
        stored = record[key]
        assert "may be infinite" in str(stored["warnings"].read())
        one = fitted(cox, cohort, complete_case(exposure, adjusted))
        row = one.rows.row(0, named=True)
        assert row["estimate"] is row["conf_low"] is row["conf_high"] is row["std_error"] is None
        assert "monotone" in row["note"]
        assert f"'{exposure}'" in row["note"]
        fit = one.fit
        at_zero, limit = stored["fit"]["loglik"].array()
        agree(fit.log_likelihood, limit, 1e-7, what=key)
        agree(fit.log_likelihood_at_zero, at_zero, record.rtol)
        agree(fit.score_test.statistic, stored["fit"]["score_test"], record.rtol)
        assert np.sign(fit.beta[fit.names.index(exposure)]) == (1 if exposure == "x" else -1)
        assert stored["fit"]["n"].number() == fit.given.size
        assert stored["fit"]["nevent"].number() == fit.given.event.sum()
        assert stored["fit"]["n_dropped_missing"].number() == row["dropped"]
        with pytest.raises(NotEstimableError, match="monotone"):
            _ = Cox().estimate(cohort, complete_case("x")).estimate
    record.finish(CERTIFIES[record.name])


def test_collinear_and_constant():
    record = load("edge_collinear_constant")
    table = data("lung").with_columns(
        (pl.col("age") * 2).alias("age2"), pl.lit(1).alias("one"), pl.col("sex").alias("copy"),
        (pl.col("age") + 1e-9 * pl.col("sex")).alias("nearly"),
    )  # fmt: skip
    cohort = lung(*numeric("age", "age2", "one", "copy", "sex", "nearly"), frame=table)
    cases = {
        "collinear": ("sex", ["age", "age2"], ["age", "age2", "sex"]),
        "constant": ("one", ["age"], ["age", "one"]),
        "duplicate": ("copy", ["sex"], ["sex", "copy"]),
        "near_collinear_1e_9": ("nearly", ["age"], ["age", "nearly"]),
        "only_constant": ("one", [], ["one"]),
    }
    for key, (exposure, adjusted, names) in cases.items():
        one = fitted(Cox(), cohort, complete_case(exposure, adjusted), names)
        agree_short(one, record[key]["fit"], EARLY)
        row = one.rows.row(0, named=True)
        if exposure != "sex":
            assert row["estimate"] is None
            assert "aliased" in row["note"]
    both = fitted(Cox(), cohort, complete_case("sex", ["age", "age2"]), ["age", "age2", "sex"])
    covariance = both.fit.covariance[np.ix_(both.order, both.order)]
    agree(covariance, record["vcov_with_NA_coef"].matrix(), EARLY, 1e-4)
    estimable = [0, 2]
    theirs = record["vcov_complete_FALSE"].matrix()
    agree(covariance[np.ix_(estimable, estimable)], theirs, EARLY, 1e-4)
    record.finish(CERTIFIES[record.name])


def test_no_events_and_few():
    record = load("edge_no_events_all_censored")
    with pytest.raises(NotEstimableError, match="needs events"):
        Cox().estimate(toys(toy(d=[0] * 10), *numeric("x")), complete_case("x"))
    with pytest.raises(SchemaError, match="no records"):
        toys(toy()[:0], *numeric("x"))
    lonely = Cox().estimate(toys(toy()[:1], *numeric("x")), complete_case("x"))
    assert lonely.frame["estimate"][0] is None
    assert "aliased" in lonely.frame["note"][0]
    fourth = [int(t == 4) for t in range(1, 11)]
    tied = toys(toy(t=[3.0] * 10), *numeric("z"))
    cases = {
        "one_event": (Cox(), toys(toy(d=fourth), *numeric("z"))),
        "all_events_same_time_efron": (Cox(), tied),
        "all_events_same_time_breslow": (Cox(ties="breslow"), tied),
        "all_events_same_time_exact": (Cox(ties="exact"), tied),
    }
    for key, (cox, cohort) in cases.items():
        agree_short(fitted(cox, cohort, complete_case("z")), record[key]["fit"], EARLY)
    record.finish(CERTIFIES[record.name])


def veterans(**columns):
    table = data("veteran").with_columns([value.alias(name) for name, value in columns.items()])
    follow_up = FollowUp(DAYS, exit="time", event="status")
    return cohort_of(table, follow_up, numeric("x" if "x" in columns else "karno"))


def test_scale_of_covariates_and_time():
    record = load("edge_scale_and_timefix")
    base = fitted(Cox(), veterans(), complete_case("karno"))
    agree_short(base, record["base"], record.rtol)
    karno = pl.col("karno")
    factors = {"x_div_1e6": 1e-6, "x_plus_1e6": 1.0, "x_plus_1e9": 1.0, "year_of_birth_like": 1.0}
    columns = {
        "x_div_1e6": karno / 1e6,
        "x_plus_1e6": karno + 1e6,
        "x_plus_1e9": karno + 1e9,
        "year_of_birth_like": karno + 20260101,
    }
    for key, column in columns.items():
        one = fitted(Cox(), veterans(x=column), complete_case("x"))
        agree_short(one, record[key]["fit"], record.rtol)
        assert one.fit.beta[0] * factors[key] == pytest.approx(base.fit.beta[0], rel=1e-12)
    large = fitted(Cox(), veterans(x=karno * 1e6), complete_case("x"))
    assert large.fit.beta[0] * 1e6 == pytest.approx(base.fit.beta[0], rel=1e-12)
    assert large.fit.std_error[0] * 1e6 == pytest.approx(base.fit.std_error[0], rel=1e-12)
    jitter = pl.col("time") + 1e-9 * pl.int_range(1, pl.len() + 1)
    shaken = veterans(time=jitter)
    assert shaken.provenance.merged_times > 0
    one = fitted(Cox(), shaken, complete_case("karno"))
    agree_short(one, record["jitter_1e9_timefix_TRUE"]["fit"], record.rtol)
    one = fitted(Cox(), veterans(time=pl.col("time") / 1e6), complete_case("karno"))
    agree_short(one, record["time_scale_1e_6"]["fit"], record.rtol)
    offsets = {
        "offset_500": pl.lit(500.0),
        "offset_pm_300": pl.when(pl.col("trt") == 1).then(300.0).otherwise(-300.0),
    }
    for key, offset in offsets.items():
        table = data("veteran").with_columns(offset.alias("known"))
        follow_up = FollowUp(DAYS, exit="time", event="status")
        cohort = cohort_of(table, follow_up, numeric("karno"), offset="known")
        one = fitted(Cox(), cohort, complete_case("karno"))
        agree_short(one, record[key]["fit"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_missing_values():
    record = load("edge_missing_values")
    terms = ["meal.cal", "wt.loss"]
    cohort = lung(*numeric(*terms))
    models = by_terms(Cox(), cohort, terms)
    agree_short(models["wt.loss"], record["omit"]["fit"], record.rtol)
    one = fitted(Cox(), cohort, complete_case("meal.cal"))
    assert residual.martingale(one.fit).size == record["na_omit_resid_len"].number()
    with pytest.raises(SchemaError, match=r"missing by variable: 'meal\.cal' 47"):
        Cox().estimate(cohort, Question(exposure="meal.cal"))
    table = data("lung")
    row = pl.int_range(pl.len())
    lost = table.with_columns(pl.when(row == 2).then(None).otherwise("status").alias("status"))
    with pytest.raises(FollowUpError, match="row 3"):
        lung(*numeric("age"), frame=lost)
    weight = pl.when(row == 4).then(None).otherwise(1.0).alias("w")
    with pytest.raises(SchemaError, match="row 5"):
        lung(*numeric("age"), frame=table.with_columns(weight), weight="w")
    inst = factor("inst", tuple(range(1, 34)))
    one = fitted(Cox(), lung(*numeric("age"), inst), complete_case("age", strata=("inst",)))
    agree_short(one, record["na_strata"]["fit"], record.rtol)
    age = pl.col("age").cast(pl.Float64)
    strange = table.with_columns(pl.when(row == 1).then(math.nan).otherwise(age).alias("age"))
    one = fitted(Cox(), lung(*numeric("age"), frame=strange), complete_case("age"))
    agree_short(one, record["nan_covariate"]["fit"], record.rtol)
    endless = table.with_columns(pl.when(row == 1).then(math.inf).otherwise(age).alias("age"))
    with pytest.raises(SchemaError, match="infinite"):
        lung(*numeric("age"), frame=endless)
    nothing = table.with_columns(pl.lit(None, dtype=pl.Float64).alias("age"))
    with pytest.raises(SchemaError, match="no record is complete"):
        Cox().estimate(lung(*numeric("age"), frame=nothing), complete_case("age"))
    record.finish(CERTIFIES[record.name])


def test_status_coding():
    record = load("edge_status_coding")
    table = data("lung")
    codings = {
        "one_two": (pl.col("status"), 2),
        "zero_one": (pl.col("status") - 1, None),
        "logical": (pl.col("status") == 2, None),
        "minus_one": (pl.when(pl.col("status") == 2).then(1).otherwise(-1), 1),
        "text": (pl.col("status").cast(pl.String), "2"),
    }
    expected = record["one_two"]["value"]
    for key, (coding, happened) in codings.items():
        follow_up = FollowUp(DAYS, exit="time", event="code", happened=happened)
        cohort = cohort_of(table.with_columns(coding.alias("code")), follow_up, numeric("age"))
        assert cohort.events == expected["nevent"].number()
        beta = Cox().estimate(cohort, complete_case("age")).fits[0].beta[0]
        agree(beta, expected["coef"], EARLY, what=key)
        if key in ("one_two", "zero_one", "logical"):
            agree(beta, record[key]["value"]["coef"], EARLY)
            assert record[key]["value"]["nevent"].number() == cohort.events
    # Coded 1/2 without saying which means the outcome is refused, where R guesses.
    undeclared = FollowUp(DAYS, exit="time", event="status")
    with pytest.raises(SchemaError, match="no coding is guessed"):
        cohort_of(table, undeclared, numeric("age"))
    record.finish(CERTIFIES[record.name])


def test_time_zero_entry_and_exit():
    record = load("edge_time_zero_entry_exit")
    at_zero = toys(toy(t=[0.0, *range(2, 11)]), *numeric("x"))
    one = fitted(Cox(), at_zero, complete_case("x"))
    agree_short(one, record["event_at_zero_cox"]["fit"], record.rtol)
    with pytest.raises(FollowUpError, match="negative exit"):
        toys(toy(t=[-1.0, *range(2, 11)]), *numeric("x"))
    for entry in (3.0, 3.5):
        late = toy(s=[0.0, 0.0, entry, *[0.0] * 7])
        with pytest.raises(FollowUpError, match="row 3"):
            toys(late, *numeric("x"), entry="s")
    for wrong in (None, math.inf):
        with pytest.raises(FollowUpError, match="row 2"):
            toys(toy(t=[1.0, wrong, *range(3, 11)]), *numeric("x"))
    everyone = fitted(Cox(), toys(toy(), *numeric("x")), complete_case("x"))
    agree_short(everyone, record["entry_neg_inf"]["fit"], record.rtol)
    tied = toys(toy(s=[0.0] * 4 + [4.0] + [0.0] * 5), *numeric("x"), entry="s")
    one = fitted(Cox(), tied, complete_case("x"))
    agree_short(one, record["entry_tied_with_event"]["fit"], record.rtol)
    record.finish(CERTIFIES[record.name])


def ovarian(weight=None):
    table = data("ovarian")
    if weight is not None:
        table = table.with_columns(pl.Series("w", weight))
    follow_up = FollowUp(DAYS, exit="futime", event="fustat")
    facts = {} if weight is None else {"weight": "w"}
    return cohort_of(table, follow_up, numeric("age", "rx"), **facts)


def test_negative_and_zero_weights():
    record = load("edge_weights_negative_zero")
    ones = np.ones(26)
    for wrong in (-1.0, math.nan, math.inf):
        weight = ones.copy()
        weight[2] = wrong
        with pytest.raises(SchemaError, match="row 3"):
            ovarian(weight)
    weight = ones.copy()
    weight[2] = 0.0
    dropped = ovarian(weight)
    assert dropped.steps[-1].reason == "sampling weight 0"
    assert dropped.steps[-1].persons == 25
    with pytest.raises(SchemaError, match="are 0"):
        ovarian(0 * ones)
    question = complete_case("age")
    heavy = fitted(Cox(variance=ModelBased()), ovarian(1e6 * ones), question)
    agree_short(heavy, record["cox_scaled_1e6"]["fit"], record.rtol)
    heavy = fitted(Cox(), ovarian(1e6 * ones), question)
    agree_short(heavy, record["cox_scaled_1e6_robust"]["fit"], record.rtol)
    agree_short(
        fitted(Cox(), ovarian(ones), question), record["cox_unit_robust"]["fit"], record.rtol
    )
    record.finish(CERTIFIES[record.name])


def test_factor_levels():
    record = load("edge_factor_levels")
    levels = (0, 1, 2, 3, 4)
    f = factor("f", levels, column="ph.ecog")
    table = data("lung").with_columns(
        (pl.col("age") > 80).cast(pl.Int64).alias("old"),
        (pl.col("age") > 65).alias("over65"),
        pl.when(pl.col("sex") == 1).then(pl.lit("male")).otherwise(pl.lit("female")).alias("ch"),
    )
    cohort = lung(f, *numeric("old", "sex"), frame=table)
    names = [f"f {k}" for k in levels[1:]]
    one = fitted(Cox(), cohort, complete_case("f"), names)
    agree_short(one, record["unused_level"]["fit"], record.rtol)
    assert one.rows["estimate"].null_count() == 1
    assert "aliased" in one.rows["note"][3]
    same = lung(f, frame=table.filter(pl.col("ph.ecog") == 1))
    one = fitted(Cox(), same, complete_case("f"), names)
    agree_short(one, record["single_level"]["fit"], record.rtol)
    assert one.rows["estimate"].null_count() == 4
    single = lung(factor("g", (1,), column="ph.ecog"), frame=table.filter(pl.col("ph.ecog") == 1))
    with pytest.raises(QuestionError, match="single level"):
        Cox().estimate(single, complete_case("g"))
    both = complete_case("old", modifiers=("f",))
    names = [*names, "old", *(f"old:f {k}" for k in levels[1:])]
    one = fitted(Cox(), cohort, both, names, model=1)
    agree_short(one, record["empty_cell_interaction"]["fit"], record.rtol)
    sexes = lung(factor("ch", ("female", "male")), frame=table)
    agree_short(fitted(Cox(), sexes, complete_case("ch")), record["character"]["fit"], record.rtol)
    older = lung(Binary("over65"), frame=table)
    agree_short(
        fitted(Cox(), older, complete_case("over65")), record["logical"]["fit"], record.rtol
    )
    with pytest.raises(SchemaError, match="none of the 2 levels"):
        lung(factor("f", (0, 1), column="ph.ecog"), frame=table)
    polynomial(record["ordered"]["fit"], record.rtol)
    record.finish(CERTIFIES[record.name])


def polynomial(stored, rtol):
    """R's contrasts of an ordered factor: linear, quadratic, cubic, in steps from the first."""
    cohort = lung(factor("f", (0, 1, 2, 3), column="ph.ecog"))
    one = fitted(Cox(), cohort, complete_case("f"), ["f 1", "f 2", "f 3"])
    q, _ = np.linalg.qr(np.vander([-1.5, -0.5, 0.5, 1.5], increasing=True))
    contrasts = q[:, 1:] * np.sign(q[-1, 1:])
    steps = np.linalg.inv(contrasts[1:] - contrasts[0])
    se = stored["se"].array()
    agree(steps @ one.fit.beta[one.order], stored["coef"], rtol, se)
    ours = steps @ one.fit.covariance[np.ix_(one.order, one.order)] @ steps.T
    agree(np.sqrt(np.diag(ours)), se, rtol)
    agree(ours, stored["vcov"].matrix(), rtol, np.outer(se, se))
    agree(one.fit.log_likelihood, stored["loglik"].array()[1], rtol)
    agree(one.fit.score_test.statistic, stored["score_test"], rtol)
    assert one.fit.given.size == stored["n"].number()
    assert one.fit.given.event.sum() == stored["nevent"].number()
    assert one.rows["dropped"][0] == stored["n_dropped_missing"].number()


def test_degenerate_strata():
    record = load("edge_strata_degenerate")
    strata = [1, 1, 1, 1, 1, 2, 2, 2, 3, 4]
    frame = toy(s=strata, twice=[2 * s for s in strata])
    s = factor("s", (1, 2, 3, 4))
    cohort = toys(frame, s, *numeric("z", "twice"))
    question = complete_case("z", strata=("s",))
    agree_short(fitted(Cox(), cohort, question), record["mixed"]["fit"], record.rtol)
    fewer = toys(frame.filter(pl.col("s") < 3), s, *numeric("z"))
    agree_short(fitted(Cox(), fewer, question), record["drop_singletons_same"]["fit"], record.rtol)
    each = factor("each", tuple(range(1, 11)))
    alone = toys(toy(each=list(range(1, 11))), each, *numeric("z"))
    one = fitted(Cox(), alone, complete_case("z", strata=("each",)))
    assert one.rows["estimate"][0] is None
    assert "aliased" in one.rows["note"][0]
    assert one.fit.log_likelihood == 0
    record["each_own"].read()
    constant = complete_case("z", ["twice"], strata=("s",))
    one = fitted(Cox(), cohort, constant, ["twice", "z"])
    agree_short(one, record["covariate_constant_within_strata"]["fit"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_heavy_ties():
    record = load("edge_heavy_ties")
    years = ((pl.col("futime") + 1) / 12).ceil()
    table = data("mgus2").with_columns(years.alias("y"), (years / 5).ceil().alias("y5"))
    sex = factor("sex", ("F", "M"))
    question = complete_case("sex", ["age"])
    names = ["age", "sex M"]
    for time in ("y", "y5"):
        cohort = cohort_of(table, FollowUp(DAYS, exit=time, event="death"), [sex, *numeric("age")])
        for ties in ("breslow", "efron"):
            stored = record[f"{time}_{ties}"]
            one = fitted(Cox(ties=ties), cohort, question, names)
            agree_short(one, stored, record.rtol)
            agree_vector(residual.martingale(one.fit), stored["martingale"], record.rtol)
            for place, column in enumerate(residual.dfbeta(one.fit).T):
                agree_vector(column, stored["dfbeta"][f"V{place + 1}"], record.rtol)
    first = cohort_of(table[:200], FollowUp(DAYS, exit="y", event="death"), [sex, *numeric("age")])
    one = fitted(Cox(ties="exact"), first, question, names)
    agree_short(one, record["y_exact"]["fit"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_few_clusters():
    record = load("edge_cluster_robust_small")
    names = ["age", "rx"]
    robust = Cox(variance=Robust())
    question = complete_case("rx", ["age"])
    for key in ("per_row", "robust_TRUE_same"):
        agree_short(fitted(robust, ovarian(), question, names), record[key], record.rtol)
    assert "26 independent units" in fitted(robust, ovarian(), question).rows["note"][0]
    table = data("ovarian").with_columns(
        pl.Series("two", [1, 2] * 13),
        pl.Series("cross", [*range(1, 14)] * 2),
        pl.lit(1).alias("one"),
    )
    follow_up = FollowUp(DAYS, exit="futime", event="fustat")
    variables = [*numeric("age", "rx"), factor("arm", (1, 2), column="rx")]
    two = fitted(Cox(), cohort_of(table, follow_up, variables, cluster="two"), question, names)
    agree_short(two, record["two_clusters"]["fit"], record.rtol)
    assert "only 2 independent units" in two.rows["note"][0]
    crossed = cohort_of(table, follow_up, variables, cluster="cross")
    one = fitted(Cox(), crossed, complete_case("age", strata=("arm",)))
    agree_short(one, record["cross_strata"]["fit"], record.rtol)
    alone = fitted(Cox(), cohort_of(table, follow_up, variables, cluster="one"), question)
    # R stops with an error; the sum of all influence is 0, and so must never pass for a variance.
    assert "logical subscript" in str(record["one_cluster"]["error"].read())
    assert alone.rows["std_error"][0] is None or "only 1" in alone.rows["note"][0]
    record.finish(CERTIFIES[record.name])
