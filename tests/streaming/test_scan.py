"""The door for folders of Parquet files: the same counts and the same refusals as in memory."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from analyses import BorganI, Cox, Firth, Profile, Question, TwoPhase
from analyses.streaming import Streamed
from analyses.streaming.compact import compact, shelve
from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.adapters.scanning import scan_parquet
from cohort.errors import (
    DesignError,
    FollowUpError,
    NotEstimableError,
    SchemaError,
    UnsupportedError,
)
from tests.streaming.parts import agree_with_memory, write_parts

AGE = TimeScale("age", "days", origin="birth")
N = 200


def table(**columns):
    rng = np.random.default_rng(5)
    start = np.array([date(1990, 1, 1)] * N, dtype="datetime64[D]") + rng.integers(0, 900, N)
    stay = rng.integers(1, 2000, N)
    frame = pl.DataFrame(
        {
            "id": [f"P{k:04d}" for k in range(N)],
            "clinic": [f"C{k // 10:03d}" for k in range(N)],
            "birth": start - rng.integers(8000, 20000, N),
            "start": start,
            "end": start + stay,
            "status": rng.choice(["alive", "ill", "gone"], N),
            "weight": rng.choice([0.5, 2.0], N),
            "smoke": rng.integers(0, 2, N),
            "stage": rng.integers(1, 4, N),
            "bmi": rng.normal(25, 4, N),
        }
    )
    return frame.with_columns([pl.Series(name, values) for name, values in columns.items()])


def facts(**more):
    follow_up = FollowUp(
        AGE, entry="start", exit="end", event="status", happened="ill", competing={"gone": "moved"}
    )
    variables = [
        Binary("smoke"),
        Categorical("stage", levels=(1, 2, 3), reference=1),
        Continuous("body", column="bmi", missing={99: "not measured"}),
    ]
    return {"person": "id", "follow_up": follow_up, "variables": variables} | more


def scan(folder, frame, *, unit="id", **more):
    return scan_parquet(write_parts(frame, folder, unit=unit), **facts(batch_rows=50, **more))


def test_dates_text_codes_and_counts(tmp_path):
    told = []
    frame = table(weight=[0.0, *[1.5] * (N - 1)])
    ours = scan(tmp_path, frame, weight="weight", progress=told.append)
    memory = from_frame(frame, **facts(weight="weight"))
    assert (ours.persons, ours.events) == (memory.persons, memory.events) == (N - 1, ours.events)
    assert ours.person_time == pytest.approx(memory.person_time, rel=1e-14)
    assert [(s.reason, s.persons, s.records, s.events) for s in ours.steps] == [
        (s.reason, s.persons, s.records, s.events) for s in memory.steps
    ]
    assert repr(ours).startswith("ScannedCohort(199 persons, ")
    assert told[-1].share == pytest.approx(1.0)
    assert told[-1].seconds_left == pytest.approx(0.0, abs=1e-6)
    question = Question(exposure="smoke", adjustments={"all": ["stage", "body"]})
    agree_with_memory(
        Streamed(Cox()).estimate(ours, question).frame, Cox().estimate(memory, question).frame
    )


def test_the_same_bytes_have_the_same_hash(tmp_path):
    one = scan(tmp_path / "a", table()).provenance
    assert one.rows_read == N
    assert one.sha256 == scan(tmp_path / "b", table()).provenance.sha256
    assert one.sha256 != scan(tmp_path / "c", table(stage=[1] * N)).provenance.sha256


def test_file_names_with_marks_of_patterns(tmp_path):
    assert scan(tmp_path / "wave [1] *", table()).persons == N


BAD = {
    "entry after exit": (
        {"end": [date(1980, 1, 1)] * 1 + [date(2010, 1, 1)] * (N - 1)},
        FollowUpError,
        r"in 'part-0.parquet', records 1 to \d+, .*: 1 of \d+ records leaves follow-up at",
    ),
    "no exit": ({"end": [None] + [date(2010, 1, 1)] * (N - 1)}, FollowUpError, "no finite exit"),
    "no person": ({"id": [None, *map(str, range(1000, 999 + N))]}, SchemaError, "no identifier"),
    "undeclared code": ({"status": ["?", "lost"] * (N // 2)}, SchemaError, "2 codes without"),
    "undeclared level": ({"stage": [9] + [1] * (N - 1)}, SchemaError, "none of the 3 levels"),
    "neither 0 nor 1": ({"smoke": [2] + [1] * (N - 1)}, SchemaError, "neither 0 nor 1"),
    "infinite": ({"bmi": [np.inf] + [1.0] * (N - 1)}, SchemaError, "infinite"),
    "doubled side by side": (
        {"id": ["a", *(f"b{k:03d}" for k in (0, *range(N - 2)))]}
        | {name: [date(year, 1, 1)] * N for name, year in (("birth", 1960), ("start", 1990))}
        | {"end": [date(2000, 1, 1)] * N},
        FollowUpError,
        "overlaps another record of the same person",
    ),
    "doubled in two files": (
        {"id": [f"b{k % (N - 1):03d}" for k in range(N)]},
        FollowUpError,
        r"1 times the records of a person begin again after another's \('part-2.parquet' row \d+\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_as_in_memory(case, tmp_path):
    columns, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        scan(tmp_path, table(**columns))


def test_unsorted_persons_are_no_problem_while_nobody_comes_back(tmp_path):
    frame = table().sample(fraction=1.0, shuffle=True, seed=1)
    numbered = frame.with_columns(pl.col("id").str.slice(1).cast(pl.Int64))
    for number, one in enumerate((frame, numbered)):
        assert scan(tmp_path / str(number), one).persons == N
    back = pl.concat([frame, frame[:2]])
    with pytest.raises(FollowUpError, match="2 times the records of a person begin again"):
        scan(tmp_path / "back", back)


def test_clusters(tmp_path):
    assert scan(tmp_path / "a", table(), unit="clinic", cluster="clinic").persons == N
    apart = table(clinic=[f"C{k % 20:03d}" for k in range(N)])
    with pytest.raises(DesignError, match="a cluster 'clinic' begin again after another's"):
        scan(tmp_path / "b", apart, cluster="clinic")
    frame = table(id=[f"P{k // 2:04d}" for k in range(N)]).with_columns(
        end=pl.when(pl.int_range(pl.len()) % 2 == 0).then("start").otherwise("end")
    )
    frame = frame.with_columns(
        start=pl.when(pl.int_range(pl.len()) % 2 == 0)
        .then(pl.col("birth") + pl.duration(days=100))
        .otherwise(pl.col("start"))
    )
    divided = frame.with_columns(clinic=pl.Series([f"C{k // 5:03d}" for k in range(N)]))
    with pytest.raises(DesignError, match="from an earlier record of the same person in cluster"):
        scan(tmp_path / "c", divided, cluster="clinic")
    write_parts(table(), tmp_path / "d", unit="clinic")
    with pytest.raises(UnsupportedError, match="more than four batches of 1: scan with a larger"):
        scan_parquet(tmp_path / "d", **facts(batch_rows=1, cluster="clinic"))


def test_files_and_declarations(tmp_path):
    with pytest.raises(SchemaError, match="no folder 'nowhere'"):
        scan_parquet(tmp_path / "nowhere", **facts())
    (tmp_path / "empty").mkdir()
    with pytest.raises(SchemaError, match="no Parquet files"):
        scan_parquet(tmp_path / "empty", **facts())
    table()[:0].write_parquet(tmp_path / "empty" / "a.parquet")
    with pytest.raises(SchemaError, match="1 Parquet files but no records"):
        scan_parquet(tmp_path / "empty", **facts())
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.parquet").write_text("no parquet")
    with pytest.raises(SchemaError, match=r"'a\.parquet' cannot be read as Parquet"):
        scan_parquet(tmp_path / "text", **facts())
    write_parts(table(), tmp_path / "unlike", unit="id")
    table(stage=["1"] * N).write_parquet(tmp_path / "unlike" / "part-1.parquet")
    with pytest.raises(SchemaError, match=r"1 of 3 files .* such as 'part-1.parquet'"):
        scan_parquet(tmp_path / "unlike", **facts())
    with pytest.raises(SchemaError, match="the levels of 'stage' are not declared"):
        scan(tmp_path / "levels", table(), variables=[Categorical("stage", reference=1)])
    with pytest.raises(SchemaError, match="batch_rows = 0"):
        scan_parquet(tmp_path / "levels", **facts(batch_rows=0))


def test_questions_that_are_refused(tmp_path):
    frame = table(bmi=[99.0] * 3 + [25.0] * (N - 3))
    cohort = scan(tmp_path / "a", frame)
    refused = [
        (Cox(ties="exact"), "exact ties are not built for a streamed fit"),
        (Cox(inference=Profile()), r"Profile\(\) is not built for a streamed fit"),
        (Cox(inference=Firth()), r"Firth\(\) is not built for a streamed fit"),
        (Cox(weighting=BorganI()), "is for a sampled design"),
        (Cox(variance=TwoPhase()), "is for a sampled design"),
    ]
    for cox, message in refused:
        with pytest.raises(UnsupportedError, match=message):
            Streamed(cox).estimate(cohort, Question(exposure="smoke"))
    with pytest.raises(SchemaError, match=r"3 of .* missing by variable: 'body' 3"):
        Streamed(Cox()).estimate(cohort, Question(exposure="body"))
    with pytest.raises(UnsupportedError, match="made by scan_parquet, not Cohort"):
        Streamed(Cox()).estimate(from_frame(frame, **facts()), Question(exposure="smoke"))
    with pytest.raises(SchemaError, match="did you mean 'stage'"):
        Streamed(Cox()).estimate(cohort, Question(exposure="stages"))
    nobody = scan(tmp_path / "b", table(status=["alive"] * N))
    assert "no record ends with 'status'." in nobody.provenance.notes
    with pytest.raises(NotEstimableError, match="none of the 200 records"):
        Streamed(Cox()).estimate(nobody, Question(exposure="smoke"))
    without = scan(tmp_path / "c", table(stage=[2, 3] * (N // 2)))
    with pytest.raises(SchemaError, match="reference level of 'stage', '1'"):
        Streamed(Cox()).estimate(without, Question(exposure="stage"))


def test_the_scratch_folder_is_removed_whatever_happens(tmp_path):
    cohort = scan(tmp_path / "data", table())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    seen = []

    def look(progress):
        seen.append(len(list(scratch.iterdir())))

    estimator = Streamed(Cox(), scratch=scratch, progress=look)
    estimator.estimate(cohort, Question(exposure="smoke"))
    assert max(seen) == 1
    assert not list(scratch.iterdir())
    missing = scan(tmp_path / "missing", table(bmi=[None, *[25.0] * (N - 1)]))
    with pytest.raises(SchemaError, match=r"lacks? a value"):
        Streamed(Cox(), scratch=scratch).estimate(missing, Question(exposure="body"))
    assert not list(scratch.iterdir())


COLUMNS = [
    (np.array([0.0, 1.0, 1.0]), np.int8),
    (np.array([-129.0, 3.0]), np.int16),
    (np.array([40_000.0]), np.int32),
    (np.array([0.5, 2.25]), np.float32),
    (np.array([0.1]), np.float64),
    (np.array([2.0**31]), np.float32),
    (np.array([2.0**31 + 1]), np.float64),
    (np.array([-np.inf, 1.0]), np.float32),
    (np.array([1e300]), np.float64),
    (np.array([5, 6], dtype=np.int64), np.int8),
    (np.array([2**40], dtype=np.int64), np.int64),
    (np.array([True]), np.bool_),
]


@pytest.mark.parametrize(("values", "kind"), COLUMNS, ids=lambda one: str(one))
def test_compact_columns_hold_the_same_values(values, kind):
    small = compact(values)
    assert small.dtype == kind
    assert (small == values).all()


def test_a_shelf_gives_back_what_was_put_on_it(tmp_path):
    batches = [{"a": np.arange(5, dtype=np.int8), "b": np.array([0.1, 0.2])}, {"a": np.empty(0)}]
    back = shelve(tmp_path / "shelf", batches)
    for one, other in zip(batches, back, strict=True):
        for name in one:
            assert one[name].dtype == other[name].dtype
            assert (one[name] == other[name]).all()
