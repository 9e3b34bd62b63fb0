"""What a study found on a claim, and how far it may be relied on, by rules that the page prints."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analyses.pooling.heterogeneity import Heterogeneity
from analyses.pooling.published_part import PublishedPart
from cohort.errors import StudyError, nearest
from cohort.published import PublishedGroup, PublishedTable

from .claims_document import Test
from .published_page import PooledStudy

PROSPECTIVE = ("cohort", "case-cohort", "nested case-control")
COMPARED = (*PROSPECTIVE, "case-control")
MANY, SEVERAL = 3, 2
HETEROGENEOUS_P, HETEROGENEOUS_I2 = 0.10, 50.0
MODERATE, LOW = 3, 2

RULES: tuple[tuple[str, str], ...] = (
    ("Design and timing", "2 points when every table is of a cohort (or sampled from one) and the "
     "sample was taken before disease; 1 when any compares after disease; 0 for any other design."),
    ("Independent populations", "plus 1 for three or more, minus 1 for a single one. Papers known "
     "to draw on the same people count once; papers of one laboratory may share more."),
    ("Consistency", "plus 1 when three or more tables lie on one side of 1 with I2 below 50 %; "
     "minus 1 when they lie on both sides or p of homogeneity is below 0.10."),
    ("Precision", "minus 1 when the interval holds 1, or when there is none."),
    ("Dose", "plus 1 for a gradient, minus 1 for a response that is not monotone (a judgement)."),
    ("Negative control", "plus 1 when an outcome that should show nothing showed nothing, minus 1 "
     "when it did not (a judgement)."),
    ("Caution", "minus 1 for a known reason to distrust the result (a judgement)."),
    ("Provenance", "minus 2 when a number of the result is from memory; counts worked out from "
     "percentages are said and cost nothing."),
    ("Directness", "a result that does not measure what the claim speaks of is very low, whatever "
     "its points (a judgement)."),
)  # fmt: skip
SCALE = (
    "3 points or more: moderate. 2: low. Less: very low. No table or pool of crude or abstracted "
    "numbers can be called high. A share of a group without a comparison shows presence and is not "
    "graded; a description without numbers is not graded either."
)


@dataclass(frozen=True, slots=True)
class Effect:
    """The result of a test: a ratio with its interval, a group, or neither.

    tables : what it rests on. spread : of a pool. sides : whether studies lie below and above 1.
    from_memory, inferred : whether a number of it is.
    """

    measure: str
    tables: tuple[PublishedTable, ...]
    estimate: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    group: PublishedGroup | None = None
    spread: Heterogeneity | None = None
    sides: tuple[bool, bool] = (False, False)
    from_memory: bool = False
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """What one rule gave: the rule, what was found, how many points."""

    rule: str
    found: str
    points: int


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of a result; no points where it is not graded."""

    name: str
    points: tuple[Point, ...] = ()


def effect_of(test: Test, study: PooledStudy) -> Effect:
    """The result that a test names, taken from the built study.

    Raises StudyError when the study has no such part, table, group or pool.
    """
    part = _part(test, study)
    if not test.table:
        return _pooled(test, part)
    table = next((one for one in part.tables if one.id == test.table), None)
    if table is None:
        ids = [one.id for one in part.tables]
        raise StudyError(f"{test.study} has no table '{test.table}': {nearest(test.table, ids)}")
    if test.group:
        return _group(test, table)
    row = _rows(part, [table.id])
    memory, inferred = _marks(part, (table,))
    if row.is_empty():
        return Effect("no estimate", (table,), from_memory=memory, inferred=inferred)
    one = row.row(0, named=True)
    return Effect(
        str(one["measure"]), (table,), one["estimate"], one["conf_low"], one["conf_high"],
        from_memory=memory, inferred=inferred,
    )  # fmt: skip


def _part(test: Test, study: PooledStudy) -> PublishedPart:
    if not test.part and len(study.parts) == 1:
        return study.parts[0]
    found = study.part(test.part)
    if found is None:
        titles = [one.pooling.title for one in study.parts]
        raise StudyError(f"{test.study} has no part '{test.part}': {nearest(test.part, titles)}")
    return found


def _pooled(test: Test, part: PublishedPart) -> Effect:
    if part.pool is None:
        raise StudyError(f"{test.study}, '{test.part}', has no pool: name one of its tables.")
    random = part.pool.random
    singles = _rows(part, [table.id for table in part.tables])["estimate"]
    memory, inferred = _marks(part, part.tables)
    return Effect(
        f"pooled {random.measure}", part.tables, random.estimate, random.conf_low,
        random.conf_high, spread=random.heterogeneity,
        sides=(bool((singles < 1).any()), bool((singles > 1).any())),
        from_memory=memory, inferred=inferred,
    )  # fmt: skip


