"""The participant flow as a diagram: who is left in boxes, who left beside the arrows."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .drawing import drawn
from .palette import ACCENT, INK, LINE, QUIET, WASH

BOX_CHARACTERS = 34
SIDE_CHARACTERS = 40
LINE_HEIGHT = 0.175


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One box: how many, who they are; and who left before it, if anyone."""

    number: str
    words: str
    left: str = ""


def flow_diagram(steps: Sequence[FlowStep]) -> str:
    """The diagram as SVG, from the records of the source to the persons analysed."""
    boxes = [textwrap.wrap(step.words, BOX_CHARACTERS) or [""] for step in steps]
    sides = [textwrap.wrap(step.left, SIDE_CHARACTERS) if step.left else [] for step in steps]
    heights = [0.34 + LINE_HEIGHT * (len(box) + 1) for box in boxes]
    gaps = [0.0] + [max(0.35, 0.3 + LINE_HEIGHT * len(side)) for side in sides[1:]]
    total = sum(heights) + sum(gaps) + 0.1

    def draw(figure: Any) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, 7.4)
        axes.set_ylim(-total + 0.05, 0.05)
        top = 0.0
        for place, step in enumerate(steps):
            if place:
                _arrow(axes, top, gaps[place], sides[place])
            top -= gaps[place]
            _box(axes, (top, heights[place]), step.number, boxes[place])
            top -= heights[place]

    return drawn(total, draw)


def _box(axes: Any, span: tuple[float, float], number: str, lines: Sequence[str]) -> None:
    from matplotlib.patches import Rectangle

    top, height = span
    axes.add_patch(
        Rectangle(
            (0.05, top - height), 2.9, height, facecolor=WASH, edgecolor=ACCENT, linewidth=0.9
        )
    )
    axes.text(1.5, top - 0.25, number, ha="center", va="center", weight="bold", fontsize=10)
    for place, line in enumerate(lines):
        y = top - 0.25 - LINE_HEIGHT * (place + 1) - 0.02
        axes.text(1.5, y, line, ha="center", va="center", color=INK)


def _arrow(axes: Any, top: float, gap: float, lines: Sequence[str]) -> None:
    axes.annotate("", xy=(1.5, top - gap), xytext=(1.5, top),
                  arrowprops={"arrowstyle": "-|>", "color": QUIET, "linewidth": 0.9,
                              "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    if not lines:
        return
    middle = top - gap / 2
    axes.plot([1.5, 3.3], [middle, middle], color=QUIET, linewidth=0.9)
    half = LINE_HEIGHT * len(lines) / 2 + 0.06
    axes.plot([3.3, 3.3], [middle - half, middle + half], color=LINE, linewidth=2)
    for place, line in enumerate(lines):
        y = middle + LINE_HEIGHT * ((len(lines) - 1) / 2 - place)
        axes.text(3.42, y, line, va="center", color=INK)
