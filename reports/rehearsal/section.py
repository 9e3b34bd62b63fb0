"""A rehearsal on the page of its study: what the plan does without and with the effect."""

from math import exp
from typing import Any

import polars as pl

from analyses.study.study import Study

from .. import numbers
from ..content import Block, Figure, Listing, Row, Section, Table
from ..tables import within_sentence
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
    rows = rehearsal_columns(rehearsal, estimates).to_dicts()
    several = len(study.questions) > 1
    last = rows[-1]
    return (
        _what_was_done(rehearsal),
        Listing(rehearsal.words),
        _null_table(rows, rehearsal, several),
        _effect_table(rows, rehearsal, several),
        Listing(tuple(f"{_label(one, several)}: {one['meaning']}" for one in _shown(rows))),
        _bias_figure(rows, several),
        _zip_figure(rehearsal, last, several),
    )


def _what_was_done(rehearsal: Rehearsal) -> str:
    return (
        f"The plan of this study was run on {numbers.count(rehearsal.replicates)} draws of its "
        "twin in which the exposure does nothing, and on as many in which it has a known effect: "
        f"{rehearsal.estimand}. Numbers in brackets are Monte Carlo standard errors; the seed is "
        f"{rehearsal.seed}."
    )


def _label(one: Record, several: bool) -> str:
    """An estimate in words: question, contrast, adjustment, measure."""
    question = f"{one['question']}, " if several else ""
    words = f"{question}{one['contrast']}, {within_sentence(one['adjustment'])}"
    return f"{words}, {one['measure']}"


def _shown(rows: list[Record]) -> list[Record]:
    """The last adjustment set of each question, estimator and contrast."""
    last: dict[tuple[int, str, str], Record] = {}
    for one in rows:
        last[one["number"], one["measure"], one["contrast"]] = one
    return list(last.values())


def _null_table(rows: list[Record], rehearsal: Rehearsal, several: bool) -> Table:
    header = ("Estimate", "Mean ratio", "Bias (log)", "95 % interval holds 1", "Wrongly rejects 1",
              "No estimate")  # fmt: skip
    told = [
        Row(
            (
                _label(one, several),
                numbers.ratio(_exp(one["null_mean_estimate"])),
                _with_error(one, "null_bias"),
                _share(one, "null_coverage"),
                _share(one, "type_1_error"),
                _none(one["null_convergence"]),
            )
        )
        for one in rows
    ]
    note = (
        "If all is well the mean ratio is 1, 95 % of the intervals hold 1, and 5 % of the studies "
        "reject it. The mean is that of the log ratios."
    )
    caption = f"Rehearsed without an effect, {numbers.count(rehearsal.replicates)} draws"
    return Table(caption, header, tuple(told), (note,))


def _effect_table(rows: list[Record], rehearsal: Rehearsal, several: bool) -> Table:
    header = ["Estimate", "Truth", "Mean ratio", "Bias (log)", "95 % interval holds the truth",
              "Rejects 1 (power)", "Exaggeration", "No estimate"]  # fmt: skip
    at_large = any(one["at_large"] is not None for one in rows)
    if at_large:
        header[3:3] = ["At large"]
    told = []
    for one in rows:
        cells = [
            _label(one, several),
            numbers.ratio(one["truth"]),
            numbers.ratio(_exp(one["mean_estimate"])),
            _with_error(one, "bias"),
            _share(one, "coverage"),
            _share(one, "power"),
            numbers.NOTHING if one["type_m"] is None else f"{numbers.ratio(one['type_m'])}",
            _none(one["convergence"]),
        ]
        if at_large:
            cells[3:3] = [numbers.ratio(one["at_large"])]
        told.append(Row(tuple(cells)))
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
    return Table(caption, tuple(header), tuple(told), tuple(notes))


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


def _bias_figure(rows: list[Record], several: bool) -> Figure:
    lines = [Lollipop(_label(one, several), one["bias"], one["bias_mcse"]) for one in rows]
    data = Table(
        "Bias of each estimate",
        ("Estimate", "Bias (log)"),
        tuple(Row((_label(one, several), _with_error(one, "bias"))) for one in rows),
    )
    told = "; ".join(f"{one.label} {numbers.bias(one.value)}" for one in lines)
    return Figure(
        "Bias of the log ratio with the effect: the mean of the estimates less the truth, with "
        "1.96 Monte Carlo standard errors about it.",
        lollipop(lines, "Bias of the log ratio", 0.0, None),
        f"Bias by estimate: {told}.",
        data,
    )


def _zip_figure(rehearsal: Rehearsal, last: Record, several: bool) -> Figure:
    rows = rehearsal.rows.filter(
        (pl.col("scenario") == PUBLISHED) & (pl.col("method") == last["method"])
    )
    label = _label(last, several)
    data = Table(
        "Coverage",
        ("Estimate", "95 % interval holds the truth"),
        (Row((label, _share(last, "coverage"))),),
    )
    return Figure(
        "Every 95 % interval of one estimate, from the draw nearest to the truth (below) to the "
        "farthest. Those that miss the truth are darker; with 95 % coverage they fill the part "
        "above the dashed line (dotted: where chance lets the border lie).",
        zip_plot(rows, label),
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
