"""What a site refuses to send, and what is not built between owners."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analyses import (
    BorganII,
    Cox,
    Firth,
    IncidenceRate,
    KaplanMeier,
    LinYing,
    Logistic,
    Prentice,
    Profile,
    Question,
)
from analyses.federated.coordinator import coordinate, opening_message
from analyses.federated.messages import Ask, from_text, to_text
from analyses.federated.site import answer
from analyses.federated.tasks import document_hash, tasks_of
from analyses.study.sources import DatasetSource, WorldSource
from cohort import Binary, CaseCohort, CaseControl, Categorical, FollowUp, TimeScale
from cohort.errors import QuestionError, SchemaError, StudyError, UnsupportedError
from tests.federated.exchanges import (
    DAYS,
    VERSION,
    between,
    cohort_of,
    exchange,
    lung_sites,
    lung_study,
    sites_of,
    study,
    wilms,
    wilms_study,
)
from tests.reference.cohorts import numeric
from tests.reference.oracle import data

PLAN = lung_study(Question(exposure="sex", adjustments={"model": ["age"]}))


def told(plan, frame, message=None, site="site 1", version=VERSION):
    message = message or opening_message(plan, ("site 1", "site 2"), VERSION)
    return answer(plan, {None: cohort_of(plan, frame)}, message, site=site, version=version)


@pytest.fixture(scope="module")
def first():
    """The message of round 1, and the records of the first site."""
    frame = lung_sites()
    held = exchange(PLAN, sites_of(PLAN, frame))
    return coordinate(PLAN, held, VERSION), frame.filter(pl.col("site") == 1)


def test_few_events_for_the_columns():
    frame = lung_sites()
    three = lung_study(Question(exposure="sex", adjustments={"model": ["age", "ph.karno"]}))
    with pytest.raises(UnsupportedError, match=r"3 columns and too few events.*Join"):
        told(three, frame.filter(pl.col("site") == 2))
    few = frame.filter((pl.col("status") == 1) | (pl.int_range(pl.len()) < 8))
    with pytest.raises(UnsupportedError, match="at least 10 persons with the event"):
        told(lung_study(Question(exposure="sex")), few)


def test_many_events_of_few_persons():
    """Recurrent events: forty events of eight persons would be sums of the eight."""
    table = data("bladder2").filter(pl.col("event").sum().over("id") >= 3)
    plan = study(
        FollowUp(TimeScale("time", "months"), entry="start", exit="stop", event="event"),
        numeric("size"),
        Question(exposure="size"),
        person="id",
    )
    few = table.filter(pl.col("id").rank("dense") <= 8)
    assert few["event"].sum() >= 20
    with pytest.raises(UnsupportedError, match="at least 10 persons with the event"):
        told(plan, few)


def test_a_group_of_few_persons(first):
    _, frame = first
    few = frame.with_columns((pl.int_range(pl.len()) < 4).alias("rare"))
    plan = lung_study(Question(exposure="rare"), more=(Binary("rare"),))
    with pytest.raises(UnsupportedError, match=r"fewer than 5 persons.*\(rare\).*join levels"):
        told(plan, few)
    five = frame.with_columns((pl.int_range(pl.len()) < 5).alias("rare"))
    assert told(plan, five).openings
    nobody = frame.with_columns(pl.lit(False).alias("rare"))
    assert told(plan, nobody).openings


@pytest.mark.parametrize(
    ("question", "named"),
    [(Question(exposure="g"), "'g'"), (Question(exposure="x", modifiers=("z",)), "'x' by 'z'")],
)
def test_a_reference_level_or_cell_of_few_persons(question, named):
    """No column of the model stands for it, yet its ratio would be that of two persons."""
    draws = np.random.default_rng(1)
    n = 800
    g, x, z = (
        draws.choice(["b", "c"], n).astype(object),
        draws.random(n) < 0.5,
        draws.random(n) < 0.3,
    )
    owner = np.arange(n) % 2
    g[[0, 2]] = "a"
    g[1::8] = "a"
    x[z & (owner == 0)] = True
    x[np.flatnonzero(z & (owner == 0))[:2]] = False
    died = draws.exponential(5, n)
    frame = pl.DataFrame(
        {"row": np.arange(n), "t": np.minimum(died, 8) + 0.01, "e": (died < 8).astype(int),
         "g": g.tolist(), "x": x, "z": z, "site": owner}
    )  # fmt: skip
    follow_up = FollowUp(TimeScale("time", unit="years"), exit="t", event="e")
    levels = Categorical("g", levels=("a", "b", "c"), reference="a")
    plan = study(follow_up, [levels, Binary("x"), Binary("z")], question, Cox())
    with pytest.raises(UnsupportedError, match=f"level of {named} with fewer than 5 persons"):
        between(plan, frame)


def test_a_sampling_stratum_of_few_persons():
    _, sampled = wilms("study")
    design = CaseCohort("in.subcohort", cohort_size={1: 3622, 2: 406}, stratum="instit")
    plan = wilms_study(design, Cox(weighting=BorganII()))
    unusual = sampled.filter(pl.col("instit") == 2).group_by("in.subcohort", "rel").head(3)
    part = pl.concat([sampled.filter(pl.col("instit") == 1), unusual.select(sampled.columns)])
    with pytest.raises(UnsupportedError, match=r"1 of 2 sampling strata.*join sampling strata"):
        told(plan, part)


@pytest.mark.parametrize("beta", [(8.0, 0.0), (0.0, 400.0), (-1e6, 0.0)])
def test_coefficients_that_single_out_one_person(first, beta):
    message, frame = first
    probing = replace(message, asks=(replace(message.asks[0], beta=beta),))
    # Many share the sex that the second number asks for; the first asks for the oldest.
    if beta == (0.0, 400.0):
        assert told(PLAN, frame, probing).sums
        return
    with pytest.raises(UnsupportedError, match="one person carries more than 50 % of the risk"):
        told(PLAN, frame, probing)


def test_rules_hold_in_every_round_and_not_in_the_opening_alone(first):
    message, frame = first
    with pytest.raises(UnsupportedError, match="too few events"):
        told(PLAN, frame.head(20), message)


def test_messages_for_somebody_else(first):
    message, frame = first
    with pytest.raises(StudyError, match="not for a site 'nobody'"):
        told(PLAN, frame, message, site="nobody")
    with pytest.raises(StudyError, match=r"the message is of microcohort 0.0.test.*9.9"):
        told(PLAN, frame, message, version="9.9")
    other = lung_study(Question(exposure="sex", adjustments={"model": ["ph.karno"]}))
    with pytest.raises(StudyError, match="another study document"):
        told(other, frame, message)
    for asks in (
        (),
        (Ask("another fit", (0.0, 0.0), False),),
        (replace(message.asks[0], beta=(0.0,)),),
        (replace(message.asks[0], beta=(0.0, float("nan"))),),
    ):
        with pytest.raises(StudyError, match="does not ask for the coefficients of this study"):
            told(PLAN, frame, replace(message, asks=asks))


def test_a_case_cohort_is_not_answered_without_the_sampling_of_all():
    _, sampled = wilms("study")
    plan = wilms_study(CaseCohort("in.subcohort", cohort_size=4028), Cox(weighting=LinYing()))
    message = coordinate(plan, exchange(plan, sites_of(plan, sampled)), VERSION)
    part = sampled.filter(pl.col("site") == 3)
    with pytest.raises(StudyError, match="no sampling fractions"):
        told(plan, part, replace(message, strata=()), "site 3")
    wrong = tuple(replace(one, size=0) for one in message.strata)
    with pytest.raises(StudyError, match="no size"):
        told(plan, part, replace(message, strata=wrong), "site 3")


def test_nothing_of_a_person_is_in_an_answer(first):
    """Identifiers, times and covariates of the records occur in no answer, whole or as numbers."""
    message, frame = first
    marked = frame.with_columns(
        pl.Series("row", [f"person-{n}" for n in range(len(frame))]),
        (pl.col("time") + 1e5 + np.arange(len(frame)) / 7).alias("time"),
    )
    for asked in (opening_message(PLAN, ("site 1", "site 2"), VERSION), message):
        text = to_text(told(PLAN, marked, asked))
        assert "person-" not in text
        assert not any(f"{time}" in text for time in marked["time"])
        assert from_text(text, "answer.json") == told(PLAN, marked, asked)


def refused(plan):
    with pytest.raises((UnsupportedError, StudyError)) as refusal:
        opening_message(plan, ("a", "b"), VERSION)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (Cox(ties="exact"), "exact ties"),
        (Cox(inference=Profile()), r"Profile() limits"),
        (Cox(inference=Firth()), r"Firth() limits"),
        (KaplanMeier(), "KaplanMeier"),
        (IncidenceRate(), "IncidenceRate"),
        (Logistic(), "Logistic"),
        (Cox(weighting=Prentice()), "full cohort"),
    ],
)
def test_estimators_that_are_not_built_between_owners(estimator, why):
    assert why in refused(replace(PLAN, estimators=(estimator,)))


def test_sources_and_designs_that_are_not_built_between_owners():
    sampled = replace(PLAN, design=CaseControl())
    assert "case-control" in refused(sampled)
    assert "sha256" in refused(replace(PLAN, source=replace(PLAN.source, sha256="0" * 64)))
    shared = replace(PLAN, source=DatasetSource("survival/lung", "row"))
    assert "reads a file at each site" in refused(shared)
    world = replace(PLAN, source=WorldSource("dch2012", 10, 1, "bc"), follow_up=None, variables=())
    assert "reads a file at each site" in refused(world)
    unnamed = replace(PLAN, variables=(*PLAN.variables, Categorical("inst", reference=1)))
    assert "declare levels" in refused(unnamed)
    assert "must name its weighting" in refused(
        replace(PLAN, design=CaseCohort("chosen", cohort_size=10))
    )


def test_what_comes_after_a_fit_stays_with_the_sites():
    """Baseline hazards, residuals and tests of proportionality start from a fit: there is none."""
    found = between(PLAN, lung_sites()).estimates[0]
    with pytest.raises(QuestionError, match="no model 'model' was fitted"):
        found.fit("model")


def test_a_level_that_the_document_does_not_name():
    question = Question(exposure="sex", adjustments={"model": ["ecog"]})
    ecog = Categorical("ecog", column="ph.ecog", levels=(0, 1, 2), reference=0)
    plan = lung_study(question, more=(ecog,))
    frame = lung_sites().drop_nulls("ph.ecog")
    with pytest.raises(SchemaError, match="ecog"):
        between(plan, frame)


def test_the_hash_is_of_what_a_document_says():
    assert document_hash(PLAN) == document_hash(replace(PLAN))
    assert document_hash(PLAN) != document_hash(replace(PLAN, question="Another?"))
    assert [task.name for task in tasks_of(PLAN)] == ["question 1, estimator 1, model"]
    assert PLAN.follow_up is not None
    assert PLAN.follow_up.scale == DAYS
