"""The hazard ratio by band of time: a check of proportional hazards that shows no single person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import numbers
from .drawing import drawn
from .palette import GROUPS, QUIET

_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class Band:
    """The hazard ratio in one band of time, with limits, and how many events it rests on."""

    start: float
    end: float
    estimate: float
    low: float
    high: float
    events: int


@dataclass(frozen=True, slots=True)
class BandedRatio:
    """A contrast with its bands, and the hazard ratio that the model assumes for all of them."""

    contrast: str
    overall: float
    bands: tuple[Band, ...]


def hazards_plot(ratios: Sequence[BandedRatio], axis_label: str) -> str:
    """Side-by-side panels, one a contrast, as SVG."""

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(ratios), sharey=True, squeeze=False)[0]
        figure.subplots_adjust(left=0.09, right=0.985, top=0.9, bottom=0.19, wspace=0.08)
        limits = _limits(ratios)
        for place, (panel, one) in enumerate(zip(axes, ratios, strict=True)):
            _draw_panel(panel, one, GROUPS[(place + 1) % len(GROUPS)])
            panel.set_xlabel(axis_label)
        axes[0].set_yscale("log")
        axes[0].set_ylim(*limits)
        ticks = [tick for tick in _TICKS if limits[0] <= tick <= limits[1]]
        axes[0].set_yticks(ticks, [numbers.plain(tick) for tick in ticks])
        for panel in axes:
            panel.minorticks_off()
        axes[0].set_ylabel("Hazard ratio")

    return drawn(2.6, draw)


def _limits(ratios: Sequence[BandedRatio]) -> tuple[float, float]:
    found = [value for one in ratios for band in one.bands for value in (band.low, band.high)]
    return max(min([*found, 0.5]) * 0.9, 0.05), min(max([*found, 2.0]) * 1.1, 20.0)


def _draw_panel(panel: Any, one: BandedRatio, colour: str) -> None:
    panel.axhline(1.0, color=QUIET, linewidth=0.7)
    panel.axhline(one.overall, color=colour, linewidth=1.0, linestyle="dashed")
    for band in one.bands:
        middle = (band.start + band.end) / 2
        panel.plot([middle, middle], [band.low, band.high], color=colour, linewidth=1.2)
        panel.plot([band.start, band.end], [band.estimate] * 2, color=colour, linewidth=2.2)
    panel.set_title(one.contrast, fontsize=8.5, loc="left")
