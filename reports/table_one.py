"""Table 1: who the persons are, by exposure, with standardised differences and no p-values.

Austin (2009), Stat Med 28:3083-3107, for means and proportions; Yang and Dalton (2012), SAS Global
Forum 335, for variables of several levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cohort import Binary, CaseCohort, Categorical, Cohort, Continuous
from cohort.declaration import ENTRY, PERSON, SUBCOHORT, WEIGHT
from cohort.variables import Variable

from . import numbers
from .content import Row, Table
from .disclosure import hidden_cells, small
from .numbers import NOTHING, WITHHELD
from .tables import label_of, with_note

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The columns of Table 1: a word and the persons of each; the first is the reference."""

    label: str
    words: tuple[str, ...]
    members: tuple[NDArray[np.bool_], ...]


def groups_of(cohort: Cohort, frame: pl.DataFrame, exposure: str | None) -> Groups:
    """The exposure groups of a frame of one row a person; none for a continuous exposure."""
    if exposure is None:
        return Groups("", (), ())
    variable = cohort.variable(exposure)
    values = frame[exposure]
    if isinstance(variable, Continuous):
        return Groups("", (), ())
    if isinstance(variable, Binary):
        named: list[tuple[str, object]] = [("no", False), ("yes", True)]
    else:
        named = [(variable.word(level), level) for level in variable.levels or ()]
    members = tuple(_is(values, level) for _, level in named)
    return Groups(label_of(variable), tuple(word for word, _ in named), members)


def _is(values: pl.Series, level: object) -> NDArray[np.bool_]:
    return np.asarray((values == level).fill_null(False).to_numpy(), dtype=bool)


def first_records(cohort: Cohort) -> pl.DataFrame:
    """One row a person: the record that begins first; of a case-cohort, the subcohort alone."""
    frame = cohort.frame
    if isinstance(cohort.design, CaseCohort):
        frame = frame.filter(pl.col(SUBCOHORT))
    first = frame.sort(ENTRY, maintain_order=True)
    return first.unique(PERSON, keep="first", maintain_order=True)


def table_one(cohort: Cohort, exposure: str | None, names: Sequence[str], smallest: int) -> Table:
    """Characteristics by exposure group: means with SD, numbers with percentages.

    names : the variables described, in order. The last column is the largest standardised
    difference, in absolute value, of any group from the reference group.
    """
    frame = first_records(cohort)
    groups = groups_of(cohort, frame, exposure)
    everyone = np.ones(len(frame), dtype=bool)
    columns = (*groups.members, everyone)
    sizes = [float(member.sum()) for member in columns]
    rows = [Row(("Persons", *_sizes(sizes, smallest), *_no_difference(groups)), "total")]
    reference = _reference_place(cohort, exposure, groups)
    for name in names:
        if name == exposure:
            continue
        variable = cohort.variable(name)
        describe = _continuous_rows if isinstance(variable, Continuous) else _level_rows
        rows += describe(variable, frame[name], _Layout(columns, reference, smallest))
    words = tuple(f"{groups.label}: {w}" if i == 0 else w for i, w in enumerate(groups.words))
    header = ("Characteristic", *words, "All")
    if groups.members:
        header += ("Largest std. difference",)
    notes = ["Mean (SD) or number (%); percentages are of those recorded."]
    if groups.members:
        notes.append(
            "Standardised difference: of a group from the reference group, in units of the "
            "pooled standard deviation; missing values are left out of it."
        )
    if isinstance(cohort.design, CaseCohort):
        notes.append("Persons of the subcohort alone: they stand for the cohort.")
    if WEIGHT in frame.columns:
        notes.append("Not weighted: these are the persons in the sample.")
    return with_note(
        Table("Characteristics by exposure", header, tuple(rows), tuple(notes)), smallest
    )


def _reference_place(cohort: Cohort, exposure: str | None, groups: Groups) -> int:
    if exposure is None or not groups.members:
        return 0
    variable = cohort.variable(exposure)
    if isinstance(variable, Categorical) and variable.reference is not None:
        return list(variable.levels or ()).index(variable.reference)
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """members : (n,) of each column, everyone last. reference : place of the reference group."""

    columns: tuple[NDArray[np.bool_], ...]
    reference: int
    smallest: int

    @property
    def groups(self) -> tuple[NDArray[np.bool_], ...]:
        return self.columns[:-1]


def _sizes(sizes: Sequence[float], smallest: int) -> list[str]:
    if len(sizes) == 1:
        return [WITHHELD if small(sizes[0], smallest) else numbers.count(sizes[0])]
    hidden = hidden_cells(np.array([sizes[:-1]]), smallest)[0]
    inner = [
        WITHHELD if hide else numbers.count(size)
        for size, hide in zip(sizes[:-1], hidden, strict=True)
    ]
    return [*inner, WITHHELD if small(sizes[-1], smallest) else numbers.count(sizes[-1])]


def _no_difference(groups: Groups) -> tuple[str, ...]:
    return ("",) if groups.members else ()


