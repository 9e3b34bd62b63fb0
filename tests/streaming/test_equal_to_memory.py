"""A streamed fit is the fit in memory, whatever the options: expected values are that fit's own.

The fit in memory is held to R in tests/reference; here the same rows go through Parquet files in
uneven parts and batches that end inside them.
"""

import itertools

import numpy as np
import polars as pl
import pytest

from analyses import Cox, ModelBased, Question, Robust
from analyses.streaming import Streamed
from analyses.streaming.fit import _standard
from analyses.streaming.slotted import Grid, spread_of
from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.adapters.scanning import scan_parquet
from cohort.errors import NotEstimableError
from tests.streaming.parts import agree_with_memory, scanned, streamed, write_parts

DAYS = TimeScale("time since entry", "days")
VARIABLES = (
    Continuous("age", unit="years", per=5),
    Continuous("bmi"),
    Binary("sex"),
    Categorical("stage", levels=(1, 2, 3, 4), reference=1),
)


def people(seed=1, persons=700):
    """Two records a person, one after the other; heavy ties; clusters of five persons."""
    rng = np.random.default_rng(seed)
    n = 2 * persons
    person = np.repeat(np.arange(persons), 2)
    stay = rng.integers(1, 120, n)
    entry = np.where(np.arange(n) % 2 == 0, rng.integers(0, 200, n), 0)
    entry[1::2] = entry[::2] + stay[::2]
    return pl.DataFrame(
        {
            "id": person,
            "row": np.arange(n),
            "family": person // 5,
            "entry": entry,
            "exit": entry + stay,
            "event": rng.random(n) < 0.15,
            "code": rng.choice([0, 0, 0, 1, 2], n),
            "weight": rng.choice([0.0, 0.5, 1.0, 2.25], n, p=[0.1, 0.3, 0.3, 0.3]),
            "offset": rng.normal(0, 0.2, n),
            "age": rng.normal(60, 8, n),
            "bmi": rng.integers(15, 40, n),
            "sex": rng.integers(0, 2, n),
            "stage": rng.integers(1, 5, n),
        }
    )


def cohort_of(frame, *, late=True, event="event", **facts):
    follow_up = FollowUp(DAYS, entry="entry" if late else None, exit="exit", event=event)
    return from_frame(
        frame, person="id" if late else "row", follow_up=follow_up, variables=VARIABLES, **facts
    )


PRODUCT = list(
    itertools.product(
        ("efron", "breslow"), (True, False), (None, "weight"), ((), ("stage",)),
        (None, "family"), (ModelBased(), Robust()),
    )
)  # fmt: skip


def agree_at(tmp_path, ties, late, weight, strata, cluster, variance):
    cohort = cohort_of(people(), late=late, weight=weight, cluster=cluster, offset="offset")
    terms = ["age", "rcs(bmi, knots=[18, 25, 33])", *([] if strata else ["stage"])]
    question = Question(exposure="sex", adjustments={"all": terms}, strata=strata)
    cox = Cox(ties=ties, variance=variance)
    ours = streamed(cox, cohort, question, tmp_path)
    memory = cox.estimate(cohort, question)
    agree_with_memory(ours.frame, memory.frame)
    return ours, memory


@pytest.mark.parametrize("options", PRODUCT[::5], ids=str)
def test_options(options, tmp_path):
    agree_at(tmp_path, *options)


@pytest.mark.slow
@pytest.mark.parametrize("options", PRODUCT, ids=str)
def test_every_option_meets_every_other(options, tmp_path):
    agree_at(tmp_path, *options)


def test_default_variances(tmp_path):
    question = Question(exposure="sex")
    facts = ({}, {"weight": "weight"}, {"cluster": "family"})
    for number, (late, fact) in enumerate(itertools.product((True, False), facts)):
        cohort = cohort_of(people(), late=late, **fact)
        ours = streamed(Cox(), cohort, question, tmp_path / str(number))
        memory = Cox().estimate(cohort, question)
        agree_with_memory(ours.frame, memory.frame)
        assert ours.method.replace("who", "person").replace("group", "family") == memory.method


def test_modifiers_adjustment_sets_and_missing_values(tmp_path):
    frame = people().with_columns(
        pl.when(pl.col("row") % 7 == 3).then(None).otherwise(pl.col("bmi")).alias("bmi"),
        pl.when(pl.col("row") % 11 == 3).then(None).otherwise(pl.col("stage")).alias("stage"),
    )
    cohort = cohort_of(frame)
    question = Question(
        exposure="log(age)",
        adjustments={"crude": [], "bmi": ["bmi", "bmi:sex"]},
        modifiers=("stage",),
        missing="complete case",
    )
    ours, memory = streamed(Cox(), cohort, question, tmp_path), Cox().estimate(cohort, question)
    # log(age) varies by 3 % of itself, so its products with the levels all but repeat these: the
    # information's condition number, about 1e6, multiplies the rounding of both fits.
    agree_with_memory(ours.frame, memory.frame, rtol=1e-10)
    assert [name for name, _ in ours.steps] == [name for name, _ in memory.steps]
    for (_, mine), (_, its) in zip(ours.steps, memory.steps, strict=True):
        assert (mine.reason, mine.persons, mine.records, mine.events) == (
            its.reason, its.persons, its.records, its.events,
        )  # fmt: skip
        assert mine.person_time == pytest.approx(its.person_time, rel=1e-13)


