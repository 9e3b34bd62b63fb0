"""The page of a study of published tables: counts with their marks, odds ratios, the pools."""

from dataclasses import dataclass

from analyses.pooling.pool import METHOD_NAMES, Pooled
from analyses.pooling.published_part import PublishedPart, published_part
from analyses.pooling.published_pool import PublishedPool
from cohort.errors import NotEstimableError
from cohort.published import PublishedTable, select_tables

from . import numbers
from .content import Block, Listing, Page, Row, Section, Table
from .provenance import provenance_section
from .published_blocks import (
    MEMORY,
    Names,
    counts_table,
    named,
    others_table,
    printed_table,
    ratios_table,
    short_names,
    sign_of,
    source_lines,
)
from .published_forest import pooled_forest, study_rows, unpooled_forest
from .sources import Document, tables_of

__all__ = ["PooledStudy", "pool_study", "published_page", "result_of", "short_names"]


@dataclass(frozen=True, slots=True, eq=False)
class PooledStudy:
    """A study of published tables: its parts, each pooled or with the reason why it is not."""

    document: Document
    tables: tuple[PublishedTable, ...]
    parts: tuple[PublishedPart, ...]

    @property
    def pooled(self) -> tuple[PublishedPart, ...]:
        """The parts that have a pool."""
        return tuple(part for part in self.parts if part.pool is not None)

    @property
    def pool(self) -> PublishedPool:
        """The first pool.

        Raises NotEstimableError for a study that shows its tables and pools none.
        """
        for part in self.pooled:
            if part.pool is not None:
                return part.pool
        raise NotEstimableError(f"'{self.document.name}' shows its tables and pools none of them.")

    def part(self, title: str) -> PublishedPart | None:
        """The part with this title; None if there is none."""
        return next((one for one in self.parts if one.pooling.title == title), None)


def pool_study(document: Document) -> PooledStudy:
    """Read the tables of a study, and pool those that it wants pooled.

    Raises CohortError of the kind that says what is wrong.
    """
    tables = tables_of(document)
    parts = tuple(
        published_part(select_tables(tables, one.tables), one) for one in document.study.pooling
    )
    return PooledStudy(document, tuple(tables), parts)


def result_of(study: PooledStudy) -> str:
    """The pools of a study as one line; without any, what it shows instead."""
    told = []
    for part in study.pooled:
        assert part.pool is not None
        random = part.pool.random
        words = numbers.ratio_with_interval(random.estimate, random.conf_low, random.conf_high)
        title = f"{part.pooling.title}: pooled" if part.pooling.title else "Pooled"
        told.append(f"{title} {random.measure}, random effects: {words}")
    return "; ".join(told) or _unpooled_result(study)


def _unpooled_result(study: PooledStudy) -> str:
    """The ratios of the first part."""
    names, part = short_names(study.tables), study.parts[0]
    memory = {one.id for one in part.tables if sign_of(one) == MEMORY}
    told = [
        f"{names[str(row['study'])]}, {row['measure']} "
        + numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"])
        + (", counts from memory" if row["study"] in memory else "")
        for row in study_rows(part).iter_rows(named=True)
    ]
    return f"Not pooled. {'; '.join(told)}" if told else "Shares and descriptions, no ratios"


def published_page(study: PooledStudy) -> Page:
    """The page of a study of published tables."""
    said = study.document.study
    names = short_names(study.tables)
    question: list[Block] = [*said.report.background]
    if len(study.parts) == 1:
        question.append(_method(study.parts[0]))
        sections = [Section("Question", tuple(question)), *_one(study.parts[0], names)]
    else:
        sections = [Section("Question", tuple(question))]
        sections += [Section(one.pooling.title, tuple(_whole(one, names))) for one in study.parts]
    if said.report.limitations:
        sections.append(Section("Limits", (Listing(said.report.limitations),)))
    if said.report.not_shown:
        sections.append(Section("What this does not show", (Listing(said.report.not_shown),)))
    sections.append(Section("Sources of the tables", tuple(source_lines(study.tables))))
    sections.append(provenance_section(study.document))
    return Page(said.title, tuple(sections), said.question, "Published tables", _facts(study))


def _one(part: PublishedPart, names: Names) -> list[Section]:
    """The only part of a study, a section for each step."""
    sections = []
    if _found(part):
        sections.append(Section("What was found", _found(part)))
    shown = (counts_table(part.tables, names), *others_table(part.tables, names))
    sections.append(Section("The published tables", shown))
    if _estimated(part):
        ratios = (ratios_table(part, names), *printed_table(part, names))
        title = "Odds ratios" if part.pooling.estimate == "crude" else "Printed effects"
        sections.append(Section(title, (*ratios, *unpooled_forest(part, names))))
    if part.pool is not None:
        sections.append(Section("The pool", tuple(_pool_blocks(part, names))))
    return sections


