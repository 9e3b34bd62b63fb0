"""Which groups a curve has, and what is refused: each message names the property and the remedy."""

import polars as pl
import pytest

from analyses import IncidenceRate, KaplanMeier, Question, Robust, TwoPhase
from analyses.curves.cumulative_hazard import FlemingHarrington, NelsonAalen
from analyses.curves.cumulative_incidence import CumulativeIncidence
from analyses.curves.gray import GrayTest
from analyses.curves.log_rank import LogRank
from analyses.curves.one_sample import ObservedExpected
from analyses.curves.pseudo_values import PseudoValues
from analyses.curves.quantiles import quantiles
from analyses.curves.rate_ratio import RateRatio
from analyses.curves.restricted_mean import RestrictedMean, TimeLost
from cohort import (
    Binary,
    CaseCohort,
    Categorical,
    Continuous,
    FollowUp,
    NestedCaseControl,
    TimeScale,
    from_frame,
)
from cohort.errors import (
    NotEstimableError,
    QuestionError,
    SchemaError,
    UnsupportedError,
)

YEARS = TimeScale("time since entry", "years")
CURVES = (KaplanMeier(), NelsonAalen(), FlemingHarrington(), CumulativeIncidence())
UNTIL_FIRST = (
    KaplanMeier(),
    FlemingHarrington(),
    CumulativeIncidence(),
    LogRank(),
    GrayTest(),
    RestrictedMean(4.0),
    TimeLost(4.0),
    PseudoValues((2.0,)),
)
ALL = (*UNTIL_FIRST, NelsonAalen(), IncidenceRate(), RateRatio(), ObservedExpected("age"))


def table(**changed):
    columns = {
        "person": list("abcdefgh"),
        "entry": [0.0, 0, 0, 1, 0, 0, 2, 0],
        "exit": [1.0, 2, 3, 4, 5, 6, 7, 8],
        "event": [1, 0, 1, 1, 0, 1, 1, 0],
        "stage": ["II", "I", "II", "I", "II", "I", "II", "I"],
        "x": [1, 1, 0, 0, 1, 1, 0, 0],
        "age": [50.0, 51, 52, 53, 54, 55, 56, 57],
        "drawn": [True, True, True, False, True, True, True, True],
        "set": [1, 1, 2, 2, 3, 3, 4, 4],
        "w": [1.0, 2, 1, 2, 1, 2, 1, 2],
    }
    return pl.DataFrame(columns | changed, strict=False)


STAGE = Categorical("stage", levels=("I", "II", "III"), reference="I", labels={"I": "early"})


def cohort(frame=None, *, variables=None, entry=None, **facts):
    follow_up = FollowUp(
        YEARS,
        entry=entry,
        exit="exit",
        event="event",
        happened=1,
        competing={2: "other"},
        censored=0,
        stratum=facts.pop("stratum", None),
    )
    declared = [STAGE, Binary("x"), Continuous("age")] if variables is None else variables
    return from_frame(
        table() if frame is None else frame,
        person="person",
        follow_up=follow_up,
        variables=declared,
        **facts,
    )


def test_groups_in_declared_order_with_labels_and_strata():
    ask = Question(exposure="stage", strata=("x",))
    curve = KaplanMeier().estimate(cohort(), ask)
    words = curve.frame["group"].unique(maintain_order=True).to_list()
    # Nobody is in stage III: a level without records has no curve.
    assert words == ["early; x: no", "early; x: yes", "II; x: no", "II; x: yes"]
    rates = IncidenceRate().estimate(cohort(), ask).frame
    assert rates["contrast"].to_list() == ["early", "early", "II", "II"]
    assert rates["modifier_level"].to_list() == ["x: no", "x: yes"] * 2
    whole = KaplanMeier(by=None).estimate(cohort(), Question(exposure="stage"))
    assert whole.frame["group"].unique().to_list() == ["all"]
    within = KaplanMeier(by=None).estimate(cohort(), Question(exposure="stage", strata=("x",)))
    assert within.frame["group"].unique(maintain_order=True).to_list() == ["x: no", "x: yes"]


