"""Drawing with matplotlib so that the same figure is always the same bytes."""

import io
import re
from collections.abc import Callable
from typing import Any

from .palette import INK, LINE, QUIET

WIDTH = 7.4
"""Inches; a page shows a figure at this width or less."""
_SETTINGS: Any = {
    "svg.hashsalt": "microcohort",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify": False,
    "text.usetex": False,
    "text.parse_math": False,
}
_LONGEST_NUMBER = re.compile(r"(\d+\.\d{3})\d+")


def drawn(height: float, draw: Callable[[Any], None]) -> str:
    """An SVG of a figure that ``draw`` fills; no date, no random id, fonts as paths.

    height : inches. draw : takes the empty matplotlib figure.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasSVG(figure)
        draw(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    body = text[text.index("<svg") :]
    # Three decimals of a point are finer than any screen, and a third of the bytes.
    return _LONGEST_NUMBER.sub(r"\1", body)
