"""A survival curve by group, with the numbers at risk beneath it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import numbers
from .drawing import drawn
from .palette import DASHES, GROUPS, INK


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function with limits: it has ``estimate[i]`` from ``time[i]`` on, and ends at ``end``.

    at_risk : words for each of the risk table's times.
    """

    group: str
    time: tuple[float, ...]
    estimate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    end: float
    at_risk: tuple[str, ...]


def curve_plot(
    curves: Sequence[Steps], times: Sequence[float], *, axis_label: str, measure: str
) -> str:
    """The curves as SVG. times : where the risk table has its columns."""
    table = 0.2 * len(curves) + 0.3
    height = 3.3 + table

    def draw(figure: Any) -> None:
        bottom = (table + 0.55) / height
        axes = figure.add_axes((0.2, bottom, 0.77, 1 - bottom - 0.1 / height))
        for place, curve in enumerate(curves):
            _draw_curve(axes, place, curve)
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.set_xlim(curves[0].time[0], max(times[-1], *(curve.end for curve in curves)))
        axes.set_xticks(list(times), [numbers.plain(time) for time in times])
        axes.set_xlabel(axis_label)
        axes.set_ylabel(measure)
        axes.legend(loc="lower left", frameon=False, handlelength=2.6)
        _risk_table(figure, axes, curves, (times, table, height))

    return drawn(height, draw)


def _draw_curve(axes: Any, place: int, curve: Steps) -> None:
    colour = GROUPS[place % len(GROUPS)]
    time = [*curve.time, curve.end]
    style = DASHES[place % len(DASHES)]
    level = [*curve.estimate, curve.estimate[-1]]
    axes.step(time, level, where="post", color=colour, linestyle=style, linewidth=1.5,
              label=curve.group)  # fmt: skip
    axes.fill_between(
        time, [*curve.low, curve.low[-1]], [*curve.high, curve.high[-1]],
        step="post", color=colour, alpha=0.1, linewidth=0,
    )  # fmt: skip


def _risk_table(
    figure: Any, axes: Any, curves: Sequence[Steps], shape: tuple[Sequence[float], float, float]
) -> None:
    times, table, height = shape
    figure.text(0.015, (table - 0.06) / height, "Number at risk", weight="bold", va="center")
    for place, curve in enumerate(curves):
        y = (table - 0.26 - 0.2 * place) / height
        colour = GROUPS[place % len(GROUPS)]
        figure.text(0.015, y, curve.group, color=colour, va="center")
        for time, words in zip(times, curve.at_risk, strict=True):
            x = axes.transData.transform((time, 0))[0] / figure.bbox.width
            figure.text(x, y, words, ha="center", va="center", color=INK)