def _continuous_rows(variable: Variable, values: pl.Series, layout: _Layout) -> list[Row]:
    numbers_of = values.to_numpy().astype(np.float64)
    present = np.isfinite(numbers_of)
    cells = []
    for member in layout.columns:
        mine = numbers_of[member & present]
        if mine.size < layout.smallest:
            cells.append(WITHHELD if mine.size else NOTHING)
        else:
            cells.append(
                f"{numbers.measurement(float(mine.mean()))} "
                f"({numbers.measurement(float(mine.std(ddof=1)))})"
            )
    unit = getattr(variable, "unit", "")
    label = label_of(variable)
    # A label may say its unit in words of its own: "Years of smoking".
    if unit and unit[:6].lower() not in label.lower():
        label += f", {unit}"
    differences = [
        _mean_difference(
            numbers_of[member & present], numbers_of[layout.groups[layout.reference] & present]
        )
        for member in layout.groups
    ]
    hide = any(cell == WITHHELD for cell in cells)
    rows = [Row((label, *cells, *_largest(differences, hide)))]
    return rows + _missing_row(~present, layout)


def _missing_row(missing: NDArray[np.bool_], layout: _Layout) -> list[Row]:
    if not missing.any():
        return []
    counts = np.array([[float((member & missing).sum()) for member in layout.columns]])
    present = np.array([[float((member & ~missing).sum()) for member in layout.columns]])
    cells = _count_cells(np.vstack((present, counts)), None, layout)[1]
    last = ("",) if layout.groups else ()
    return [Row(("not recorded", *cells, *last), "level")]


def _level_rows(variable: Variable, values: pl.Series, layout: _Layout) -> list[Row]:
    if isinstance(variable, Binary):
        named: list[tuple[str, object]] = [("no", False), ("yes", True)]
    else:
        assert isinstance(variable, Categorical)
        named = [(variable.word(level), level) for level in variable.levels or ()]
    hits = [_is(values, level) for _, level in named]
    missing = values.is_null().to_numpy()
    words = [word for word, _ in named]
    if missing.any():
        hits.append(missing)
        words.append("not recorded")
    counts = np.array([[float((hit & member).sum()) for member in layout.columns] for hit in hits])
    known = counts[: len(named)].sum(axis=0)
    cells = _count_cells(counts, known, layout, last_plain=bool(missing.any()))
    differences = [
        _share_difference(counts[: len(named), place], counts[: len(named), layout.reference])
        for place in range(len(layout.groups))
    ]
    hide = any(WITHHELD in cell for row in cells for cell in row)
    largest = _largest(differences, hide)
    blank = ("",) * len(largest)
    if isinstance(variable, Binary):
        rows = [Row((label_of(variable), *cells[1], *largest))]
        return rows + [
            Row((words[place], *cells[place], *blank), "level") for place in range(2, len(words))
        ]
    heading = Row((label_of(variable), *("" for _ in layout.columns), *largest), "group")
    return [heading] + [
        Row((word, *row, *blank), "level") for word, row in zip(words, cells, strict=True)
    ]


def _count_cells(
    counts: Floats, known: Floats | None, layout: _Layout, *, last_plain: bool = True
) -> list[list[str]]:
    """Counts, with percentages of ``known``; the last row plain. The last column is the margin."""
    inner = counts[:, :-1] if layout.groups else counts
    hidden = hidden_cells(inner, layout.smallest)
    if layout.groups:
        # The margin is a line of its own: its small counts are withheld like any other.
        margin = hidden_cells(counts[:, -1:], layout.smallest)
        hidden = np.hstack((hidden, margin))
    cells = []
    for i, row in enumerate(counts):
        with_share = known is not None and not (last_plain and i == len(counts) - 1)
        line = []
        for j, value in enumerate(row):
            if hidden[i, j]:
                line.append(WITHHELD)
            elif with_share and known is not None and known[j] > 0:
                line.append(f"{numbers.count(value)} ({numbers.share(value, known[j])})")
            else:
                line.append(numbers.count(value))
        cells.append(line)
    return cells


def _largest(differences: Sequence[float], hide: bool) -> tuple[str, ...]:
    if not differences:
        return ()
    if hide:
        return (WITHHELD,)
    finite = [abs(one) for one in differences if np.isfinite(one)]
    return (numbers.difference(max(finite)) if finite else NOTHING,)


def _mean_difference(one: Floats, other: Floats) -> float:
    if one.size < 2 or other.size < 2:
        return float("nan")
    spread = float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))
    return float(one.mean() - other.mean()) / spread if spread > 0 else 0.0


def _share_difference(one: Floats, other: Floats) -> float:
    """Mahalanobis distance of two sets of proportions, the last level left out."""
    if one.sum() == 0 or other.sum() == 0:
        return float("nan")
    p, q = (one / one.sum())[:-1], (other / other.sum())[:-1]
    spread = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    apart = p - q
    return float(np.sqrt(max(float(apart @ np.linalg.pinv(spread) @ apart), 0.0)))