def test_the_stratum_of_the_follow_up_has_its_own_curve():
    """A second event has its own clock; it is not the first event's curve that it belongs to."""
    frame = table(person=list("abcdabcd"), number=[1] * 4 + [2] * 4)
    curve = KaplanMeier(by=None).estimate(
        cohort(frame, stratum="number"), Question(exposure="stage")
    )
    assert curve.frame["group"].unique(maintain_order=True).to_list() == ["number: 1", "number: 2"]


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize(
    "design", [CaseCohort("drawn", cohort_size=20), NestedCaseControl("set")], ids=["cc", "ncc"]
)
def test_a_sampled_design_is_refused(estimator, design):
    frame = table(drawn=[True] * 8)
    with pytest.raises(UnsupportedError, match=f"the cohort is sampled .{type(design).__name__}"):
        estimator.estimate(cohort(frame, design=design), Question(exposure="x"))


@pytest.mark.parametrize("estimator", UNTIL_FIRST)
def test_recurrent_events_are_refused_until_the_first(estimator):
    frame = table(
        person=list("aabcdefg"), entry=[0.0, 1, 0, 0, 0, 0, 0, 0], event=[1, 1, 0, 1, 0, 1, 1, 0]
    )
    with pytest.raises(UnsupportedError, match="1 event follows an earlier event of the same"):
        estimator.estimate(cohort(frame, entry="entry"), Question(exposure="x"))


def test_recurrent_events_have_a_mean_number():
    """Nelson-Aalen over records: 1/8 + ... with the person still at risk after her first event."""
    frame = table(
        person=list("aabcdefg"), entry=[0.0, 1, 0, 0, 0, 0, 0, 0], event=[1, 1, 0, 1, 0, 1, 1, 0]
    )
    curve = NelsonAalen(by=None).estimate(cohort(frame, entry="entry"), Question(exposure="x"))
    # At risk: 7 persons at 1; a again and 6 others at 2.
    assert curve.frame["at_risk"].to_list()[:3] == [7, 7, 6]
    assert 1 / 7 + 1 / 7 == pytest.approx(curve.frame["estimate"][1], rel=1e-15)
    assert "robust (infinitesimal jackknife) variance by person" in curve.method


@pytest.mark.parametrize("estimator", [*CURVES, IncidenceRate(), LogRank()])
def test_an_exposure_without_levels_is_refused(estimator):
    for exposure in ("age", "log(age)", "stage:x"):
        with pytest.raises(QuestionError, match="has no levels"):
            estimator.estimate(cohort(), Question(exposure=exposure))


def test_a_missing_exposure_is_refused_or_counted():
    frame = table(stage=["II", "I", None, "I", "II", None, "II", "I"])
    with pytest.raises(SchemaError, match=r"2 of 8 records .*rows 3, 6.*'stage' 2"):
        KaplanMeier().estimate(cohort(frame), Question(exposure="stage"))
    ask = Question(exposure="stage", missing="complete case")
    curve = KaplanMeier().estimate(cohort(frame), ask)
    assert 6 == curve.frame.select(pl.col("events") + pl.col("censored")).sum().item()
    assert "complete cases" in curve.method
    # Everyone has a time and an event: together nobody is left out.
    whole = KaplanMeier(by=None).estimate(cohort(frame), Question(exposure="stage"))
    assert whole.frame["at_risk"][0] == 8


def test_unknown_words_name_the_known_ones():
    with pytest.raises(QuestionError, match="no outcome 'othr' is declared; did you mean 'other'"):
        KaplanMeier().estimate(cohort(), Question(exposure="x", outcome="othr"))
    with pytest.raises(QuestionError, match="no outcome 'othr'"):
        CumulativeIncidence().estimate(cohort(), Question(exposure="x", outcome="othr"))
    for wrong in (
        lambda: KaplanMeier(conf_type="loglog"),
        lambda: KaplanMeier(conf_level=95),
        lambda: KaplanMeier(by="x"),
        lambda: NelsonAalen("log-log"),
        lambda: NelsonAalen(ties="efron"),
        lambda: FlemingHarrington(ties="breslow"),
        lambda: CumulativeIncidence(variance="robust"),
        lambda: GrayTest(-1.0),
    ):
        with pytest.raises(QuestionError, match="expected"):
            wrong()


