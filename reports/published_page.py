"""The page of a study of published tables: every count with its mark, odds ratios, the pool."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analyses.pooling.pool import METHOD_NAMES
from analyses.pooling.published_pool import PublishedPool, pool_printed, pool_tables, printed_rows
from analyses.study.study import Pooling
from cohort.errors import StudyError, one_of
from cohort.published import PublishedGroup, PublishedTable

from . import numbers
from .content import Block, Figure, Listing, Page, Row, Section, Table
from .forest import ForestLine, forest_plot
from .numbers import NOTHING
from .provenance import provenance_section
from .sources import Document, tables_of

SIGNS = {"published": "", "checked": "", "inferred": "\N{DAGGER}", "memory": "\N{DOUBLE DAGGER}"}
MARKS_NOTE = (
    "\N{DAGGER} inferred: worked out from a printed percentage, or by subtraction. "
    "\N{DOUBLE DAGGER} from memory: not seen in a source. Without a sign: printed as a count."
)


@dataclass(frozen=True, slots=True, eq=False)
class PooledStudy:
    """A study of published tables, pooled."""

    document: Document
    tables: tuple[PublishedTable, ...]
    pool: PublishedPool

    @property
    def pooling(self) -> Pooling:
        """How the study wants its tables pooled."""
        pooling = self.document.study.pooling
        assert pooling is not None
        return pooling


def pool_study(document: Document) -> PooledStudy:
    """Read and pool the tables of a study.

    Raises CohortError of the kind that says what is wrong.
    """
    pooling = document.study.pooling
    assert pooling is not None
    tables = tables_of(document)
    if pooling.limits not in ("normal", "knapp-hartung"):
        raise StudyError(
            f"[pooling] limits = '{pooling.limits}': expected "
            f"{one_of(('normal', 'knapp-hartung'))}."
        )
    if pooling.estimate not in ("crude", "published"):
        raise StudyError(
            f"[pooling] estimate = '{pooling.estimate}': expected {one_of(('crude', 'published'))}."
        )
    door = pool_tables if pooling.estimate == "crude" else pool_printed
    limits = "normal" if pooling.limits == "normal" else "knapp-hartung"
    pool = door(tables, method=pooling.method, limits=limits, conf_level=pooling.conf_level)  # type: ignore[arg-type]
    return PooledStudy(document, tuple(tables), pool)


def published_page(pooled: PooledStudy) -> Page:
    """The page of a study of published tables."""
    study = pooled.document.study
    report = study.report
    sections = [
        Section("Question", (*report.background, _method(pooled))),
        Section("What was found", _found(pooled)),
        Section("The published tables", (_counts_table(pooled.tables),)),
        Section("Odds ratios", (_ratios_table(pooled), *_printed(pooled.tables))),
        Section("The pool", (_forest(pooled), _pool_table(pooled), *_warnings(pooled.pool))),
    ]
    if report.limitations:
        sections.append(Section("Limits", (Listing(report.limitations),)))
    if report.not_shown:
        sections.append(Section("What this does not show", (Listing(report.not_shown),)))
    sections.append(Section("Sources of the tables", tuple(_sources(pooled.tables))))
    sections.append(provenance_section(pooled.document))
    return Page(study.title, tuple(sections), study.question, "Published tables", _facts(pooled))


def _facts(pooled: PooledStudy) -> tuple[tuple[str, str], ...]:
    cases = [one.cases.total for one in pooled.tables if one.cases and one.cases.total]
    controls = [one.controls.total for one in pooled.tables if one.controls and one.controls.total]
    return (
        (numbers.count(len(pooled.tables)), "published tables"),
        (numbers.count(sum(cases)), "cases in them"),
        (numbers.count(sum(controls)), "comparison women in them"),
    )


def _method(pooled: PooledStudy) -> str:
    random, fixed = pooled.pool.random, pooled.pool.fixed
    what = "crude odds ratios" if pooled.pooling.estimate == "crude" else "printed effects"
    return (
        f"Methods. The {what} of {len(random.studies)} tables, pooled on the log scale by "
        f"{_name(fixed.method)} and by {_name(random.method)} with {random.limits} limits; "
        f"{numbers.level(random.conf_level)} intervals. Exact limits are those of the conditional "
        "distribution of a 2x2 table; the prediction interval uses a t distribution with k - 2 "
        "degrees of freedom."
    )


def _name(method: str) -> str:
    return METHOD_NAMES[method]


def _found(pooled: PooledStudy) -> tuple[Block, ...]:
    pool = pooled.pool
    level = numbers.level(pool.random.conf_level)
    items = [
        f"{words}: {one.measure} {numbers.ratio(one.estimate)}, {level} interval "
        f"{numbers.interval(one.conf_low, one.conf_high)}."
        for words, one in (("Fixed effect", pool.fixed), ("Random effects", pool.random))
    ]
    spread = pool.random.heterogeneity
    items.append(
        f"Heterogeneity: Q {spread.q:.2f} on {spread.df} degrees of freedom, I2 {spread.i2:.0f} %."
    )
    if pool.prediction is not None:
        items.append(
            "A new study of this kind would be expected between "
            f"{numbers.interval(*pool.prediction).replace(' to ', ' and ')}."
        )
    return (Listing(tuple(items)),)


def _counts_table(tables: Sequence[PublishedTable]) -> Table:
    rows = tuple(
        Row(
            (
                _short(table),
                table.exposure,
                table.sampled or NOTHING,
                _exposed(table.cases),
                _exposed(table.controls),
                table.provenance,
            )
        )
        for table in tables
    )
    header = ("Study", "Exposure", "Sampled", "Cases exposed", "Controls exposed", "Record")
    return Table("Counts as published", header, rows, (MARKS_NOTE,), (0, 1, 2, 5))


def _exposed(group: PublishedGroup | None) -> str:
    if group is None or group.exposed is None or group.total is None:
        return NOTHING
    first = SIGNS[group.exposed_provenance or "memory"]
    second = SIGNS[group.total_provenance or "memory"]
    part = numbers.share(group.exposed, group.total)
    return f"{group.exposed:,}{first} of {group.total:,}{second} ({part})"


def _short(table: PublishedTable) -> str:
    author = table.citation.split(",")[0].split(" ")[0]
    return f"{author} {table.year}"


def short_names(tables: Sequence[PublishedTable]) -> dict[str, str]:
    """A short name for each table's id: first author and year, the id where that is not unique."""
    named = {table.id: _short(table) for table in tables}
    words = list(named.values())
    return {
        one: name if words.count(name) == 1 else one.replace("_", " ")
        for one, name in named.items()
    }


