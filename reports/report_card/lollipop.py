"""The lollipop plot: each method's bias with its Monte Carlo interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..drawing import drawn
from ..palette import ACCENT, GROUPS, INK, QUIET

LEFT, ACROSS = 0.42, 0.53
NARROWEST = 0.2
"""The axis reaches at least this far, so that a small bias looks small."""


@dataclass(frozen=True, slots=True)
class Stick:
    """One method: its bias with Monte Carlo limits, on the log scale.

    right : whether it is an analysis that should have none.
    """

    label: str
    bias: float
    low: float
    high: float
    right: bool


def lollipop_plot(sticks: Sequence[Stick]) -> str:
    """The plot as SVG, methods from top to bottom; not for none."""
    height = 0.32 * len(sticks) + 0.75
    reach = 1.1 * max(NARROWEST, *(abs(end) for one in sticks for end in (one.low, one.high)))

    def draw(figure: Any) -> None:
        bottom = 0.55 / height
        axes = figure.add_axes((LEFT, bottom, ACROSS, 1 - bottom - 0.1 / height))
        axes.grid(axis="x")
        axes.set_axisbelow(True)
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
        axes.set_xlabel("Bias of the log ratio")

    return drawn(height, draw)


def _two_lines(label: str) -> str:
    if len(label) <= 40:
        return label
    words, first = label.split(), ""
    while words and len(first) + len(words[0]) < len(label) / 2 + 4:
        first = f"{first} {words.pop(0)}".strip()
    return f"{first}\n{' '.join(words)}"