def test_variances_that_do_not_hold_are_refused():
    ask = Question(exposure="x")
    for estimator in (KaplanMeier(variance=TwoPhase()), NelsonAalen(variance=TwoPhase())):
        with pytest.raises(UnsupportedError, match="for a sampled design"):
            estimator.estimate(cohort(), ask)
    with pytest.raises(UnsupportedError, match="spread ties have no robust variance"):
        FlemingHarrington(ties="spread", variance=Robust()).estimate(cohort(), ask)
    weighted = cohort(weight="w")
    for variance in ("greenwood", "aalen"):
        with pytest.raises(UnsupportedError, match="without weights and clusters"):
            CumulativeIncidence(variance=variance).estimate(weighted, ask)
    for estimator in (GrayTest(), LogRank(), PseudoValues((2.0,)), ObservedExpected("age")):
        with pytest.raises(UnsupportedError, match="without"):
            estimator.estimate(weighted, ask)
    with pytest.raises(UnsupportedError, match="without late entry"):
        GrayTest().estimate(cohort(entry="entry"), ask)


def test_nobody_left_after_the_start():
    with pytest.raises(NotEstimableError, match="everyone left before start = 9"):
        KaplanMeier(start=9.0).estimate(cohort(), Question(exposure="x"))


def test_quantiles_of_other_curves_are_refused():
    curve = NelsonAalen().estimate(cohort(), Question(exposure="x"))
    with pytest.raises(QuestionError, match="cumulative hazard"):
        quantiles(curve)
    with pytest.raises(QuestionError, match="between 0 and 1"):
        quantiles(KaplanMeier().estimate(cohort(), Question(exposure="x")), (50.0,))


def test_limits_that_turn_back_count_from_the_first_time():
    """99 % log-log limits of a small group rise at first: R's printed median has its limit at 9."""
    frame = pl.DataFrame(
        {
            "person": list("abcdefghijk"),
            "exit": [9.0, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161],
            "event": [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0],
        }
    )
    curve = KaplanMeier("log-log", 0.99, by=None).estimate(
        cohort(frame, variables=[]), Question(exposure="none")
    )
    assert quantiles(curve, (0.5,)).row(0) == ("all", 0.5, 31.0, 9.0, None)


def test_the_method_sentence_tells_every_default():
    ask = Question(exposure="x", strata=("stage",))
    told = KaplanMeier().estimate(cohort(entry="entry", weight="w"), ask).method
    for words in (
        "Kaplan-Meier survival until 'event'",
        "time scale: time since entry, in years with late entry",
        "by x and stage",
        "other outcomes censor",
        "records weighted by 'w'",
        "robust (infinitesimal jackknife) variance by person",
        "95 % pointwise limits on the log scale",
    ):
        assert words in told
    assert "Greenwood's variance" in KaplanMeier().estimate(cohort(), ask).method
    assert "per 1000 person-years" in IncidenceRate().estimate(cohort(), ask).method


def test_repr_is_for_people():
    curve = KaplanMeier().estimate(cohort(), Question(exposure="x"))
    assert repr(curve) == "Curve(survival, 2 groups, 8 times in years)"
    assert "log-rank test: chi-square" in repr(LogRank().estimate(cohort(), Question(exposure="x")))


@pytest.mark.parametrize("estimator", ALL, ids=lambda one: type(one).__name__)
def test_modifiers_are_refused(estimator) -> None:
    """They were passed over in silence."""
    question = Question(exposure="x", modifiers=("stage",))
    with pytest.raises(UnsupportedError, match=r"has modifiers \('stage'\).*strata="):
        estimator.estimate(cohort(), question)


def test_events_after_the_horizon_do_not_count() -> None:
    frame = KaplanMeier(by=None).estimate(cohort(), Question(exposure="x")).frame
    times = frame.filter(pl.col("events") > 0)["time"]
    until = float(times.median())
    expected = frame.filter(pl.col("time") <= until)["events"].sum()
    for estimator in (RestrictedMean(until, by=None), TimeLost(until, by=None)):
        row = estimator.estimate(cohort(), Question(exposure="x")).frame.row(0, named=True)
        assert 0 < row["events"] == expected < frame["events"].sum()


@pytest.mark.parametrize(
    "make",
    [
        lambda: RestrictedMean("5"),
        lambda: RestrictedMean(5.0, start="a"),
        lambda: TimeLost(float("nan")),
        lambda: KaplanMeier(start="a"),
        lambda: NelsonAalen(start="2"),
        lambda: FlemingHarrington(start=True),
        lambda: CumulativeIncidence(start=float("inf")),
        lambda: PseudoValues(("a",)),
    ],
)
def test_a_time_that_is_no_number_is_refused(make) -> None:
    with pytest.raises(QuestionError, match="is no time: expected a number in the unit"):
        make()


def test_one_time_of_pseudo_values_needs_no_tuple() -> None:
    assert PseudoValues(2.0).times == (2.0,)