def _sources(tables: Sequence[PublishedTable]) -> list[Block]:
    items = []
    for table in tables:
        parts = [table.citation.rstrip(".")]
        if table.doi:
            parts.append(f"doi:{table.doi}")
        if table.assay:
            parts.append(f"Assay: {table.assay} ({table.assay_provenance or 'mark not given'})")
        if table.counts_note:
            parts.append(f"Counts: {table.counts_note}")
        if table.source_seen:
            parts.append(f"Seen: {table.source_seen}")
        items.append(". ".join(part.rstrip(".") for part in parts) + ".")
    return [Listing(tuple(items))]


def _ratios_table(pooled: PooledStudy) -> Table:
    names = short_names(pooled.tables)
    frame = pooled.pool.frame
    rows = []
    for row in frame.iter_rows(named=True):
        study = str(row["study"])
        rows.append(
            Row(
                (
                    names.get(study, study[:1].upper() + study[1:]),
                    str(row["variance"] or NOTHING),
                    numbers.ratio(row["estimate"]),
                    numbers.interval(row["conf_low"], row["conf_high"]),
                    numbers.p_value(row["p_value"]),
                    str(row["note"] or ""),
                ),
                "plain" if study in names else "total",
            )
        )
    level = numbers.level(pooled.pooling.conf_level)
    header = ("Study", "Limits", "Odds ratio", f"{level} interval", "p", "Note")
    note = "Exposed against unexposed in every row: below 1, the exposure is less common in cases."
    caption = "Crude odds ratios" if pooled.pooling.estimate == "crude" else "Printed effects"
    return Table(caption, header, tuple(rows), (note,), (0, 1, 5))


