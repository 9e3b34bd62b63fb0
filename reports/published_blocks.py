"""Tables of published numbers: each count and effect with the mark of where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from analyses.pooling.proportion import exact_proportion
from analyses.pooling.published_part import PublishedPart
from analyses.pooling.published_pool import printed_rows
from cohort.published import PublishedEffect, PublishedGroup, PublishedTable

from . import numbers
from .content import Block, Listing, Row, Table
from .numbers import NOTHING

INFERRED, MEMORY = "\N{DAGGER}", "\N{DOUBLE DAGGER}"
SIGNS = {"published": "", "checked": "", "inferred": INFERRED, "memory": MEMORY}
MARKS_NOTE = (
    f"{INFERRED} inferred: worked out from a printed percentage, or by subtraction. "
    f"{MEMORY} from memory: not seen in a source. Without a sign: printed as a count, or seen in "
    "a source."
)
Names = Mapping[str, str]


def short_name(table: PublishedTable) -> str:
    """First author and year; the id where the citation begins with no author."""
    words = table.citation.split(",")[0].split(" ")
    initials = next((place for place, word in enumerate(words) if word.isupper()), 0)
    if initials not in (1, 2):
        return _told(table.id)
    return f"{' '.join(words[:initials])} {table.year}"


def _told(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def short_names(tables: Sequence[PublishedTable]) -> dict[str, str]:
    """A short name for each table's id: first author and year, the id where that is not unique."""
    named = {table.id: short_name(table) for table in tables}
    words = list(named.values())
    return {one: name if words.count(name) == 1 else _told(one) for one, name in named.items()}


def sign_of(table: PublishedTable) -> str:
    """The worst mark among the four counts of a table."""
    marks = table.doubtful
    if any(mark.endswith("memory") for mark in marks):
        return MEMORY
    return INFERRED if any(mark.endswith("inferred") for mark in marks) else ""


def named(words: str, names: Names) -> str:
    """The words with each table's id told by its short name."""
    for one in sorted(names, key=len, reverse=True):
        words = words.replace(one, names[one])
    return words


def counts_table(tables: Sequence[PublishedTable], names: Names) -> Table:
    """Exposed of all, among cases and among controls; one exposure of all is told below."""
    exposures = list(dict.fromkeys(table.exposure for table in tables))
    alike = len(exposures) == 1
    rows = []
    for table in tables:
        cells = [names[table.id], table.outcome]
        cells += [] if alike else [table.exposure]
        cells += [table.sampled or NOTHING, exposed(table.cases), exposed(table.controls)]
        rows.append(Row((*cells, _record(table))))
    between = () if alike else ("Exposure",)
    header = (
        "Study", "Outcome", *between, "Sampled", "Cases exposed", "Controls exposed", "Record",
    )  # fmt: skip
    notes = (f"Exposure: {exposures[0]}.", MARKS_NOTE) if alike else (MARKS_NOTE,)
    words = (0, 1, 2, 5) if alike else (0, 1, 2, 3, 6)
    return Table("Counts as published", header, tuple(rows), notes, words)


def _record(table: PublishedTable) -> str:
    return f"{MEMORY} memory" if table.provenance == "memory" else table.provenance


def exposed(group: PublishedGroup | None) -> str:
    """Exposed of all with their marks; what is known of them where a count is not."""
    if group is None or group.total is None:
        return NOTHING
    second = SIGNS[group.total_provenance or "memory"]
    if group.exposed is None:
        share = f", {group.published_share}" if group.published_share else ""
        return f"of {group.total:,}{second}: not found{share}"
    first = SIGNS[group.exposed_provenance or "memory"]
    part = numbers.share(group.exposed, group.total)
    return f"{group.exposed:,}{first} of {group.total:,}{second} ({part})"


def others_table(tables: Sequence[PublishedTable], names: Names) -> list[Block]:
    """Groups besides cases and controls, with exact limits of the share; none if there are none."""
    rows = []
    for table in tables:
        for group in table.other_groups:
            limits = NOTHING
            if group.exposed is not None and group.total is not None:
                found = exact_proportion(group.exposed, group.total)
                limits = f"{100 * found.conf_low:.0f} % to {100 * found.conf_high:.0f} %"
            rows.append(Row((names[table.id], group.label, table.exposure, exposed(group), limits)))
    if not rows:
        return []
    header = ("Study", "Group", "What was looked for", "Found in", "95 % interval")
    notes = (MARKS_NOTE, "Intervals are exact for the binomial distribution (Clopper-Pearson).")
    return [Table("Groups without a comparison", header, tuple(rows), notes, (0, 1, 2))]