def _group(test: Test, table: PublishedTable) -> Effect:
    groups = [one for one in (table.cases, table.controls, *table.other_groups) if one is not None]
    found = next((one for one in groups if one.label == test.group), None)
    if found is None or found.exposed is None:
        labels = [one.label for one in groups]
        raise StudyError(f"{table.id} has no group '{test.group}': {nearest(test.group, labels)}")
    marks = (found.exposed_provenance, found.total_provenance)
    return Effect(
        "share", (table,), group=found, from_memory="memory" in marks, inferred="inferred" in marks
    )


def _rows(part: PublishedPart, ids: Sequence[str]) -> pl.DataFrame:
    """One row a study: the first with an estimate, as it entered the pool."""
    frame = part.frame.filter(pl.col("study").is_in(ids) & pl.col("estimate").is_not_null())
    return frame.unique("study", keep="first", maintain_order=True)


def _marks(part: PublishedPart, tables: Sequence[PublishedTable]) -> tuple[bool, bool]:
    """Whether any number that the result rests on is from memory, or inferred."""
    if part.pooling.estimate == "published":
        marks = [str(table.effects[0].provenance) for table in tables if table.effects]
    else:
        marks = [mark for table in tables for mark in table.doubtful]
    marks += [table.provenance for table in tables]
    return (
        any(mark.endswith("memory") for mark in marks),
        any(mark.endswith("inferred") for mark in marks),
    )


def grade_of(test: Test, effect: Effect) -> Grade:
    """The grade of a result by `RULES`."""
    if effect.group is not None:
        return Grade("presence, not graded")
    if effect.estimate is None:
        return Grade("no numbers, not graded")
    points = (
        _design(effect.tables),
        _populations(effect.tables),
        _consistency(effect),
        _precision(effect),
        _judged("Dose", test.dose, {"gradient": 1, "not monotone": -1}),
        _judged(
            "Negative control", test.negative_control, {"null, as it should be": 1, "not null": -1}
        ),
        Point("Caution", test.caution or "none", -1 if test.caution else 0),
        _provenance(effect),
        Point("Directness", test.directness, 0),
    )
    total = sum(point.points for point in points)
    if test.directness == "indirect" or total < LOW:
        return Grade("very low", points)
    return Grade("moderate" if total >= MODERATE else "low", points)


def _design(tables: Sequence[PublishedTable]) -> Point:
    kinds = sorted({table.design_kind for table in tables})
    timing = sorted({table.sampled or "timing not applicable" for table in tables})
    found = f"{', '.join(kinds)}; {', '.join(timing)}"
    if all(one.design_kind in PROSPECTIVE and one.sampled == "before disease" for one in tables):
        return Point("Design and timing", found, 2)
    compared = all(table.design_kind in COMPARED for table in tables)
    return Point("Design and timing", found, 1 if compared else 0)


def _populations(tables: Sequence[PublishedTable]) -> Point:
    count = len({table.population_id for table in tables})
    points = 1 if count >= MANY else 0 if count >= SEVERAL else -1
    return Point("Independent populations", str(count), points)


def _consistency(effect: Effect) -> Point:
    rule, spread = "Consistency", effect.spread
    if spread is None:
        return Point(rule, "one table", 0)
    both = all(effect.sides)
    side = "on both sides of 1" if both else "on one side of 1"
    p = "< 0.001" if spread.p_value < 0.001 else f"{spread.p_value:.2f}"
    found = f"{spread.df + 1} tables {side}, I2 {spread.i2:.0f} %, p of homogeneity {p}"
    if both or spread.p_value < HETEROGENEOUS_P:
        return Point(rule, found, -1)
    agree = spread.df + 1 >= MANY and spread.i2 < HETEROGENEOUS_I2
    return Point(rule, found, 1 if agree else 0)


def _precision(effect: Effect) -> Point:
    low, high = effect.conf_low, effect.conf_high
    if low is None or high is None:
        return Point("Precision", "no interval", -1)
    holds = low <= 1 <= high
    found = "the interval holds 1" if holds else "the interval does not hold 1"
    return Point("Precision", found, -1 if holds else 0)


def _judged(rule: str, found: str, points: dict[str, int]) -> Point:
    return Point(rule, found, points.get(found, 0))


def _provenance(effect: Effect) -> Point:
    if effect.from_memory:
        return Point("Provenance", "a number is from memory", -2)
    found = "some counts inferred" if effect.inferred else "seen in a source"
    return Point("Provenance", found, 0)