def _printed(tables: Sequence[PublishedTable]) -> list[Block]:
    frame = printed_rows(tables)
    if frame.is_empty():
        return []
    names = short_names(tables)
    rows = tuple(
        Row(
            (
                names[str(row["study"])],
                str(row["measure"]),
                numbers.ratio(row["estimate"]),
                numbers.interval(row["conf_low"], row["conf_high"]),
                str(row["adjustment"]),
                str(row["note"] or ""),
            )
        )
        for row in frame.iter_rows(named=True)
    )
    header = ("Study", "Measure", "Estimate", "Interval", "Adjustment", "Note")
    note = "In the direction of the convention; never pooled with the crude ones above."
    return [Table("Effects as the papers printed them", header, rows, (note,), (0, 1, 4, 5))]


def _study_rows(pooled: PooledStudy) -> pl.DataFrame:
    """One row a study: the one that entered the pool."""
    frame = pooled.pool.frame
    ids = [table.id for table in pooled.tables]
    rows = frame.filter(pl.col("study").is_in(ids) & pl.col("std_error").is_not_null())
    return rows.unique("study", keep="first", maintain_order=True)


def _forest(pooled: PooledStudy) -> Figure:
    pool, names = pooled.pool, short_names(pooled.tables)
    weights = dict(zip(pool.random.studies, pool.random.weights, strict=True))
    drawn = []
    rows = []
    exact = _study_rows(pooled)
    for row in exact.iter_rows(named=True):
        words = numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"])
        weight = weights[str(row["study"])]
        name = names[str(row["study"])]
        drawn.append(
            ForestLine(name, "square", row["estimate"], row["conf_low"], row["conf_high"], words,
                       weight)
        )  # fmt: skip
        rows.append(Row((name, words, numbers.share(weight, 1.0))))
    for label, one in (("Fixed effect", pool.fixed), ("Random effects", pool.random)):
        words = numbers.ratio_with_interval(one.estimate, one.conf_low, one.conf_high)
        drawn.append(ForestLine(label, "diamond", one.estimate, one.conf_low, one.conf_high, words))
        rows.append(Row((label, words, numbers.share(1, 1)), "total"))
    if pool.prediction is not None:
        low, high = pool.prediction
        words = numbers.interval(low, high)
        drawn.append(ForestLine("Prediction interval", "interval", None, low, high, words))
        rows.append(Row(("Prediction interval", words, NOTHING), "total"))
    measure = pool.random.measure.capitalize()
    level = numbers.level(pool.random.conf_level)
    header = ("Study", f"{measure} ({level} interval)", "Weight, random effects")
    told = "; ".join(f"{one.label}: {one.words}" for one in drawn)
    caption = (
        f"{measure} of each table with {level} interval (squares by weight), the pools (diamonds) "
        "and where a new study might lie (dashed)."
    )
    data = Table(f"{measure} by study", header, tuple(rows))
    svg = forest_plot(drawn, f"{measure} (log scale)")
    return Figure(caption, svg, f"Forest plot. {told}.", data)


def _pool_table(pooled: PooledStudy) -> Table:
    pool = pooled.pool
    spread = pool.random.heterogeneity
    level = numbers.level(pool.random.conf_level)
    limits = pool.limits
    rows = [
        Row(("Q", f"{spread.q:.2f} on {spread.df} degrees of freedom")),
        Row(("p of homogeneity", numbers.p_value(spread.p_value))),
        Row(("I2", f"{spread.i2:.0f} % ({level} interval {limits.i2[0]:.0f} to "
             f"{limits.i2[1]:.0f})")),
        Row(("tau2", f"{spread.tau2:.3f} ({level} interval {limits.tau2[0]:.3f} to "
             f"{limits.tau2[1]:.3f})")),
    ]  # fmt: skip
    if pool.prediction is not None:
        rows.append(Row(("Prediction interval", numbers.interval(*pool.prediction))))
    return Table("Heterogeneity", ("Quantity", "Value"), tuple(rows), (), (0, 1))


def _warnings(pool: PublishedPool) -> list[Block]:
    return [Listing(tuple(pool.warnings))] if pool.warnings else []