def ratios_table(part: PublishedPart, names: Names) -> Table:
    """The rows of the studies and of their pools, in one direction."""
    signs = {table.id: sign_of(table) for table in part.tables}
    crude = part.pooling.estimate == "crude"
    rows = []
    for row in part.frame.iter_rows(named=True):
        study = str(row["study"])
        sign = _printed_sign(row["note"])
        if crude and row["estimate"] is not None:
            sign = signs.get(study, "")
        rows.append(
            Row(
                (
                    names.get(study, study[:1].upper() + study[1:]),
                    str(row["measure"] or NOTHING),
                    str(row["variance"] or NOTHING),
                    numbers.ratio(row["estimate"]) + sign,
                    numbers.interval(row["conf_low"], row["conf_high"]),
                    numbers.p_value(row["p_value"]),
                    str(row["note"] or "") if study in names else _first(row["note"]),
                ),
                "plain" if study in names else "total",
            )
        )
    level = numbers.level(part.pooling.conf_level)
    header = ("Study", "Measure", "Limits", "Estimate", f"{level} interval", "p", "Note")
    notes = (
        "Exposed against unexposed in every row: below 1, the exposure is less common in cases "
        "(or the event less common in the exposed).",
        MARKS_NOTE,
    )
    caption = "Crude odds ratios" if crude else "Printed effects"
    return Table(caption, header, tuple(rows), notes, (0, 1, 2, 6))


def _first(note: object) -> str:
    """Of the note of a pool what is not told again below it."""
    return str(note or "").split("; ", maxsplit=1)[0]


def _printed_sign(note: object) -> str:
    return MEMORY if "estimate memory" in str(note) else ""


def printed_table(part: PublishedPart, names: Names) -> list[Block]:
    """What the papers printed besides: effects not shown above, results without an estimate."""
    blocks: list[Block] = []
    frame = _besides(part)
    if not frame.is_empty():
        rows = tuple(
            Row(
                (
                    names[str(row["study"])],
                    str(row["measure"]),
                    numbers.ratio(row["estimate"]) + _printed_sign(row["note"]),
                    numbers.interval(row["conf_low"], row["conf_high"]),
                    str(row["adjustment"]),
                    str(row["note"] or ""),
                )
            )
            for row in frame.iter_rows(named=True)
        )
        header = ("Study", "Measure", "Estimate", "Interval", "Adjustment", "Note")
        note = (
            f"In the direction of the convention; not in any pool of this page. {MEMORY} from "
            "memory: not seen in a source."
        )
        caption = "Effects as the papers printed them"
        if part.pooling.estimate == "published":
            caption = "Further effects that the papers printed"
        blocks.append(Table(caption, header, rows, (note,), (0, 1, 4, 5)))
    told = [
        f"{names[table.id]} printed no ratio: {_words(effect)}"
        for table in part.tables
        for effect in table.effects
        if effect.estimate is None and effect.note is not None
    ]
    return [*blocks, Listing(tuple(told))] if told else blocks


def _besides(part: PublishedPart) -> pl.DataFrame:
    """Printed effects that stand in no other table of the part."""
    if part.pooling.estimate == "crude":
        return printed_rows(part.tables)
    if part.pool is None:
        return printed_rows(())
    return printed_rows(replace(table, effects=table.effects[1:]) for table in part.tables)


def _words(effect: PublishedEffect) -> str:
    note = (effect.note or "").rstrip(".")
    return f"{note}{MEMORY if 'memory' in note.lower() else ''}."


def source_lines(tables: Sequence[PublishedTable]) -> list[Block]:
    """Where each table was printed, and where its numbers were seen."""
    items = []
    for table in tables:
        parts = [table.citation.rstrip(".")]
        if table.doi:
            parts.append(f"doi:{table.doi}")
        parts.append(f"Design: {table.design}. {table.population}")
        if table.assay:
            parts.append(f"Assay: {table.assay} ({table.assay_provenance or 'mark not given'})")
        if table.dose:
            parts.append(f"Amounts: {table.dose}")
        if table.counts_note:
            parts.append(f"Counts: {table.counts_note}")
        if table.notes:
            parts.append(f"Note: {table.notes}")
        if table.source_seen:
            parts.append(f"Seen: {table.source_seen}")
        items.append(". ".join(part.rstrip(".") for part in parts) + ".")
    return [
        "Author lists, volumes, pages and countries were completed from memory where the page seen "
        "did not show them; almost everything was seen as an abstract, a press release or a table, "
        "not as a full text.",
        Listing(tuple(items)),
    ]
