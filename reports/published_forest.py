"""Forest plots of published tables: with their pools, or side by side without an average."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from analyses.pooling.published_part import PublishedPart
from analyses.pooling.published_pool import PublishedPool

from . import numbers
from .content import Block, Figure, Row, Table
from .forest import ForestLine, forest_plot
from .numbers import NOTHING
from .published_blocks import Names


def pooled_forest(part: PublishedPart, pool: PublishedPool, names: Names) -> Figure:
    """Every table, the pools as diamonds, and where a new study might lie."""
    weights = dict(zip(pool.random.studies, pool.random.weights, strict=True))
    drawn = []
    rows = []
    for row in study_rows(part).iter_rows(named=True):
        weight = weights[str(row["study"])]
        drawn.append(_line(row, names, weight))
        rows.append(Row((drawn[-1].label, drawn[-1].words, f"{100 * weight:.1f} %")))
    for label, one in (("Fixed effect", pool.fixed), ("Random effects", pool.random)):
        words = numbers.ratio_with_interval(one.estimate, one.conf_low, one.conf_high)
        drawn.append(ForestLine(label, "diamond", one.estimate, one.conf_low, one.conf_high, words))
        rows.append(Row((label, words, numbers.share(1, 1)), "total"))
    if pool.prediction is not None:
        low, high = pool.prediction
        words = numbers.interval(low, high)
        drawn.append(ForestLine("Prediction interval", "interval", None, low, high, words))
        rows.append(Row(("Prediction interval", words, NOTHING), "total"))
    measure = pool.random.measure.capitalize()
    level = numbers.level(pool.random.conf_level)
    header = ("Study", f"{measure} ({level} interval)", "Weight, random effects")
    told = "; ".join(f"{one.label}: {one.words}" for one in drawn)
    caption = (
        f"{measure} of each table with {level} interval (squares by weight), the pools (diamonds) "
        "and where a new study might lie (dashed)."
    )
    data = Table(f"{measure} by study", header, tuple(rows))
    svg = forest_plot(drawn, f"{measure} (log scale)")
    return Figure(caption, svg, f"Forest plot. {told}.", data)


def unpooled_forest(part: PublishedPart, names: Names) -> list[Block]:
    """Two or more ratios of one measure side by side, without an average."""
    frame = study_rows(part)
    if part.pool is not None or frame.height < 2 or frame["measure"].n_unique() > 1:
        return []
    lines = [_line(row, names, None) for row in frame.iter_rows(named=True)]
    rows = tuple(Row((one.label, one.words)) for one in lines)
    measure = str(frame["measure"][0]).capitalize()
    level = numbers.level(part.pooling.conf_level)
    data = Table(f"{measure} by study", ("Study", f"{measure} ({level} interval)"), rows)
    told = "; ".join(f"{one.label}: {one.words}" for one in lines)
    caption = f"{measure} of each table with {level} interval; not pooled."
    svg = forest_plot(lines, f"{measure} (log scale)")
    return [Figure(caption, svg, f"Forest plot. {told}.", data)]


def study_rows(part: PublishedPart) -> pl.DataFrame:
    """One row a study: Woolf's or the printed one, the exact one where a cell is empty."""
    ids = [table.id for table in part.tables]
    rows = part.frame.filter(
        pl.col("study").is_in(ids)
        & pl.col("estimate").is_not_null()
        & pl.col("conf_low").is_not_null()
    )
    return rows.unique("study", keep="first", maintain_order=True)


def _line(row: Mapping[str, Any], names: Names, weight: float | None) -> ForestLine:
    words = numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"])
    size = None if weight is None else max(weight, 0.0)
    return ForestLine(
        names[str(row["study"])], "square", row["estimate"], row["conf_low"], row["conf_high"],
        words, size,
    )  # fmt: skip