def test_another_outcome(tmp_path):
    follow_up = FollowUp(
        DAYS, exit="exit", event="code", happened=1, competing={2: "other"}, censored=0
    )
    cohort = from_frame(people(), person="row", follow_up=follow_up, variables=VARIABLES)
    for outcome in ("code", "other"):
        question = Question(exposure="stage", outcome=outcome)
        ours = streamed(Cox(), cohort, question, tmp_path / outcome)
        agree_with_memory(ours.frame, Cox().estimate(cohort, question).frame)


def test_strata_without_events_and_records_at_risk_for_none(tmp_path):
    frame = people().with_columns(event=pl.col("event") & (pl.col("stage") < 3))
    frame = frame.with_columns(event=pl.col("event") & (pl.col("exit") > 60))
    cohort = cohort_of(frame)
    question = Question(exposure="sex", adjustments={"age": ["age"]}, strata=("stage",))
    for number, cox in enumerate((Cox(), Cox(variance=Robust()))):
        ours = streamed(cox, cohort, question, tmp_path / str(number))
        agree_with_memory(ours.frame, cox.estimate(cohort, question).frame)


def test_as_many_strata_as_persons(tmp_path):
    frame = people(persons=600).with_columns(pl.Series("stage", np.arange(1200) // 4))
    levels = tuple(range(300))
    variables = [*VARIABLES[:3], Categorical("stage", levels=levels, reference=0)]
    follow_up = FollowUp(DAYS, exit="exit", event="event")
    cohort = from_frame(frame, person="row", follow_up=follow_up, variables=variables)
    question = Question(exposure="sex", adjustments={"age": ["age"]}, strata=("stage",))
    ours = streamed(Cox(), cohort, question, tmp_path)
    agree_with_memory(ours.frame, Cox().estimate(cohort, question).frame)


def test_a_large_constant_loses_no_digit(tmp_path):
    cohort = cohort_of(people().with_columns(age=pl.col("age").round() + 1e6))
    plain = cohort_of(people().with_columns(age=pl.col("age").round()))
    question = Question(exposure="age", adjustments={"sex": ["sex"]})
    ours = streamed(Cox(), cohort, question, tmp_path)
    agree_with_memory(ours.frame, Cox().estimate(plain, question).frame)


def test_risk_sets_tiny_beside_those_before_them(tmp_path):
    """One early leaver with e^24 times the risk of the others: differences would cancel."""
    frame = people(persons=300).with_columns(
        offset=pl.when(pl.col("row") == 4).then(24.0).otherwise(pl.col("offset")),
        entry=pl.when(pl.col("row") == 4).then(0).otherwise(pl.col("entry") + 100),
        exit=pl.when(pl.col("row") == 4).then(101).otherwise(pl.col("exit") + 100),
        id=pl.col("row"),
    )
    cohort = cohort_of(frame, offset="offset")
    question = Question(exposure="sex", adjustments={"age": ["age"]})
    for number, variance in enumerate((ModelBased(), Robust())):
        cox = Cox(variance=variance)
        ours = streamed(cox, cohort, question, tmp_path / str(number))
        agree_with_memory(ours.frame, cox.estimate(cohort, question).frame)


def test_what_cannot_be_estimated_says_the_same(tmp_path):
    frame = people().with_columns(
        bmi=pl.col("age") * 2,  # aliased
        sex=pl.when(pl.col("event")).then(1).otherwise(pl.col("sex")),  # monotone
    )
    cohort = cohort_of(frame)
    for exposure, adjusted in (("bmi", ["age"]), ("sex", []), ("sex", ["age"])):
        question = Question(exposure=exposure, adjustments={"all": adjusted})
        ours = streamed(Cox(), cohort, question, tmp_path / f"{exposure}{adjusted}")
        memory = Cox().estimate(cohort, question)
        assert memory.frame["estimate"][0] is None
        assert ours.frame["note"].to_list() == memory.frame["note"].to_list()
        assert ours.frame["estimate"][0] is None


def test_times_that_differ_by_rounding_are_merged_across_files(tmp_path):
    """0.1 + 0.2 in one file and 0.3 in another are one time, as in memory."""
    rng = np.random.default_rng(3)
    n = 300
    tenths = rng.integers(1, 30, n)
    exits = np.where(np.arange(n) < 150, tenths / 10, np.cumsum(np.full(30, 0.1))[tenths - 1])
    frame = pl.DataFrame(
        {"id": np.arange(n), "exit": exits, "event": rng.random(n) < 0.4, "x": rng.normal(size=n)}
    )
    facts = {
        "person": "id",
        "follow_up": FollowUp(TimeScale("time", "years"), exit="exit", event="event"),
        "variables": [Continuous("x")],
    }
    memory = from_frame(frame, **facts)
    folder = write_parts(frame, tmp_path, unit="id", parts=2)
    ours = scan_parquet(folder, **facts, batch_rows=70)
    assert ours.provenance.merged_times == memory.provenance.merged_times > 0
    question = Question(exposure="x")
    agree_with_memory(
        Streamed(Cox()).estimate(ours, question).frame, Cox().estimate(memory, question).frame
    )


def test_the_same_to_the_last_bit_again_and_close_in_other_batches(tmp_path):
    cohort = cohort_of(people(), weight="weight")
    question = Question(exposure="sex", adjustments={"age": ["age", "stage"]})
    one = scanned(cohort, tmp_path / "a")
    first = Streamed(Cox()).estimate(one, question).frame
    assert first.equals(Streamed(Cox()).estimate(one, question).frame)
    other = scanned(cohort, tmp_path / "b", batch_rows=1000, parts=5)
    agree_with_memory(Streamed(Cox()).estimate(other, question).frame, first)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [5, 60, 400])
def test_strata_whose_hazards_lie_far_apart(tmp_path, strata, late):
    """Hazards were summed over all strata before a record's own, which left rounding errors."""
    rng = np.random.default_rng(strata)
    frame = people(persons=900).with_columns(stratum=pl.Series(rng.integers(0, strata, 1800)))
    apart = rng.normal(0, 2.5, strata)[frame["stratum"].to_numpy()]
    frame = frame.with_columns(offset=pl.Series(apart), weight=pl.Series(10.0 ** (apart / 4)))
    by = Categorical("stratum", levels=tuple(range(strata)), reference=0)
    cohort = from_frame(
        frame, person="id" if late else "row", variables=(*VARIABLES, by), offset="offset",
        weight="weight",
        follow_up=FollowUp(DAYS, entry="entry" if late else None, exit="exit", event="event"),
    )  # fmt: skip
    question = Question(exposure="sex", adjustments={"age": ["age"]}, strata=("stratum",))
    ours = streamed(Cox(), cohort, question, tmp_path)
    agree_with_memory(ours.frame, Cox().estimate(cohort, question).frame)


@pytest.mark.parametrize("late", [False, True])
def test_terms_that_strata_differ_by(tmp_path, late):
    """Linear predictors of strata a thousand apart overflowed: "no convergence"."""
    rng = np.random.default_rng(8)
    frame = people(persons=900).with_columns(stratum=pl.Series(rng.integers(0, 40, 1800)))
    apart = np.rint(rng.normal(0, 400_000, 40))[frame["stratum"].to_numpy()]
    frame = frame.with_columns(
        age=pl.Series(np.rint(frame["age"].to_numpy() * 1024) / 1024 + apart)
    )
    by = Categorical("stratum", levels=tuple(range(40)), reference=0)
    cohort = from_frame(
        frame, person="id" if late else "row", variables=(*VARIABLES, by),
        follow_up=FollowUp(DAYS, entry="entry" if late else None, exit="exit", event="event"),
    )  # fmt: skip
    question = Question(exposure="age", adjustments={"sex": ["sex"]}, strata=("stratum",))
    for number, cox in enumerate((Cox(), Cox(variance=Robust()))):
        ours = streamed(cox, cohort, question, tmp_path / str(number))
        assert ours.frame["converged"].all()
        agree_with_memory(ours.frame, cox.estimate(cohort, question).frame, rtol=1e-11)


@pytest.mark.parametrize("place", [3, 900])
def test_one_value_far_out_does_not_move_the_centre_of_the_others(place):
    """Squares of a common distance from the centre drowned the spread: 1e-7 of standard errors."""
    column = np.random.default_rng(6).normal(5.0, 1.0, 1_000)
    column[place] = 1e8
    one, none = np.ones(500, dtype=np.int64), np.zeros(500, dtype=np.int64)
    grid = Grid(np.ones(1), np.zeros(1, np.int64), np.array([0, 1]), {("all",): 0})
    batches = [
        {"first": none, "past": one, "death": one[:1], "weight": one, "age": half}
        for half in (column[:500], column[500:])
    ]
    centre, scale, apart = _standard(spread_of(batches, ["age"], grid))
    assert abs(centre[0] - 5.0) < 1.0
    assert scale[0] == pytest.approx(column.std())
    assert apart is None


def test_values_whose_squares_are_no_numbers_are_refused_by_name(tmp_path):
    """They were called aliased."""
    cohort = cohort_of(people().with_columns(age=pl.col("age") * 1e160))
    question = Question(exposure="sex", adjustments={"age": ["age"]})
    with pytest.raises(NotEstimableError, match="values of age are so large"):
        streamed(Cox(), cohort, question, tmp_path)
