"""The colours of pages and figures, and how far apart they are for the eye."""

from typing import Any

PAPER = "#ffffff"
WASH = "#f4f6f5"
INK = "#1d262b"
QUIET = "#56626a"
LINE = "#c9d1d3"
ACCENT = "#0b5563"
GOOD, DOUBTFUL, BAD = "#d9ecd9", "#f7ecc4", "#f6d5cb"
"""Behind words that say the same: how a method did."""
GROUPS = ("#0b5563", "#b4501b", "#5b4a8f", "#6a6c12", "#8b2a55", "#3d5a28")
"""Colours of groups in figures; each has a dash pattern too, so that colour is never alone."""
DASHES: tuple[Any, ...] = ("solid", "dashed", "dashdot", "dotted", (0, (5, 1)), (0, (1, 1)))
ENOUGH_FOR_TEXT = 4.5
ENOUGH_FOR_LINES = 3.0


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, success criterion 1.4.3)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
