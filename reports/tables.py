"""Tables of words from frames of numbers: participant flow, rates, hazard ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from analyses import Estimates
from cohort import Binary, Categorical, Cohort, Step
from cohort.errors import SchemaError
from cohort.variables import Variable

from . import numbers
from .content import Row, Table
from .disclosure import apart, hidden_line, small
from .numbers import NOTHING, WITHHELD

DAYS_IN_A_YEAR = 365.25


def withheld_note(smallest: int) -> str:
    """The sentence under a table in which something is withheld."""
    return (
        f"{WITHHELD} withheld: a count from 1 to {smallest - 1}, or one that would give such a "
        "count away."
    )


def with_note(table: Table, smallest: int) -> Table:
    """The table with the sentence on withheld counts, if any cell has their sign."""
    if not any(WITHHELD in str(cell) for row in table.rows for cell in row.cells):
        return table
    notes = (*table.notes, withheld_note(smallest))
    return Table(table.caption, table.header, table.rows, notes, table.text_columns)


def label_of(variable: Variable) -> str:
    """What a reader calls a variable."""
    return variable.label or variable.name


def outcome_words(name: str) -> str:
    """What a reader calls an outcome: those of invented worlds are names with underscores."""
    return name.replace("_", " ")


def column_label(cohort: Cohort, name: str) -> str:
    """The label of a term: of its variable, if it is one as it stands."""
    known = {variable.name: label_of(variable) for variable in cohort.variables}
    return known.get(name, name)


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A step of the participant flow in words; persons and left may be withheld."""

    reason: str
    persons: str
    left: str
    events: str
    person_time: str


def flow_rows(steps: Sequence[Step], smallest: int) -> list[FlowRow]:
    """The participant flow; small exclusions are told together with the next ones.

    Events and person-time stand where persons stand and only at the two ends: between two steps
    their differences are those of the few who left.
    """
    merged = _merged(steps, smallest)
    first, last = merged[0][1], merged[-1][1]
    too_close = small(first.persons - last.persons, smallest)
    events_too_close = small(first.events - last.events, smallest) or too_close
    rows = []
    for place, (reason, step) in enumerate(merged):
        ends = place in (0, len(merged) - 1)
        hide_events = (place == 0 and events_too_close) or small(step.events, smallest)
        hide_persons = (place == 0 and too_close) or small(step.persons, smallest)
        before = merged[place - 1][1].persons if place else step.persons
        gone = before - step.persons
        events = WITHHELD if hide_events else numbers.count(step.events)
        rows.append(
            FlowRow(
                reason,
                WITHHELD if hide_persons else numbers.count(step.persons),
                NOTHING if not place else (WITHHELD if small(gone, smallest) else f"{gone:,}"),
                events if ends else NOTHING,
                numbers.person_time(step.person_time) if ends and not hide_events else NOTHING,
            )
        )
    return rows


def _merged(steps: Sequence[Step], smallest: int) -> list[tuple[str, Step]]:
    merged: list[tuple[str, Step]] = [(steps[0].reason, steps[0])]
    waiting: list[str] = []
    for place, one in enumerate(steps[1:], start=1):
        waiting.append(one.reason)
        gone = merged[-1][1].persons - one.persons
        later = any(step.persons < one.persons for step in steps[place + 1 :])
        if small(gone, smallest) and later:
            continue
        merged.append(("; ".join(waiting), one))
        waiting = []
    while len(merged) > 2:
        told = [one.persons for _, one in merged]
        few = [i for i in range(1, len(told)) if small(told[i - 1] - told[i], smallest)]
        if not few:
            break
        # With the step before it; the first, which has none to hide in, with the one after.
        end = max(few[0], 2)
        (reason, _), (last_reason, last) = merged[end - 1 : end + 1]
        merged[end - 1 : end + 1] = [(f"{reason}; {last_reason}", last)]
    return merged


