"""Concordance: time weights, limits, strata, two models and an outside predictor, against R."""

import numpy as np
import pytest

from analyses import Cox, Question
from analyses.cox.concordance import concordance, concordance_of
from analyses.cox.weighted_records import plain_records
from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale, from_frame
from tests.reference.oracle import agree, data, load

TIES = "ties in time are no comparable pairs"
CERTIFIES = {
    "cox_concordance_variants": {
        "*tied.y*": TIES,
        "*tied.xy*": TIES,
        "strata.count*": "compared row by row without the columns of ties in time",
        "ymin100*": "there is no lower limit of time; R refuses this one too",
    }
}


def patients(frame=None):
    return from_frame(
        data("lung") if frame is None else frame,
        person="person",
        follow_up=FollowUp(TimeScale("time", unit="days"), exit="time", event="status", happened=2),
        variables=[
            Continuous("age"),
            Binary("female", column="sex", yes=2),
            Continuous("ph.ecog"),
            Continuous("ph.karno"),
            Categorical("sex_of", column="sex", reference=1),
        ],
    )


def with_person():
    frame = data("lung")
    return patients(frame.with_row_index("person") if "person" not in frame.columns else frame)


def records_of(cohort, *complete, strata=()):
    frame = cohort.frame.drop_nulls(list(complete))
    return frame, plain_records(frame, 1, strata)


def test_every_variant():
    record = load("cox_concordance_variants")
    stored, rtol = record.results, record.rtol
    cohort = with_person()
    question = Question(
        exposure="age", adjustments={"a": ["ph.ecog", "female"]}, missing="complete case"
    )
    fit = Cox().estimate(cohort, question).fits[0]
    for weight in ("n", "S", "S/G", "n/G2", "I"):
        ours, theirs = concordance(fit, time_weight=weight), stored["timewt"][weight]
        check(ours, theirs, rtol)
    check(concordance(fit, until=500), stored["ymax500"], rtol)
    frame, records = records_of(cohort, "ph.karno")
    check(concordance_of(records, -frame["ph.karno"].to_numpy()), stored["external"], rtol)
    frame, records = records_of(cohort, "age")
    check(concordance_of(records, frame["age"].to_numpy()), stored["reverse"], rtol)
    frame, records = records_of(cohort, "age", strata=("sex_of",))
    within = concordance_of(records, frame["age"].to_numpy())
    agree(within.concordance, stored["strata"]["concordance"], rtol)
    agree(within.std_error**2, stored["strata"]["var"], rtol)
    for row, counts in enumerate(stored["strata"]["count"]["data"].value):
        assert counts[:3] == [
            within.concordant[row],
            within.discordant[row],
            within.tied_predictor[row],
        ]
    smaller = Question(exposure="age", adjustments={"a": ["female"]})
    kept = cohort.restrict('"ph.ecog" IS NOT NULL', "as the larger model")
    other = concordance(Cox().estimate(kept, smaller).fits[0])
    both = (concordance(fit), other)
    for i, one in enumerate(both):
        agree(one.concordance, stored["two_models"]["concordance"][i], rtol)
        for j, two in enumerate(both):
            covariance = float(one.influence @ two.influence)
            agree(covariance, stored["two_models"]["var"]["data"][i][j], rtol)
    record.finish(CERTIFIES[record.name])


def check(ours, theirs, rtol):
    agree(ours.concordance, theirs["concordance"], rtol)
    agree(ours.std_error**2, theirs["var"], rtol)
    agree(ours.concordant.sum(), theirs["count"]["concordant"], rtol)
    agree(ours.discordant.sum(), theirs["count"]["discordant"], rtol)
    agree(ours.tied_predictor.sum(), theirs["count"]["tied.x"], rtol)


def test_an_unknown_time_weight_is_refused():
    cohort = with_person()
    fit = Cox().estimate(cohort, Question(exposure="age")).fits[0]
    with pytest.raises(ValueError, match="is not known"):
        concordance(fit, time_weight="uno")
    assert np.isfinite(concordance(fit).std_error)
