"""Pictures of a simulation study: zip, lollipop and nested loop, as SVG.

Morris, White and Crowther (2019), Stat Med 38:2074-102, figures 5 and 6; Ruecker and Schwarzer
(2014), BMC Med Res Methodol 14:129 (nested loop).
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np
import polars as pl

from .. import numbers
from ..drawing import drawn
from ..palette import ACCENT, DASHES, GROUPS, INK, LINE, QUIET

Z = 1.96
MISSES, COVERS = "#b4501b", "#8fa9ae"
FEWEST = 2
LABEL_CHARACTERS = 46


def zip_plot(rows: pl.DataFrame, title: str, conf_level: float) -> str:
    """Every interval of one method, sorted by how far its estimate is from the truth.

    rows : of ``analyses.grading.run_replicate``, one scenario and method. The intervals above the
    nominal coverage, ``conf_level``, should miss the truth and no others; the band is where the
    border lies in 95 % of runs of this length when coverage is nominal.
    """
    there = rows.filter(pl.col("converged") & pl.col("std_error").is_not_null())
    away = ((there["estimate"] - there["truth"]) / there["std_error"]).abs().to_numpy()
    order = np.argsort(away, kind="stable")
    low, high, truth = (
        there[name].to_numpy()[order] for name in ("conf_low", "conf_high", "truth")
    )
    place = 100 * (np.arange(len(order)) + 0.5) / max(len(order), 1)
    misses = (truth < low) | (truth > high)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        figure.subplots_adjust(left=0.1, right=0.97, top=0.91, bottom=0.14)
        width = min(1.2, 260 / max(len(order), 1))
        for chosen, colour in ((~misses, COVERS), (misses, MISSES)):
            axes.hlines(place[chosen], low[chosen], high[chosen], color=colour, linewidth=width)
        middle = 100 * conf_level
        band = Z * sqrt(conf_level * (1 - conf_level) / max(len(order), 1)) * 100
        borders = ((middle - band, "dotted"), (middle, "dashed"), (middle + band, "dotted"))
        for border, style in borders:
            axes.axhline(border, color=INK, linewidth=0.8, linestyle=style)
        if len(truth):
            axes.axvline(float(truth[0]), color=INK, linewidth=1.0)
        axes.set_ylim(0, 100)
        axes.set_yticks([0, 25, 50, 75, middle])
        axes.set_ylabel("Draws, % from nearest to farthest")
        _ratio_ticks(axes, float(np.min(low, initial=0)), float(np.max(high, initial=0)))
        level = numbers.level(conf_level)
        axes.set_xlabel(f"Ratio, its {level} interval (log scale); the truth is the upright line")
        axes.set_title(title, fontsize=8.5, loc="left")

    return drawn(3.6, draw)


def _ratio_ticks(axes: Any, low: float, high: float) -> None:
    """Ticks of ratios on an axis of logarithms."""
    ratios = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
    inside = [one for one in ratios if low <= np.log(one) <= high]
    axes.set_xticks([float(np.log(one)) for one in inside], [numbers.plain(r) for r in inside])


@dataclass(frozen=True, slots=True)
class Lollipop:
    """One method: the value of a measure and its Monte Carlo standard error."""

    label: str
    value: float | None
    mcse: float | None


def lollipop(
    lines: Sequence[Lollipop], axis_label: str, target: float, band: tuple[float, float] | None
) -> str:
    """A measure of every method as a stick from its target, with 1.96 Monte Carlo errors about it.

    target : what the measure should be. band : values that count as good, shaded.
    """
    labels = [textwrap.fill(one.label, LABEL_CHARACTERS) for one in lines]
    most = max((label.count("\n") for label in labels), default=0)
    height = 0.75 + (0.24 + 0.15 * most) * len(lines)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        figure.subplots_adjust(left=0.46, right=0.98, top=1 - 0.12 / height, bottom=0.48 / height)
        if band is not None:
            axes.axvspan(*band, color=LINE, alpha=0.5, linewidth=0)
        axes.axvline(target, color=QUIET, linewidth=0.9)
        for place, one in enumerate(lines):
            _stick(axes, place, one, target)
        axes.set_yticks(range(len(lines)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_xlabel(axis_label)

    return drawn(height, draw)


def _stick(axes: Any, place: int, one: Lollipop, target: float) -> None:
    if one.value is None or not isfinite(one.value):
        axes.text(target, place, "  none", va="center", color=QUIET)
        return
    axes.plot([target, one.value], [place, place], color=ACCENT, linewidth=1.4)
    axes.plot([one.value], [place], marker="o", markersize=4.5, color=ACCENT)
    if one.mcse is not None and isfinite(one.mcse):
        for side in (-1, 1):
            end = one.value + side * Z * one.mcse
            axes.plot([one.value, end], [place, place], color=INK, linewidth=0.9)
            axes.plot([end], [place], marker="|", markersize=6, color=INK)


@dataclass(frozen=True, slots=True)
class Loop:
    """One method over all settings of a nested loop, in their order: values (n,)."""

    label: str
    values: tuple[float | None, ...]


def nested_loop(
    factors: Sequence[tuple[str, Sequence[str]]],
    loops: Sequence[Loop],
    axis_label: str,
    target: float,
) -> str:
    """A measure of each method over a factorial of settings, as steps above the factors.

    factors : name and levels, the slowest first; settings are all combinations in that order, and
    each loop has a value for each of them. target : what the measure should be.

    Ruecker and Schwarzer (2014).
    """
    count = int(np.prod([len(levels) for _, levels in factors]))
    height = 2.6 + 0.34 * len(factors)

    def draw(figure: Any) -> None:
        axes, below = figure.subplots(
            2, 1, sharex=True, height_ratios=[2.3, 0.34 * len(factors) + 0.1]
        )
        figure.subplots_adjust(left=0.12, right=0.98, top=0.9, bottom=0.04, hspace=0.06)
        edges = np.arange(count + 1)
        axes.axhline(target, color=QUIET, linewidth=0.9)
        for number, one in enumerate(loops):
            values = [np.nan if value is None else value for value in one.values]
            axes.stairs(values, edges, baseline=None, label=one.label, linewidth=1.4,
                        color=GROUPS[number % len(GROUPS)],
                        linestyle=DASHES[number % len(DASHES)])  # fmt: skip
        axes.set_ylabel(axis_label)
        axes.set_xlim(0, count)
        axes.tick_params(axis="x", length=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=7.5)
        _factor_steps(below, factors, count)

    return drawn(height, draw)


def _factor_steps(axes: Any, factors: Sequence[tuple[str, Sequence[str]]], count: int) -> None:
    """Each factor as a line of its levels, under the settings that have them."""
    inner = count
    for row, (name, levels) in enumerate(factors):
        inner //= len(levels)
        for block in range(count // inner):
            start = block * inner
            axes.plot([start + 0.05, start + inner - 0.05], [row, row], color=INK, linewidth=1.1)
            axes.text(start + inner / 2, row - 0.18, levels[block % len(levels)], ha="center",
                      va="bottom", fontsize=7, color=INK)  # fmt: skip
        axes.text(-0.02, row, name, transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=7.5, color=INK)  # fmt: skip
    axes.set_ylim(len(factors) - 0.5, -0.9)
    axes.axis("off")
