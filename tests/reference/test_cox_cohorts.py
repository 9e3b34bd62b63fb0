"""Cox models of R's cohorts: late entry, strata, clusters, recurrent events, time-varying values.

Every number that R's survival 3.5-3 printed is compared, but for the patterns of `CERTIFIES`.
"""

import numpy as np
import polars as pl

from analyses import Cox, ModelBased, Question, Robust
from analyses.cox import residuals as residual
from analyses.cox.baseline import Stretch, cumulative_hazard
from analyses.cox.prediction import predicted_survival
from cohort import FollowUp, TimeScale, split
from tests.reference.cohorts import DAYS, ROW, cohort_of, factor, numeric
from tests.reference.fits import (
    agree_fit,
    agree_model,
    agree_rows,
    agree_short,
    agree_zph,
    by_terms,
    fitted,
)
from tests.reference.oracle import agree, agree_vector, data, load

AGE = TimeScale("age", "years")
CERTIFIES = {
    "cox_pbc_age_scale": {},
    "cox_pbc_mayo": {
        "curves.*.n_risk*": "a predicted curve counts those at risk at its own times",
        "curve_types.*n_risk*": "a predicted curve counts those at risk at its own times",
        "curve_types.stype1*": "an Efron fit has Efron's hazard and its exponential",
        "curve_types.stype2_ctype1*": "an Efron fit has Efron's hazard, not Nelson's",
    },
    "cox_mgus2_age_scale_sex_strata": {},
    "cox_retinopathy_cluster": {},
    "cox_heart_timedep": {
        "timedep_curve.n_risk*": "a curve along a path of covariates counts nobody",
        "timedep_curve.std*": "too small in this R (survival 3.8-0, #282)",
        "timedep_curve.lower*": "made of that standard error",
        "timedep_curve.upper*": "made of that standard error",
    },
    "cox_bladder_recurrent": {},
    "cox_ovarian_small": {
        "predict.terms*": "contributions of single terms are not offered",
        "predict.risk.se*": "R's is the standard error times the root of the risk",
    },
    "cox_pbcseq_tmerge": {"tmerge_counts*": "what R's merge of two tables met on its way"},
    "cox_lung_survsplit_tt": {},
    "cox_veteran_zph": {},
    "cox_nwtco_full": {},
}


def complete_case(exposure, adjusted=(), **roles):
    return Question(
        exposure=exposure, adjustments={"model": adjusted}, missing="complete case", **roles
    )