def participant_flow(cohort: Cohort, smallest: int) -> Table:
    """Persons left and gone at each step; events and person-time at the two ends."""
    unit = cohort.scale.person_time_unit
    rows = tuple(
        Row((one.reason, one.left, one.persons, one.events, one.person_time))
        for one in flow_rows(cohort.steps, smallest)
    )
    header = ("Step", "Persons who left", "Persons kept", "Events", unit.capitalize())
    sample = "The persons kept are a sample of a larger cohort: cases are over-represented."
    notes = (sample,) if cohort.design.sampled else ()
    return with_note(Table("Participant flow", header, rows, notes), smallest)


def rates_table(estimates: Estimates, cohort: Cohort, per: float, smallest: int) -> Table:
    """Persons, events, person-time and incidence rate with its interval, by exposure.

    per : the person-time that the rates refer to.
    """
    frame = estimates.frame
    events = [float(value) for value in frame["events"].to_list()]
    hidden = hidden_line(events, smallest)
    rows = []
    for row, hide in zip(frame.iter_rows(named=True), hidden, strict=True):
        few = small(row["persons"], smallest)
        within = f" ({row['modifier_level']})" if row["modifier_level"] is not None else ""
        rows.append(
            Row(
                (
                    str(row["contrast"]) + within,
                    WITHHELD if few else numbers.count(row["persons"]),
                    WITHHELD if hide else numbers.count(row["events"]),
                    WITHHELD if few else numbers.person_time(row["person_time"]),
                    WITHHELD if hide or few else numbers.rate(row["estimate"]),
                    WITHHELD
                    if hide or few
                    else numbers.rate_interval(row["conf_low"], row["conf_high"]),
                )
            )
        )
    exposure = column_label(cohort, str(frame["exposure"][0]))
    unit = cohort.scale.person_time_unit
    level = numbers.level(frame["conf_level"][0])
    rate = f"Rate per {numbers.plain(per)} {unit}"
    header = (exposure, "Persons", "Events", unit.capitalize(), rate, f"{level} interval")
    weight = cohort.declaration.weight
    notes = () if weight is None else (
        f"Persons and events are counted; {unit} and rates are weighted by '{weight}'.",
    )  # fmt: skip
    table = Table(f"Incidence of {frame['outcome'][0]}", header, tuple(rows), notes)
    return with_note(table, smallest)


@dataclass(frozen=True, slots=True)
class Line:
    """One contrast of an exposure: its label in a table, and its row in each adjustment set."""

    label: str
    reference: bool
    cells: tuple[dict[str, Any] | None, ...]


def contrast_lines(frame: pl.DataFrame, cohort: Cohort) -> tuple[list[str], list[Line]]:
    """The adjustment sets of a frame of estimates of one exposure, and its contrasts.

    The reference level of a categorical or yes-or-no exposure has a line of its own.
    """
    sets = frame["adjustment"].unique(maintain_order=True).to_list()
    reference = reference_word(cohort, frame["variable"][0])
    lines: list[Line] = []
    if reference is not None:
        lines.append(Line(reference, True, tuple(None for _ in sets)))
    keys = frame.select("contrast", "modifier_level").unique(maintain_order=True)
    for contrast, modifier in keys.iter_rows():
        rows = frame.filter(
            (pl.col("contrast") == contrast) & pl.col("modifier_level").eq_missing(modifier)
        )
        by_set = {row["adjustment"]: row for row in rows.iter_rows(named=True)}
        label = contrast if reference is None else contrast.removesuffix(f" vs {reference}")
        if modifier is not None:
            label += f" ({modifier})"
        lines.append(Line(label, False, tuple(by_set.get(name) for name in sets)))
    return sets, lines


def reference_word(cohort: Cohort, name: str) -> str | None:
    """The word for the reference level of a variable; None where it has no levels."""
    try:
        variable = cohort.variable(name)
    except SchemaError:
        return None
    if isinstance(variable, Binary):
        return "no"
    if isinstance(variable, Categorical) and variable.reference is not None:
        return variable.word(variable.reference)
    return None


