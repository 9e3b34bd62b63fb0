"""Every row of the table of refusals in DESIGN.md raises, and says why."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analyses import (
    Bootstrap,
    BorganI,
    BorganII,
    Conditional,
    ConditionalLogistic,
    Cox,
    Firth,
    LinYing,
    Logistic,
    ModelBased,
    Prentice,
    Profile,
    Question,
    Robust,
    Samuelsen,
    SelfPrentice,
    TwoPhase,
)
from analyses.cox.baseline import baseline_hazard
from analyses.cox.diagnostics import proportional_hazards
from analyses.cox.residuals import martingale
from analyses.curves.cumulative_incidence import CumulativeIncidence
from analyses.curves.gray import GrayTest
from analyses.curves.log_rank import LogRank
from analyses.curves.pseudo_values import PseudoValues
from analyses.curves.rate_ratio import RateRatio
from analyses.curves.restricted_mean import RestrictedMean
from analyses.descriptive import IncidenceRate, KaplanMeier
from cohort import Binary, CaseCohort, CaseControl, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import UnsupportedError
from cohort.sampling import draw_case_cohort, draw_nested_case_control
from tests.published.reference import TESTS

QUESTION = Question(exposure="x")
MATCHED = CaseControl(matched_set="old")
TABLE = (TESTS.parent / "DESIGN.md").read_text("utf-8").split("## What raises")[1]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))[:2]
    for line in TABLE.split("Not built yet")[0].splitlines()
    if line.startswith("| ") and "| with |" not in line
]


def table(weighted=False):
    rng = np.random.default_rng(5)
    n = 120
    frame = pl.DataFrame(
        {
            "woman": range(n),
            "exit": np.ceil(rng.exponential(20, n)),
            "what": rng.integers(0, 3, n),
            "x": rng.uniform(size=n) < 0.4,
            "old": rng.uniform(size=n) < 0.5,
            "z": rng.normal(size=n),
            "w": rng.uniform(1, 2, n),
            "in": rng.uniform(size=n) < 0.3,
        }
    )
    return frame


def cohort(frame=None, **facts):
    return from_frame(
        table() if frame is None else frame,
        person="woman",
        follow_up=FollowUp(
            TimeScale("time", unit="days"),
            exit="exit",
            event="what",
            happened=1,
            competing={2: "colon"},
            censored=0,
        ),
        variables=[Binary("x"), Binary("old"), Continuous("z")],
        **facts,
    )


def simple():
    return draw_case_cohort(cohort(), size=40, seed=1)


def stratified():
    return draw_case_cohort(cohort(), size={True: 20, False: 20}, stratum="old", seed=1)


def nested():
    return draw_nested_case_control(cohort(), controls=1, seed=1)


def several_records():
    frame = table().with_columns(pl.lit(0.0).alias("entry"))
    early = frame.with_columns((pl.col("exit") / 2).alias("exit"), pl.lit(0).alias("what"))
    late = frame.with_columns((pl.col("exit") / 2).alias("entry"))
    whole = from_frame(
        pl.concat([early, late], how="vertical_relaxed"),
        person="woman",
        follow_up=FollowUp(
            TimeScale("time", unit="days"),
            entry="entry",
            exit="exit",
            event="what",
            happened=1,
            competing={2: "colon"},
            censored=0,
        ),
        variables=[Binary("x")],
    )
    return draw_nested_case_control(whole, controls=3, seed=1)


Attempt = Callable[[], object]


def ask(make: Callable[[], object], question: Question = QUESTION, **settings) -> Attempt:
    return lambda: Cox(**settings).estimate(make(), question)


def after(make: Callable[[], object], what: Callable[[object], object], **settings) -> Attempt:
    return lambda: what(Cox(**settings).estimate(make(), QUESTION).fits[0])


def along(estimator, make: Callable[[], object], question: Question | None = None) -> Attempt:
    return lambda: estimator.estimate(make(), question or QUESTION)


def recurrent():
    frame = table().with_columns(pl.lit(0.0).alias("entry"), pl.lit(1).alias("what"))
    again = frame.with_columns(pl.col("exit").alias("entry"), (pl.col("exit") + 5).alias("exit"))
    return _with_entry(pl.concat([frame, again], how="vertical_relaxed"))


def late():
    return _with_entry(table().with_columns((pl.col("exit") / 2).alias("entry")))


def _with_entry(frame):
    return from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(
            TimeScale("time", unit="days"),
            entry="entry",
            exit="exit",
            event="what",
            happened=1,
            competing={2: "colon"},
            censored=0,
        ),
        variables=[Binary("x")],
    )


ATTEMPTS: dict[tuple[str, str], list[Attempt]] = {
    ("sampled design", "no weighting"): [ask(simple), ask(stratified), ask(nested)],
    ("simple case-cohort", "BorganI or BorganII"): [
        ask(simple, weighting=BorganI()),
        ask(simple, weighting=BorganII()),
    ],
    ("stratified case-cohort", "Prentice, SelfPrentice or LinYing"): [
        ask(stratified, weighting=weighting)
        for weighting in (Prentice(), SelfPrentice(), LinYing())
    ],
    ("full cohort", "a weighting or TwoPhase"): [
        ask(cohort, weighting=Prentice()),
        ask(cohort, variance=TwoPhase()),
    ],
    ("case-cohort", "ModelBased variance"): [
        ask(simple, weighting=Prentice(), variance=ModelBased()),
        ask(stratified, weighting=BorganII(), variance=ModelBased()),
    ],
    ("Prentice, SelfPrentice, BorganI", 'TwoPhase("robust")'): [
        ask(simple, weighting=Prentice(), variance=TwoPhase("robust")),
        ask(simple, weighting=SelfPrentice(), variance=TwoPhase("robust")),
        ask(stratified, weighting=BorganI(), variance=TwoPhase("robust")),
    ],
    ("nested case-control", "TwoPhase"): [
        ask(nested, weighting=Conditional(), variance=TwoPhase()),
        ask(nested, weighting=Samuelsen(), variance=TwoPhase()),
    ],
    ("nested case-control, several records a person", "Samuelsen"): [
        ask(several_records, weighting=Samuelsen())
    ],
    ("sampled design", "sampling weights of its own"): [
        ask(
            lambda: cohort(design=CaseCohort("in", cohort_size=120), weight="w"),
            weighting=Prentice(),
        )
    ],
    ("case-control", "Cox"): [ask(lambda: cohort(design=CaseControl()))],
    ("case-cohort", "an outcome whose cases were not all measured"): [
        ask(simple, Question(exposure="x", outcome="colon"), weighting=Prentice())
    ],
    ("nested case-control, within its sets", "another outcome, or strata that divide a set"): [
        ask(nested, Question(exposure="x", outcome="colon"), weighting=Conditional()),
        lambda: ConditionalLogistic().estimate(nested(), Question(exposure="x", outcome="colon")),
        ask(nested, Question(exposure="x", strata=("old",)), weighting=Conditional()),
    ],
    (
        "case-control, or logistic regression of a case-cohort",
        "cases of another outcome beside the controls",
    ): [
        along(Logistic(), lambda: cohort(design=CaseControl())),
        along(
            Logistic(),
            lambda: draw_case_cohort(cohort(), size=40, cases=("what", "colon"), seed=1),
        ),
        lambda: Logistic().estimate(simple(), Question(exposure="x", outcome="colon")),
    ],
    ("case-control", "weights, clusters, or an offset without matched sets"): [
        along(Logistic(), lambda: cohort(design=CaseControl(), weight="w")),
        along(Logistic(), lambda: cohort(design=CaseControl(), cluster="old")),
        along(Logistic(), lambda: cohort(design=CaseControl(), offset="z")),
        along(ConditionalLogistic(), lambda: cohort(design=MATCHED, cluster="old")),
        along(ConditionalLogistic(), lambda: cohort(design=MATCHED, weight="w")),
    ],
    ("weights, robust or two-phase variance", "Profile or Firth"): [
        ask(lambda: cohort(weight="w"), inference=Profile()),
        ask(cohort, variance=Robust(), inference=Firth()),
        ask(simple, weighting=Prentice(), inference=Profile()),
    ],
    ("exact ties", "weights, robust variance, Profile, Firth, residuals, baseline"): [
        ask(lambda: cohort(weight="w"), ties="exact"),
        ask(cohort, ties="exact", variance=Robust()),
        ask(cohort, ties="exact", inference=Profile()),
        ask(cohort, ties="exact", inference=Firth()),
        after(cohort, martingale, ties="exact"),
        after(cohort, baseline_hazard, ties="exact"),
    ],
    (
        "sampled design",
        "baseline hazard, predicted curves, proportional-hazards test",
    ): [
        after(simple, baseline_hazard, weighting=Prentice()),
        after(simple, proportional_hazards, weighting=LinYing()),
        after(nested, baseline_hazard, weighting=Conditional()),
    ],
    ("sampled design", "Kaplan-Meier, rates, log-rank and the other estimates along time"): [
        along(estimator, sample)
        for sample in (simple, nested)
        for estimator in (
            KaplanMeier(),
            IncidenceRate(),
            LogRank(),
            CumulativeIncidence(),
            RestrictedMean(until=20),
            RateRatio(),
        )
    ],
    ("recurrent events", "Kaplan-Meier, cumulative incidence, log-rank, restricted mean"): [
        along(estimator, recurrent)
        for estimator in (
            KaplanMeier(),
            CumulativeIncidence(),
            LogRank(),
            RestrictedMean(until=20),
        )
    ],
    ("weights or clusters", "log-rank, Gray's test, rate ratio, pseudo-values"): [
        along(estimator, lambda: cohort(weight="w"))
        for estimator in (LogRank(), GrayTest(), RateRatio(), PseudoValues(times=(10.0,)))
    ],
    ("late entry", "Gray's test"): [along(GrayTest(), late)],
    ("modifiers", "curves, rates and the tests and mean times beside them"): [
        along(estimator, cohort, replace(QUESTION, modifiers=(QUESTION.exposure,)))
        for estimator in (KaplanMeier(), IncidenceRate(), LogRank(), RestrictedMean(until=20))
    ],
    ("sampled design, exact ties, Profile, Firth, a variance", "Bootstrap"): [
        along(Bootstrap(Cox(weighting=Prentice())), simple),
        along(Bootstrap(Cox(weighting=Conditional())), nested),
        lambda: Bootstrap(Cox(ties="exact")),
        lambda: Bootstrap(Cox(inference=Profile())),
        lambda: Bootstrap(Cox(inference=Firth())),
        lambda: Bootstrap(Cox(variance=Robust())),
    ],
}


def test_the_table_and_the_attempts_are_the_same():
    assert set(ROWS) == set(ATTEMPTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", " ", f"{row[0]} {row[1]}"))
def test_refused(row):
    for attempt in ATTEMPTS[row]:
        with pytest.raises(UnsupportedError) as refusal:
            attempt()
        assert len(str(refusal.value)) > 40