def test_pbc_on_the_age_scale():
    record = load("cox_pbc_age_scale")
    pbc = data("pbc").with_columns((pl.col("age") + pl.col("time") / 365.25).alias("until"))
    follow_up = FollowUp(
        AGE, entry="age", exit="until", event="status", happened=2, competing={1: "transplant"}
    )
    sex = factor("sex", ("m", "f"))
    cohort = cohort_of(pbc, follow_up, [sex, *numeric("bili", "stage")])
    for ties in ("efron", "breslow"):
        models = by_terms(Cox(ties=ties), cohort, ["sex", "log(bili)", "stage"])
        agree_model(models, record[ties], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_pbc_mayo():
    record = load("cox_pbc_mayo")
    terms = ["age", "edema", "log(bili)", "log(albumin)", "log(protime)"]
    follow_up = FollowUp(DAYS, exit="time", event="status", happened=2, competing={1: "transplant"})
    names = ["age", "edema", "bili", "albumin", "protime"]
    cohort = cohort_of(data("pbc"), follow_up, numeric(*names))
    models = by_terms(Cox(), cohort, terms)
    agree_model(models, record.results, record.rtol)
    question = complete_case(terms[-1], terms[:-1])
    estimates = Cox().estimate(cohort, question)
    at = {
        "mild": dict(zip(names, (40.0, 0.0, 1.0, 3.5, 10.0), strict=True)),
        "severe": dict(zip(names, (60.0, 1.0, 5.0, 3.0, 12.0), strict=True)),
    }
    for kind in record["curves"]:
        curve = predicted_survival(
            cohort, question, estimates, model="model", at=at, conf_type=kind
        )
        agree_curves(curve.frame, record["curves"][kind], record.rtol)
        if kind == "log":
            stored = record["curve_types"]["stype2_ctype2"]
            agree_curves(curve.frame, stored, record.rtol)
    record.finish(CERTIFIES[record.name])


def agree_curves(frame, stored, rtol):
    """Predicted curves, a column each, at times where the last event before them counts."""
    times = stored["time"].array()
    columns = {"surv": "estimate", "std_err_surv": "std_error"}
    columns |= {"lower": "conf_low", "upper": "conf_high"}
    for place, group in enumerate(frame["group"].unique(maintain_order=True)):
        mine = frame.filter(pl.col("group") == group)
        last = np.searchsorted(mine["time"].to_numpy(), times, side="right") - 1
        for theirs, ours in columns.items():
            values = mine[ours].to_numpy()[last]
            what = f"{stored.name} {theirs}"
            # R's logit limits lose digits below 1e-8 in taking them from 1.
            agree(values, stored[theirs].matrix()[:, place], rtol, 1e-6, what=what)
        hazard = -np.log(mine["estimate"].to_numpy()[last])
        agree(hazard, stored["cumhaz"].matrix()[:, place], rtol, 1.0)
        error = (mine["std_error"] / mine["estimate"]).to_numpy()[last]
        agree(error, stored["std_chaz"].matrix()[:, place], rtol)


def test_mgus_on_the_age_scale_by_sex():
    record = load("cox_mgus2_age_scale_sex_strata")
    mgus = data("mgus2").with_columns((pl.col("age") * 12).alias("from"))
    stay = pl.when(pl.col("futime") == 0).then(0.1).otherwise(pl.col("futime"))
    mgus = mgus.with_columns((pl.col("from") + stay).alias("until"))
    scale = TimeScale("age", "months")
    follow_up = FollowUp(scale, entry="from", exit="until", event="death")
    terms = ["hgb", "creat", "mspike"]
    cohort = cohort_of(mgus, follow_up, [*numeric(*terms), factor("sex", ("F", "M"))])
    agree_model(by_terms(Cox(), cohort, terms, strata=["sex"]), record.results, record.rtol)
    record.finish(CERTIFIES[record.name])


def test_retinopathy():
    record = load("cox_retinopathy_cluster")
    follow_up = FollowUp(TimeScale("time since laser", "months"), exit="futime", event="status")
    kind = factor("type", ("juvenile", "adult"))
    pair = factor("pair", tuple(data("retinopathy")["id"].unique().sort()), column="id")
    variables = [*numeric("trt", "risk"), kind, pair]
    eyes = cohort_of(data("retinopathy"), follow_up, variables, cluster="id")
    names = ["trt", "type adult", "risk", "trt:type adult"]
    risk = fitted(Cox(), eyes, complete_case("risk", ["trt", "type", "trt:type"]), names)
    agree_rows(risk, record["cluster"]["coef_table"], record.rtol)
    question = complete_case("trt", ["risk"], modifiers=("type",))
    one = fitted(Cox(), eyes, question, names, model=1)
    agree_rows(one, record["cluster"]["coef_table"], record.rtol)
    agree_fit(one, record["cluster"], record.rtol)
    unclustered = cohort_of(data("retinopathy"), follow_up, variables)
    models = by_terms(Cox(), unclustered, ["trt"], strata=["pair"])
    agree_model(models, record["strata_pair"], record.rtol)
    record.finish(CERTIFIES[record.name])


def heart(**person):
    """One record for each state of a person, whom R's models know only when they cluster."""
    follow_up = FollowUp(DAYS, entry="start", exit="stop", event="event")
    variables = [*numeric("age", "surgery"), factor("transplant", (0, 1))]
    return cohort_of(data("heart"), follow_up, variables, **person)


def test_heart_transplants():
    record = load("cox_heart_timedep")
    cohort = heart()
    models = by_terms(Cox(), cohort, ["age", "surgery", "transplant"])
    one = agree_model(models, record["main"], record.rtol)
    names = ["age", "surgery", "transplant 1", "age:transplant 1", "surgery:transplant 1"]
    adjusted = ["age", "transplant", "age:transplant"]
    by_surgery = complete_case("surgery", adjusted, modifiers=("transplant",))
    robust = Cox(variance=Robust())
    persons = heart(person="id")
    for key, cox, of in (("interaction", Cox(), cohort), ("robust", robust, persons)):
        both = fitted(cox, of, by_surgery, names, model=1)
        agree_rows(both, record[key]["coef_table"], record.rtol)
        agree_fit(both, record[key], record.rtol)
    person = data("heart")["id"].to_numpy()
    summed = np.bincount(person, residual.martingale(one.fit))[np.unique(person)]
    agree_vector(summed, record["martingale_by_id"], record.rtol)
    # R's standard errors of this curve are provisional (survival 3.8-0, #282): see below.
    path = [
        Stretch(0.0, 50.0, np.zeros(3)),
        Stretch(50.0, 1000.0, np.array([0.0, 0.0, 1.0])),
    ]
    curve = record["timedep_curve"]
    hazard, _ = cumulative_hazard(one.fit, curve["time"].array(), path)
    agree(hazard, curve["cumhaz"], record.rtol)
    agree(np.exp(-hazard), curve["surv"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_recurrent_bladder_tumours():
    record = load("cox_bladder_recurrent")
    terms = ["rx", "size", "number"]
    scale = TimeScale("time since randomisation", "months")
    once = data("bladder2")
    running = FollowUp(scale, entry="start", exit="stop", event="event")
    counted = cohort_of(once, running, numeric(*terms), person="id")
    # Several events in a person: robust by person without being asked.
    agree_model(by_terms(Cox(), counted, terms), record["AG"], record.rtol)
    by_number = FollowUp(scale, entry="start", exit="stop", event="event", stratum="enum")
    counted = cohort_of(once, by_number, numeric(*terms), person="id")
    agree_model(by_terms(Cox(), counted, terms), record["PWP"], record.rtol)
    once = once.with_columns((pl.col("stop") - pl.col("start")).alias("gap"))
    since_last = FollowUp(scale, exit="gap", event="event", stratum="enum")
    gaps = cohort_of(once, since_last, numeric(*terms), person="id")
    agree_model(by_terms(Cox(), gaps, terms), record["PWP_gap"], record.rtol)
    marginal = FollowUp(scale, exit="stop", event="event", stratum="enum")
    enum = factor("number of event", (1, 2, 3, 4), column="enum")
    all_four = cohort_of(data("bladder"), marginal, [*numeric(*terms), enum], person="id")
    agree_model(by_terms(Cox(), all_four, terms), record["WLW"], record.rtol)
    products = [f"{term}:`number of event`" for term in ("rx", "size")]
    question = complete_case(
        "number", ["rx", "size", *products], modifiers=("number of event",), strata=(enum.name,)
    )
    names = [*terms, *(f"{t}:number of event {k}" for t in terms for k in (2, 3, 4))]
    one = fitted(Cox(), all_four, question, names, model=1)
    agree_short(one, record["WLW_interactions"], record.rtol)
    plain = fitted(
        Cox(variance=ModelBased()), cohort_of(once, running, numeric(*terms), person="id"),
        complete_case("number", ["rx", "size"]), terms,
    )  # fmt: skip
    person = once["id"].to_numpy()
    names = np.unique(person)
    for place, column in enumerate(residual.dfbeta(plain.fit)[:, plain.order].T):
        summed = np.bincount(person, column)[names]
        agree_vector(summed, record["score_resid_by_id"][f"V{place + 1}"], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_small_ovarian():
    record = load("cox_ovarian_small")
    follow_up = FollowUp(DAYS, exit="futime", event="fustat")
    variables = [*numeric("age", "resid.ds"), factor("rx", (1, 2))]
    cohort = cohort_of(data("ovarian"), follow_up, variables)
    models = by_terms(Cox(), cohort, ["age", "rx", "resid.ds"])
    one = agree_model(models, record.results, record.rtol)
    newcomers = np.array([[45.0, 0.0, 1.0], [60.0, 1.0, 2.0], [75.0, 0.0, 2.0]])
    predict = record["predict"]
    beta, covariance = one.fit.beta[one.order], one.fit.covariance[np.ix_(one.order, one.order)]
    agree(newcomers @ beta, record["predict_reference_zero_lp"], record.rtol, 1.0)
    away = newcomers - [float(mean) for mean in record["means"].value.values()]
    se = np.sqrt(np.einsum("ij,jk,ik->i", away, covariance, away))
    agree(away @ beta, predict["lp"]["fit"], record.rtol, 1.0)
    agree(se, predict["lp"]["se"], record.rtol)
    agree(np.exp(away @ beta), predict["risk"]["fit"], record.rtol)
    ends = predict["expected"]["newdata"].column("futime")
    predict["expected"]["newdata"].read()
    for place, (row, end) in enumerate(zip(newcomers, ends, strict=True)):
        values = np.empty(3)
        values[one.order] = row
        hazard, error = cumulative_hazard(one.fit, np.array([end]), [Stretch(0.0, end, values)])
        agree(hazard[0], predict["expected"]["fit"][place], record.rtol)
        agree(error[0], predict["expected"]["se"][place], record.rtol)
    record.finish(CERTIFIES[record.name])


def test_values_measured_again_in_pbc():
    record = load("cox_pbcseq_tmerge")
    merged = last_value_carried_forward(record)
    follow_up = FollowUp(DAYS, entry="tstart", exit="tstop", event="endpt")
    cohort = cohort_of(merged, follow_up, numeric("bili", "protime", "age"))
    terms = ["log(bili)", "log(protime)", "age"]
    agree_model(by_terms(Cox(), cohort, terms), record["fit"], record.rtol)
    record.finish(CERTIFIES[record.name])


def last_value_carried_forward(record):
    """Visits of each person as records up to the next visit or the end, as R's tmerge makes."""
    visits = data("pbcseq").sort("id", "day", maintain_order=True)
    first = visits.group_by("id", maintain_order=True).first()
    visits = visits.join(first.select("id", pl.col("age").alias("age0")), on="id")
    ahead = pl.col("day").shift(-1).over("id").fill_null(pl.col("futime"))
    merged = visits.with_columns(pl.col("day").alias("tstart"), ahead.alias("tstop"))
    dies = (pl.col("tstop") == pl.col("futime")) & (pl.col("status") == 2)
    merged = merged.with_columns(dies.cast(pl.Int64).alias("endpt"))
    assert len(merged) == record["rows"].number()
    rows = record["first_rows"]
    for name in ("id", "tstart", "tstop", "endpt", "bili", "protime"):
        agree(merged[name].to_numpy()[:12], rows.column(name), 1e-15)
    return merged


def test_split_follow_up_and_a_coefficient_for_each_period():
    record = load("cox_lung_survsplit_tt")
    follow_up = FollowUp(DAYS, exit="time", event="status")
    cohort = cohort_of(data("veteran"), follow_up, numeric("trt", "prior", "karno"))
    pieces = split(cohort, at=[90, 180], name="period", reference="under 90")
    assert len(pieces.frame) == record["rows"].number()
    terms = ["trt", "prior", "karno"]
    together = fitted(Cox(), pieces, complete_case("karno", ["trt", "prior"]), terms)
    agree_short(together, record["unsplit_equals_split"], record.rtol)
    by_period(pieces, record["split"], record.rtol)
    growing_effect(cohort, record["tt"], record.rtol)
    record.finish(CERTIFIES[record.name])


def by_period(pieces, stored, rtol):
    """A coefficient and a baseline hazard for each period: rows of a modifier that is a stratum."""
    question = complete_case("karno", ["trt", "prior"], modifiers=("period",), strata=("period",))
    one = fitted(Cox(), pieces, question, model=1)
    for place, row in enumerate(one.rows.iter_rows(named=True)):
        table = stored["coef_table"]
        se = table["columns"]["se"][2 + place].number()
        agree(row["log_estimate"], table["columns"]["coef"][2 + place], rtol, se)
        agree(row["std_error"], table["columns"]["se"][2 + place], rtol)
    # R has a column for each period where ours has differences from the first: the same columns.
    kept = ["id", "trt", "prior", "karno", "_entry", "_exit", "_event"]
    from_origin = pl.col("_entry").clip(lower_bound=0.0)
    plain = pieces.frame.rename({ROW: "id"}).select(kept).with_columns(from_origin)
    plain = plain.rename({"_entry": "from", "_exit": "to", "_event": "died"})
    bands = {"under 90": 1, "90 to 180": 2, "180 and over": 3}
    period = pieces.frame["period"].replace_strict(bands).rename("period")
    columns = [(pl.col("karno") * (period == k)).alias(f"karno {k}") for k in bands.values()]
    follow_up = FollowUp(DAYS, entry="from", exit="to", event="died")
    variables = [*numeric("trt", "prior"), *numeric(*(f"karno {k}" for k in (1, 2, 3)))]
    cohort = cohort_of(
        plain.with_columns(period).with_columns(columns),
        follow_up, [*variables, factor("period", (1, 2, 3))],
    )  # fmt: skip
    terms = ["trt", "prior", "karno 1", "karno 2", "karno 3"]
    agree_model(by_terms(Cox(), cohort, terms, strata=["period"]), stored, rtol)


def growing_effect(cohort, stored, rtol):
    """An effect that changes with log(t + 20): follow-up split at every event."""
    times = cohort.frame.filter(pl.col("_event") == 1)["_exit"].unique().to_list()
    pieces = split(cohort, at=times).frame.with_columns(pl.col("_entry").clip(lower_bound=0.0))
    pieces = pieces.rename({"_entry": "from", "_exit": "to"})
    grown = (pl.col("karno") * (pl.col("to") + 20).log()).alias("karno by time")
    pieces = pieces.rename({"_event": "died"}).drop("_person").with_columns(grown)
    follow_up = FollowUp(DAYS, entry="from", exit="to", event="died")
    terms = ["trt", "prior", "karno", "karno by time"]
    again = cohort_of(pieces.drop(ROW), follow_up, numeric(*terms))
    one = fitted(Cox(), again, complete_case(terms[-1], terms[:-1]), terms)
    assert again.events == stored["nevent"].number()
    assert cohort.persons == stored["n"].number()
    se = stored["se"].array()
    agree(one.fit.beta[one.order], stored["coef"], rtol, se)
    agree(one.fit.std_error[one.order], se, rtol)
    covariance = one.fit.covariance[np.ix_(one.order, one.order)]
    agree(covariance, stored["vcov"].matrix(), rtol, np.outer(se, se))
    agree(one.fit.log_likelihood_at_zero, stored["loglik"].array()[0], rtol)
    agree(one.fit.log_likelihood, stored["loglik"].array()[1], rtol)
    agree(one.fit.score_test.statistic, stored["score_test"], rtol)
    assert one.rows["dropped"][0] == stored["n_dropped_missing"].number()


def test_veterans():
    record = load("cox_veteran_zph")
    cells = factor("celltype", ("squamous", "smallcell", "adeno", "large"))
    terms = ["trt", "celltype", "karno", "diagtime", "age", "prior"]
    others = [term for term in terms if term != "celltype"]
    follow_up = FollowUp(DAYS, exit="time", event="status")
    cohort = cohort_of(data("veteran"), follow_up, [*numeric(*others), cells])
    one = agree_model(by_terms(Cox(), cohort, terms), record["fit"], record.rtol)
    places = {name: [place] for place, name in enumerate(["trt", "smallcell", "adeno", "large"])}
    places |= {
        name: [place + 4] for place, name in enumerate(["karno", "diagtime", "age", "prior"])
    }
    together = {"trt": [0], "celltype": [1, 2, 3]} | {k: v for k, v in places.items() if v[0] > 3}
    for transform in ("km", "rank", "identity"):
        agree_zph(one, record["zph_terms"][transform], record.rtol, groups=together)
        agree_zph(one, record["zph_single"][transform], record.rtol, groups=places)
    agree_zph(one, record["zph_terms"]["log"], record.rtol, groups=together, transform="log")
    breslow = by_terms(Cox(ties="breslow"), cohort, terms)["prior"]
    agree_zph(breslow, record["zph_breslow_km"], record.rtol, groups=together)
    record.finish(CERTIFIES[record.name])


def test_the_whole_nwtco():
    record = load("cox_nwtco_full")
    age = pl.min_horizontal("age", 12) / 12
    wilms = data("nwtco").with_columns(age.alias("age1"))
    variables = [*numeric("age1"), factor("stage", (1, 2, 3, 4)), factor("histol", (1, 2))]
    cohort = cohort_of(wilms, FollowUp(DAYS, exit="edrel", event="rel"), variables)
    names = ["age1", "stage 2", "stage 3", "stage 4", "histol 2"]
    names += [f"stage {k}:histol 2" for k in (2, 3, 4)]
    question = complete_case("stage", ["age1"], modifiers=("histol",))
    one = fitted(Cox(), cohort, question, names, model=1)
    agree_rows(one, record["coef_table"], record.rtol)
    agree_fit(one, record.results, record.rtol, skip=["cox_zph"])
    groups = {"age1": [0], "stage": [1, 2, 3], "histol": [4], "stage:histol": [5, 6, 7]}
    for transform in record["cox_zph"]:
        agree_zph(one, record["cox_zph"][transform], record.rtol, groups=groups)
    record.finish(CERTIFIES[record.name])
