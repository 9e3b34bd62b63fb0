"""The forest plot: ratios with their intervals, one line each, on a logarithmic axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from . import numbers
from .drawing import drawn
from .palette import ACCENT, INK, LINE, QUIET

Mark = Literal["square", "diamond", "reference", "heading", "interval"]
LEFT, ACROSS = 0.27, 0.46
"""Where the axis begins and how wide it is, as shares of the figure; words stand on both sides."""
OUTER_LEFT, OUTER_RIGHT = (0.01 - LEFT) / ACROSS, (0.99 - LEFT) / ACROSS
_FINE_TICKS = (0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
WIDE = 8.0
"""A range of more than this factor has coarser ticks."""
WIDEST = 30.0
"""Limits further than this factor from 1 are cut, and an arrow says so."""


@dataclass(frozen=True, slots=True)
class ForestLine:
    """One line of a forest plot.

    weight : 0 to 1, the size of the square; None for squares of one size.
    """

    label: str
    mark: Mark = "square"
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    words: str = ""
    weight: float | None = None


def forest_plot(lines: Sequence[ForestLine], axis_label: str) -> str:
    """The forest plot as SVG; lines from top to bottom."""
    low, high = _limits(lines)
    height = 0.27 * len(lines) + 0.75

    def draw(figure: Any) -> None:
        bottom = 0.55 / height
        axes = figure.add_axes((LEFT, bottom, ACROSS, 1 - bottom - 0.12 / height))
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.axvline(1.0, color=QUIET, linewidth=0.8, zorder=1)
        for place, line in enumerate(lines):
            _draw_line(axes, place, line, (low, high))
        choices = _TICKS if high / low > WIDE else _FINE_TICKS
        ticks = [tick for tick in choices if low * 0.999 <= tick <= high * 1.001]
        axes.set_xticks(ticks, [numbers.plain(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(axis_label)

    return drawn(height, draw)


def _limits(lines: Sequence[ForestLine]) -> tuple[float, float]:
    found = [
        value
        for line in lines
        for value in (line.low, line.estimate, line.high)
        if value is not None and isfinite(value) and value > 0
    ]
    low = max(min([*found, 0.7]) / 1.12, 1 / WIDEST)
    high = min(max([*found, 1.4]) * 1.12, WIDEST)
    return low, high


def _draw_line(axes: Any, place: int, line: ForestLine, limits: tuple[float, float]) -> None:
    heading = line.mark == "heading"
    outside = axes.get_yaxis_transform()
    weight = "bold" if heading or line.mark == "diamond" else "normal"
    axes.text(
        OUTER_LEFT, place, line.label, transform=outside, va="center", weight=weight, color=INK
    )
    words_colour = QUIET if line.mark == "reference" else INK
    axes.text(1.04, place, line.words, transform=outside, va="center", color=words_colour)
    if heading and place:
        axes.plot([OUTER_LEFT, OUTER_RIGHT], [place - 0.5] * 2, transform=outside, color=LINE,
                  linewidth=0.6, clip_on=False)  # fmt: skip
    if line.mark == "reference":
        axes.plot([1.0], [place], marker="|", markersize=9, color=QUIET)
    if line.low is None or line.high is None:
        return
    if line.mark == "diamond":
        _diamond(axes, place, line)
        return
    _whisker(axes, place, line, limits)
    if line.estimate is not None and limits[0] <= line.estimate <= limits[1]:
        size = 5.0 if line.weight is None else 3.0 + 7.0 * line.weight**0.5
        axes.plot([line.estimate], [place], marker="s", markersize=size, color=ACCENT, zorder=3)


def _whisker(axes: Any, place: int, line: ForestLine, limits: tuple[float, float]) -> None:
    assert line.low is not None
    assert line.high is not None
    low, high = max(line.low, limits[0]), min(line.high, limits[1])
    style = (0, (2, 1.5)) if line.mark == "interval" else "solid"
    axes.plot([low, high], [place, place], color=ACCENT, linewidth=1.3, linestyle=style,
              solid_capstyle="butt", zorder=2)  # fmt: skip
    if line.low < limits[0]:
        axes.plot([low], [place], marker=8, markersize=5, color=ACCENT, clip_on=False)
    if line.high > limits[1]:
        axes.plot([high], [place], marker=9, markersize=5, color=ACCENT, clip_on=False)


def _diamond(axes: Any, place: int, line: ForestLine) -> None:
    assert line.low is not None
    assert line.high is not None
    middle = line.estimate if line.estimate is not None else (line.low * line.high) ** 0.5
    axes.fill(
        [line.low, middle, line.high, middle],
        [place, place - 0.28, place, place + 0.28],
        facecolor=ACCENT,
        edgecolor=ACCENT,
        zorder=3,
    )