def ratios_table(frame: pl.DataFrame, cohort: Cohort, smallest: int) -> Table:
    """Hazard ratios of one exposure: a column for each adjustment set, a row for each contrast."""
    sets, lines = contrast_lines(frame, cohort)
    rows = [
        Row((name.capitalize(), *counts_in_words(frame, cohort, name, smallest).values()), "total")
        for name in ("persons", "events")
    ]
    for line in lines:
        if line.reference:
            rows.append(Row((line.label, *("1 (reference)" for _ in sets)), "reference"))
        else:
            rows.append(Row((line.label, *(_ratio_cell(cell) for cell in line.cells))))
    notes = dict.fromkeys(
        str(row["note"]) for row in frame.iter_rows(named=True) if row["note"] is not None
    )
    measure = str(frame["measure"][0])
    level = numbers.level(frame["conf_level"][0])
    exposure = column_label(cohort, str(frame["exposure"][0]))
    outcome = outcome_words(frame["outcome"][0])
    caption = (
        f"{measure.capitalize()} of {outcome} by {within_sentence(exposure)}, with {level} interval"
    )
    header = (exposure, *(_set_words(name) for name in sets))
    return with_note(Table(caption, header, tuple(rows), tuple(notes)), smallest)


def counts_in_words(
    frame: pl.DataFrame, cohort: Cohort, name: str, smallest: int
) -> dict[str, str]:
    """The persons or events of each adjustment set, in words.

    They may not give away, either, in whom they differ from those whom the flow ends with.
    """
    first = frame.unique("adjustment", keep="first", maintain_order=True)
    values = dict(zip(first["adjustment"], first[name], strict=True))
    last, own = cohort.steps[-1], cohort.follow_up.outcome
    told = [last.persons] if name == "persons" else [last.events]
    if name == "events" and frame["outcome"][0] != own:
        told = []
    hidden = apart([float(value) for value in values.values()], smallest, told)
    return {
        one: WITHHELD if hide else numbers.count(value)
        for (one, value), hide in zip(values.items(), hidden, strict=True)
    }


def left_out_notes(frame: pl.DataFrame, cohort: Cohort, smallest: int) -> list[str]:
    """How many records each adjustment set leaves out, unless persons are told by subtraction."""
    persons = counts_in_words(frame, cohort, "persons", smallest)
    notes = []
    for name, dropped in dict.fromkeys(frame.select("adjustment", "dropped").iter_rows()):
        if dropped:
            hide = small(dropped, smallest) or persons[name] == WITHHELD
            count = WITHHELD if hide else numbers.count(dropped)
            notes.append(f"{name}: {count} records left out as incomplete.")
    return notes


def rows_read(cohort: Cohort, smallest: int) -> str:
    """The rows that a door read, unless they tell of few that were left out after it."""
    count = cohort.provenance.rows_read
    hide = apart([float(count)], smallest, [cohort.steps[-1].persons])[0]
    return WITHHELD if hide else numbers.count(count)


def _ratio_cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return NOTHING
    if row["estimate"] is None:
        return "not estimable"
    return numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"])


def _set_words(name: str) -> str:
    return name[:1].upper() + name[1:]


def within_sentence(label: str) -> str:
    """A label inside a sentence; one that begins with capitals (an abbreviation) stays."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def estimates_table(frame: pl.DataFrame, smallest: int) -> Table:
    """Every row of a frame of estimates with its p-value and how it was obtained."""
    hidden = apart([float(value) for value in frame["events"].to_list()], smallest)
    rows = []
    for row, hide in zip(frame.iter_rows(named=True), hidden, strict=True):
        contrast = str(row["contrast"])
        if row["modifier_level"] is not None:
            contrast += f" ({row['modifier_level']})"
        rows.append(
            Row(
                (
                    str(row["variable"]),
                    contrast,
                    str(row["adjustment"]),
                    WITHHELD if hide else numbers.count(row["events"]),
                    numbers.ratio(row["estimate"]),
                    numbers.interval(row["conf_low"], row["conf_high"]),
                    numbers.p_value(row["p_value"]),
                    str(row["variance"] or NOTHING),
                    str(row["note"] or ""),
                )
            )
        )
    level = numbers.level(frame["conf_level"][0]) if len(frame) else ""
    header = (
        "Variable", "Contrast", "Adjusted for", "Events",
        str(frame["measure"][0]).capitalize() if len(frame) else "Estimate",
        f"{level} interval", "p", "Variance", "Note",
    )  # fmt: skip
    return with_note(Table("All estimates", header, tuple(rows), (), (0, 1, 2, 7, 8)), smallest)
