"""A rehearsal on the page of its study: what the plan does without and with the effect."""

from collections.abc import Callable
from math import exp
from typing import Any

import polars as pl

from analyses.study.study import Study

from .. import numbers
from ..content import Block, Figure, Listing, Row, Section, Table
from ..tables import label_of, within_sentence
from .plan import PUBLISHED
from .plots import Lollipop, lollipop, zip_plot
from .rehearse import Rehearsal
from .result import rehearsal_columns

GOOD_COVERAGE = (0.93, 0.97)
Record = dict[str, Any]


def rehearsal_section(
    rehearsal: Rehearsal, study: Study, estimates: tuple[pl.DataFrame, ...] = ()
) -> tuple[Block, ...]:
    """The blocks of a rehearsal: what was done, two tables, what estimates mean, two figures.

    estimates : the study's own, if there are; see ``rehearsal_columns``.
    """
    rows = _worded(rehearsal_columns(rehearsal, estimates).to_dicts(), study)
    last = rows[-1]
    return (
        _what_was_done(rehearsal),
        Listing(rehearsal.words),
        _null_table(rows, rehearsal),
        _effect_table(rows, rehearsal),
        Listing(tuple(f"{_label(one)}: {one['meaning']}" for one in _shown(rows))),
        _bias_figure(rows),
        _zip_figure(rehearsal, last),
    )


def _what_was_done(rehearsal: Rehearsal) -> str:
    return (
        f"The plan of this study was run on {numbers.count(rehearsal.replicates)} draws of its "
        "twin in which the exposure does nothing, and on as many in which it has a known effect: "
        f"{rehearsal.estimand}. Numbers in brackets are Monte Carlo standard errors (of a share of "
        "0 % or 100 % that of two more draws on each side, since 0 would claim certainty); the "
        f"seed is {rehearsal.seed}."
    )


def _heading(one: Record) -> str:
    """What is estimated, in words: exposure or question, contrast, measure."""
    return f"{one['words']}: {one['contrast']}, {one['measure']}"


def _label(one: Record) -> str:
    """One estimate in words."""
    return f"{_heading(one)}, {within_sentence(one['adjustment'])}"


def _worded(rows: list[Record], study: Study) -> list[Record]:
    """The rows with words for what was asked: the exposure, or the question where there are more.

    A world declares its variables itself, so that only its exposure's name is known here.
    """
    labels = {variable.name: label_of(variable) for variable in study.variables}
    asked = {one["number"] for one in rows}
    for one in rows:
        label = labels.get(one["exposure"], one["exposure"].replace("_", " "))
        words = label if len(asked) == 1 else one["question"]
        one["words"] = words[:1].upper() + words[1:]
    return rows


def _grouped(rows: list[Record], cells: Callable[[Record], list[str]], width: int) -> list[Row]:
    """Rows under a heading for each thing that is estimated."""
    told: list[Row] = []
    before, one_level = None, len(_levels(rows)) == 1
    for one in rows:
        if _heading(one) != before:
            before = _heading(one)
            told.append(Row((before, *("" for _ in range(width - 1))), "group"))
        own = "" if one_level else f" ({numbers.level(one['conf_level'])} interval)"
        told.append(Row((one["adjustment"] + own, *cells(one)), "level"))
    return told


def _levels(rows: list[Record]) -> list[str]:
    """The confidence levels of the intervals, in words."""
    return [numbers.level(one) for one in sorted({row["conf_level"] for row in rows})]


def _interval(rows: list[Record]) -> str:
    levels = _levels(rows)
    return f"{levels[0]} interval" if len(levels) == 1 else "Interval"


def _shown(rows: list[Record]) -> list[Record]:
    """The last adjustment set of each question, estimator and contrast."""
    last: dict[tuple[int, str, str], Record] = {}
    for one in rows:
        last[one["number"], one["measure"], one["contrast"]] = one
    return list(last.values())


def _null_table(rows: list[Record], rehearsal: Rehearsal) -> Table:
    header = (
        "Adjusted for", "Mean ratio", "Bias (log)", f"{_interval(rows)} holds 1",
        "Wrongly rejects 1", "No estimate",
    )  # fmt: skip
    told = _grouped(
        rows,
        lambda one: [
            numbers.ratio(_exp(one["null_mean_estimate"])),
            _with_error(one, "null_bias"),
            _share(one, "null_coverage"),
            _share(one, "type_1_error"),
            _none(one["null_convergence"]),
        ],
        len(header),
    )
    note = (
        f"If all is well the mean ratio is 1, {' or '.join(_levels(rows))} of the intervals hold "
        "1, and 5 % of the studies reject it. The mean is that of the log ratios."
    )
    caption = f"Rehearsed without an effect, {numbers.count(rehearsal.replicates)} draws"
    return Table(caption, header, tuple(told), (note,))