def _whole(part: PublishedPart, names: Names) -> list[Block]:
    """One of several parts, whole."""
    blocks: list[Block] = [_method(part), *_found(part)]
    if any(table.cases or table.controls for table in part.tables):
        blocks.append(counts_table(part.tables, names))
    blocks += others_table(part.tables, names)
    if _estimated(part):
        blocks.append(ratios_table(part, names))
    blocks += printed_table(part, names)
    blocks += [*unpooled_forest(part, names), *_pool_blocks(part, names)]
    return blocks


def _facts(study: PooledStudy) -> tuple[tuple[str, str], ...]:
    cases = [one.cases.total for one in study.tables if one.cases and one.cases.total]
    once = {one.comparison_id or one.id: one for one in reversed(study.tables)}.values()
    controls = [one.controls.total for one in once if one.controls and one.controls.total]
    facts = [(numbers.count(len(study.tables)), "published tables")]
    if cases:
        facts.append((numbers.count(sum(cases)), "cases in them"))
    if controls:
        facts.append((numbers.count(sum(controls)), "comparison women in them"))
    return tuple(facts)


def _method(part: PublishedPart) -> str:
    pooling = part.pooling
    if part.pool is None:
        return f"Not pooled: {pooling.why_not}"
    random, fixed = part.pool.random, part.pool.fixed
    what = "crude odds ratios" if pooling.estimate == "crude" else "printed effects"
    words = (
        f"Methods. The {what} of {len(random.studies)} tables, pooled on the log scale by "
        f"{METHOD_NAMES[fixed.method]} and by {METHOD_NAMES[random.method]} with {random.limits} "
        f"limits; {numbers.level(random.conf_level)} intervals. Exact limits are those of the "
        "conditional distribution of a 2x2 table; the prediction interval uses a t distribution "
        "with k - 2 degrees of freedom."
    )
    if pooling.zero_cell_correction is not None:
        words += (
            f" {pooling.zero_cell_correction:g} was added to each count of a table with an empty "
            "cell, in the pool alone."
        )
    if part.sharing:
        words += " Studies that share women are pooled with their correlation."
    return words


def _found(part: PublishedPart) -> tuple[Block, ...]:
    if part.pool is None:
        return _agreement(part)
    pool = part.pool
    items = [
        f"{words}: {_told(one)}."
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
    if part.mantel_haenszel is not None:
        common = part.mantel_haenszel
        words = numbers.ratio_with_interval(common.estimate, common.conf_low, common.conf_high)
        items.append(f"Common odds ratio of Mantel and Haenszel, no correction needed: {words}.")
    return (Listing(tuple(items)),)


def _agreement(part: PublishedPart) -> tuple[Block, ...]:
    spread = part.agreement
    if spread is None:
        return ()
    return (
        Listing(
            (
                f"Do these tables agree? Q {spread.q:.2f} on {spread.df} "
                f"{'degree' if spread.df == 1 else 'degrees'} of freedom, p "
                f"{numbers.p_value(spread.p_value)}, I2 {spread.i2:.0f} %; no average is formed.",
            )
        ),
    )


def _told(one: Pooled) -> str:
    words = numbers.interval(one.conf_low, one.conf_high)
    level = numbers.level(one.conf_level)
    return f"{one.measure} {numbers.ratio(one.estimate)}, {level} interval {words}"


def _pool_blocks(part: PublishedPart, names: Names) -> list[Block]:
    if part.pool is None:
        return []
    blocks: list[Block] = [pooled_forest(part, part.pool, names), _pool_table(part.pool)]
    if part.sharing:
        blocks.append(_sharing_table(part))
    if part.pool.warnings:
        blocks.append(Listing(tuple(named(words, names) for words in part.pool.warnings)))
    return blocks


def _estimated(part: PublishedPart) -> bool:
    return part.frame["estimate"].count() > 0


def _sharing_table(part: PublishedPart) -> Table:
    rows = []
    for one in part.sharing:
        low, high = one.correlation
        between = f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"
        pooled = one.pooled
        rows.append(
            Row(
                (
                    one.words.capitalize(),
                    between,
                    numbers.ratio(pooled.estimate),
                    numbers.interval(pooled.conf_low, pooled.conf_high),
                    f"{pooled.heterogeneity.q:.2f}",
                )
            )
        )
    level = numbers.level(part.pooling.conf_level)
    measure = part.sharing[0].pooled.measure.capitalize()
    header = ("Pooled", "Correlation", measure, f"{level} interval", "Q")
    note = (
        "Random effects. The correlation comes from the women who are counted in several studies: "
        "exact for crude odds ratios in large numbers, an approximation for adjusted effects and "
        "weighted hazard ratios."
    )
    return Table("What sharing the comparison women changes", header, tuple(rows), (note,), (0,))


def _pool_table(pool: PublishedPool) -> Table:
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
    if pool.asymmetry is not None:
        test = pool.asymmetry
        rows.append(Row((f"Small studies ({test.method})", f"p {numbers.p_value(test.p_value)}")))
    return Table("Heterogeneity", ("Quantity", "Value"), tuple(rows), (), (0, 1))
