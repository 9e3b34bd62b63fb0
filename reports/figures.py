"""The figures of a study page: each a drawing, its words, and its data as a table."""

from collections.abc import Sequence
from math import isnan

import polars as pl

from analyses import Curve
from cohort import Cohort

from . import numbers
from .coarse import coarse_steps, tick_times
from .content import Figure, Row, Table
from .curve_plot import curve_plot
from .flow_diagram import FlowStep, flow_diagram
from .forest import ForestLine, forest_plot
from .hazards_plot import BandedRatio, hazards_plot
from .numbers import NOTHING
from .tables import (
    column_label,
    contrast_lines,
    estimates_table,
    flow_rows,
    outcome_words,
    participant_flow,
    with_note,
    within_sentence,
)


def flow_figure(cohort: Cohort, smallest: int) -> Figure:
    """The participant flow as a diagram."""
    rows = flow_rows(cohort.steps, smallest)
    steps = [
        FlowStep(
            f"{one.persons} persons",
            "in the data" if not place else ("kept" if place < len(rows) - 1 else "analysed"),
            f"{one.left} left: {one.reason}" if place else "",
        )
        for place, one in enumerate(rows)
    ]
    ways = "; ".join(f"{one.left} left ({one.reason})" for one in rows[1:])
    alt = f"Flow from {rows[0].persons} persons in the data to {rows[-1].persons} analysed"
    alt += f": {ways}." if ways else "; nobody was left out."
    caption = "Participant flow: persons in the data, those left out and why, those analysed."
    return Figure(caption, flow_diagram(steps), alt, participant_flow(cohort, smallest))


def forest_figure(frame: pl.DataFrame, cohort: Cohort, smallest: int) -> Figure:
    """Hazard ratios of one exposure, by contrast, a line for each adjustment set."""
    sets, lines = contrast_lines(frame, cohort)
    drawn: list[ForestLine] = []
    for line in lines:
        if line.reference:
            drawn.append(ForestLine(line.label, "reference", 1.0, words="1 (reference)"))
            continue
        drawn.append(ForestLine(line.label, "heading"))
        for name, row in zip(sets, line.cells, strict=True):
            if row is None:
                continue
            words = (
                numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"])
                if row["estimate"] is not None
                else "not estimable"
            )
            drawn.append(
                ForestLine(
                    f"   {name}",
                    "square",
                    row["estimate"],
                    row["conf_low"],
                    row["conf_high"],
                    words,
                )
            )
    exposure = column_label(cohort, str(frame["exposure"][0]))
    measure, level = str(frame["measure"][0]), numbers.level(frame["conf_level"][0])
    of = f"{measure} of {outcome_words(frame['outcome'][0])}"
    caption = f"{of[:1].upper()}{of[1:]} by {within_sentence(exposure)}, with {level} interval."
    told = "; ".join(f"{one.label.strip()} {one.words}" for one in drawn if one.words)
    alt = f"Forest plot of the {of} by {within_sentence(exposure)}: {told}."
    data = estimates_table(frame, smallest)
    return Figure(caption, forest_plot(drawn, f"{measure.capitalize()} (log scale)"), alt, data)


def curve_figure(curve: Curve, cohort: Cohort, exposure: str, smallest: int) -> Figure:
    """Survival by exposure on the study's time scale, with the numbers at risk."""
    times = tick_times(cohort)
    steps = coarse_steps(curve, cohort, exposure, smallest)
    scale = cohort.scale
    axis = f"{scale.name[:1].upper()}{scale.name[1:]} ({scale.unit})"
    measure = f"{curve.measure[:1].upper()}{curve.measure[1:]}"
    late = cohort.follow_up.entry is not None
    label = within_sentence(column_label(cohort, exposure))
    caption = f"{measure} by {label} on the time scale {scale.name}."
    if late:
        caption += (
            " Persons enter at different times, so that the number at risk first grows; survival "
            "is that of persons alive where the curve begins."
        )
    if smallest > 1:
        caption += (
            f" Each step holds at least {smallest} events and stands at a round time, and a curve "
            f"ends where fewer than {smallest} persons are at risk: nobody can be read off it."
        )
    rows = [
        Row((one.group, numbers.plain(time), numbers.probability(level),
             NOTHING if isnan(low) or isnan(high)
             else f"{numbers.probability(low)} to {numbers.probability(high)}"))
        for one in steps
        for time, level, low, high in zip(one.time, one.estimate, one.low, one.high, strict=True)
    ]  # fmt: skip
    rows += [
        Row((f"{one.group}, at risk", numbers.plain(time), words, NOTHING))
        for one in steps
        for time, words in zip(times, one.at_risk, strict=True)
    ]
    level = numbers.level(curve.conf_level)
    header = ("Group", axis, f"{measure}, or number at risk", f"{level} interval")
    data = with_note(Table(f"{measure} and numbers at risk", header, tuple(rows)), smallest)
    ends = "; ".join(
        f"{one.group}: {numbers.probability(one.estimate[-1])} at {numbers.plain(one.end)}"
        for one in steps
    )
    alt = f"{measure} by group along {axis.lower()}, where each curve ends: {ends}."
    return Figure(caption, curve_plot(steps, times, axis_label=axis, measure=measure), alt, data)


def hazards_figure(ratios: Sequence[BandedRatio], cohort: Cohort) -> Figure:
    """The hazard ratio of each contrast in bands of time."""
    scale = cohort.scale
    axis = f"{scale.name[:1].upper()}{scale.name[1:]} ({scale.unit})"
    rows = [
        Row((one.contrast, f"{numbers.plain(band.start)} to {numbers.plain(band.end)}",
             numbers.count(band.events),
             numbers.ratio_with_interval(band.estimate, band.low, band.high)))
        for one in ratios
        for band in one.bands
    ]  # fmt: skip
    header = ("Contrast", axis, "Events", "Hazard ratio (95 % interval)")
    data = Table("Hazard ratio by band of time", header, tuple(rows), (), (0, 1))
    told = "; ".join(
        f"{one.contrast}: "
        + ", ".join(numbers.ratio(band.estimate) for band in one.bands)
        + f" in successive bands, {numbers.ratio(one.overall)} overall"
        for one in ratios
    )
    caption = (
        "Hazard ratio by band of time (thick line, with 95 % interval) beside the one that the "
        "model assumes for all times (dashed). Bands hold equal numbers of events."
    )
    return Figure(caption, hazards_plot(ratios, axis), f"Hazard ratio by time. {told}.", data)