def _effect_table(rows: list[Record], rehearsal: Rehearsal) -> Table:
    header = ["Adjusted for", "Truth", "Mean ratio", "Bias (log)",
              f"{_interval(rows)} holds the truth", "Rejects 1 (power)", "Exaggeration",
              "No estimate"]  # fmt: skip
    at_large = any(one["at_large"] is not None for one in rows)
    if at_large:
        header[3:3] = ["At large"]

    def cells(one: Record) -> list[str]:
        told = [
            numbers.ratio(one["truth"]),
            numbers.ratio(_exp(one["mean_estimate"])),
            _with_error(one, "bias"),
            _share(one, "coverage"),
            _share(one, "power"),
            numbers.ratio(one["type_m"]),
            _none(one["convergence"]),
        ]
        if at_large:
            told[2:2] = [numbers.ratio(one["at_large"])]
        return told

    notes = [
        "Exaggeration is the mean size of the log ratios that reject 1, over the true one "
        "(type M error of Gelman and Carlin 2014, Perspect Psychol Sci 9:641-51).",
    ]
    if at_large:
        notes.append(
            "At large: what the same plan gives in one huge draw, where chance has all but gone "
            f"({_events(rehearsal)}). Its distance from the truth is not chance: the assay, "
            "confounding, and that a ratio depends on what it is adjusted for."
        )
    caption = f"Rehearsed with the effect, {numbers.count(rehearsal.replicates)} draws"
    return Table(caption, tuple(header), tuple(_grouped(rows, cells, len(header))), tuple(notes))


def _events(rehearsal: Rehearsal) -> str:
    there = rehearsal.large.filter("converged")
    events, error = int(there["events"][0]), float(there["std_error"].max())  # type: ignore[arg-type]
    return f"{numbers.count(events)} events; standard error of the log ratio at most {error:.3f}"


def _exp(value: float | None) -> float | None:
    return None if value is None else exp(value)


def _with_error(one: Record, name: str) -> str:
    value, error = one[name], one[f"{name}_mcse"]
    return f"{numbers.bias(value)} ({numbers.error(error)})"


def _share(one: Record, name: str) -> str:
    value, error = one[name], one[f"{name}_mcse"]
    if value is None:
        return numbers.NOTHING
    return f"{numbers.probability(value)} ({100 * error:.1f})"


def _none(convergence: float | None) -> str:
    return numbers.probability(None if convergence is None else 1 - convergence)


def _bias_figure(rows: list[Record]) -> Figure:
    lines = [Lollipop(_label(one), one["bias"], one["bias_mcse"]) for one in rows]
    data = Table(
        "Bias of each estimate",
        ("Estimate", "Bias (log)"),
        tuple(Row((_label(one), _with_error(one, "bias"))) for one in rows),
    )
    told = "; ".join(f"{one.label} {numbers.bias(one.value)}" for one in lines)
    return Figure(
        "Bias of the log ratio with the effect: the mean of the estimates less the truth, with "
        "1.96 Monte Carlo standard errors about it.",
        lollipop(lines, "Bias of the log ratio", 0.0, None),
        f"Bias by estimate: {told}.",
        data,
    )


def _zip_figure(rehearsal: Rehearsal, last: Record) -> Figure:
    rows = rehearsal.rows.filter(
        (pl.col("scenario") == PUBLISHED) & (pl.col("method") == last["method"])
    )
    label, level = _label(last), numbers.level(last["conf_level"])
    data = Table(
        "Coverage",
        ("Estimate", f"{level} interval holds the truth"),
        (Row((label, _share(last, "coverage"))),),
    )
    return Figure(
        f"Every {level} interval of one estimate, from the draw nearest to the truth (below) to "
        f"the farthest. Those that miss the truth are darker; with {level} coverage they fill the "
        "part above the dashed line (dotted: where chance lets the border lie).",
        zip_plot(rows, label, last["conf_level"]),
        f"Zip plot of {label}: {numbers.probability(last['coverage'])} of the intervals hold the "
        f"truth, {numbers.ratio(last['truth'])}.",
        data,
    )


def rehearsal_sections(rehearsal: Rehearsal, study: Study) -> tuple[Section, ...]:
    """The sections of a page that shows a rehearsal alone."""
    return (
        Section("Question", (study.question,)),
        Section("Rehearsal", rehearsal_section(rehearsal, study)),
        Section("Not shown", (
            "Nothing here is a result about real persons: it is what the plan of the study does "
            "where the truth is known.",
        )),
    )  # fmt: skip
