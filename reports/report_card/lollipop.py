"""The lollipop plot: each method's bias with its Monte Carlo interval, in spreads of estimates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..drawing import drawn
from ..palette import ACCENT, GROUPS, INK, LINE, QUIET

LEFT, ACROSS = 0.42, 0.53


@dataclass(frozen=True, slots=True)
class Stick:
    """One method: bias over the standard deviation of its estimates, with the Monte Carlo limits.

    right : whether it is an analysis that should have none.
    """

    label: str
    bias: float
    low: float
    high: float
    right: bool


def lollipop_plot(sticks: Sequence[Stick], band: float) -> str:
    """The plot as SVG, methods from top to bottom. band : a bias within it counts as none."""
    height = 0.32 * len(sticks) + 0.75
    reach = 1.15 * max(1.0, *(abs(end) for one in sticks for end in (one.low, one.high)))

    def draw(figure: Any) -> None:
        bottom = 0.55 / height
        axes = figure.add_axes((LEFT, bottom, ACROSS, 1 - bottom - 0.1 / height))
        axes.axvspan(-band, band, color=LINE, alpha=0.5, linewidth=0, zorder=0)
        axes.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
        for place, one in enumerate(sticks):
            colour = ACCENT if one.right else GROUPS[1]
            axes.hlines(place, min(0.0, one.bias), max(0.0, one.bias), colour, linewidth=1.4)
            axes.hlines(place, one.low, one.high, INK, linewidth=0.8, zorder=4)
            for end in (one.low, one.high):
                axes.vlines(end, place - 0.12, place + 0.12, INK, linewidth=0.8, zorder=4)
            axes.plot([one.bias], [place], marker="o" if one.right else "D", markersize=6,
                      color=colour, zorder=3)  # fmt: skip
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(sticks) - 0.5, -0.5)
        axes.set_yticks(range(len(sticks)), [_two_lines(one.label) for one in sticks])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Bias, in standard deviations of one study's estimate")

    return drawn(height, draw)


def _two_lines(label: str) -> str:
    if len(label) <= 40:
        return label
    words, first = label.split(), ""
    while words and len(first) + len(words[0]) < len(label) / 2 + 4:
        first = f"{first} {words.pop(0)}".strip()
    return f"{first}\n{' '.join(words)}"
