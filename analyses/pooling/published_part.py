"""One part of a study of published tables: rows, and a pool where one makes sense."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl

from cohort.errors import NotEstimableError, StudyError, one_of
from cohort.published import PublishedTable

from ..study.parts import Pooling
from .heterogeneity import Heterogeneity
from .mantel_haenszel import mantel_haenszel_odds_ratio
from .pool import FIXED, Limits, pool
from .published_pool import PublishedPool, crude_rows, pool_printed, pool_tables, printed_rows
from .shared_women import Sharing, share_comparison, share_population, sharing_compared
from .shared_women import sharing_covariance as covariance_of
from .study_estimate import (
    StudyEstimate,
    crude_odds_ratios,
    published_effects,
    shared_controls_covariance,
    table_of,
)
from .two_by_two import TableEstimate

LIMITS = ("normal", "knapp-hartung")
ESTIMATES = ("crude", "published")


@dataclass(frozen=True, slots=True, eq=False)
class PublishedPart:
    """Some tables of a study, with or without a pool.

    frame : columns of `STUDY_SCHEMA`, the rows of the studies (crude odds ratios with two kinds of
    limits, or printed effects) and of their pools. pool : None where the document says why not.
    sharing : what shared women change; empty if none are shared. agreement : whether tables that
    are not pooled agree; None where that cannot be asked. mantel_haenszel : the common odds ratio
    without a correction, where a table with an empty cell was pooled with one and no women
    are shared.
    """

    pooling: Pooling
    tables: tuple[PublishedTable, ...]
    frame: pl.DataFrame
    pool: PublishedPool | None = None
    sharing: tuple[Sharing, ...] = ()
    agreement: Heterogeneity | None = None
    mantel_haenszel: TableEstimate | None = None


def published_part(tables: Sequence[PublishedTable], pooling: Pooling) -> PublishedPart:
    """Rows of the tables, and their pool unless the document says why not.

    Raises StudyError for words it does not know, and as `pool_tables` and `pool_printed` do.
    """
    if pooling.limits not in LIMITS:
        raise StudyError(f"[pooling] limits = '{pooling.limits}': expected {one_of(LIMITS)}.")
    if pooling.estimate not in ESTIMATES:
        raise StudyError(
            f"[pooling] estimate = '{pooling.estimate}': expected {one_of(ESTIMATES)}."
        )
    return _shown(tables, pooling) if pooling.why_not else _pooled(tables, pooling)


def _pooled(tables: Sequence[PublishedTable], pooling: Pooling) -> PublishedPart:
    limits = cast("Limits", pooling.limits)
    estimates = _estimates(tables, pooling)
    covariance = covariance_of(tables, estimates, pooling.correlations)
    sharing = sharing_compared(
        tables,
        estimates,
        method=pooling.method,
        limits=limits,
        conf_level=pooling.conf_level,
        correlations=pooling.correlations,
    )
    if pooling.estimate == "published":
        found = pool_printed(
            tables, method=pooling.method, limits=limits, conf_level=pooling.conf_level,
            covariance=covariance,
        )  # fmt: skip
        return PublishedPart(pooling, tuple(tables), found.frame, found, sharing)
    found = pool_tables(
        tables, method=pooling.method, limits=limits, conf_level=pooling.conf_level,
        zero_cell_correction=pooling.zero_cell_correction, covariance=covariance,
    )  # fmt: skip
    common = None
    # Mantel and Haenszel's variance is for tables of different women.
    if any(table_of(one).has_empty_cell for one in tables) and not share_comparison(tables):
        common = mantel_haenszel_odds_ratio(
            [table_of(one) for one in tables], conf_level=pooling.conf_level
        )
    return PublishedPart(
        pooling, tuple(tables), found.frame, found, sharing, mantel_haenszel=common
    )


def _shown(tables: Sequence[PublishedTable], pooling: Pooling) -> PublishedPart:
    if pooling.estimate == "published":
        frame = printed_rows(tables)
    else:
        frame = crude_rows(tables, conf_level=pooling.conf_level)
    return PublishedPart(pooling, tuple(tables), frame, agreement=_agreement(tables, pooling))


def _agreement(tables: Sequence[PublishedTable], pooling: Pooling) -> Heterogeneity | None:
    """Cochran's Q of tables of one exposure; no average is formed.

    None for fewer than two, for different exposures, where a number was not found, and where
    women are shared in an unknown amount: Q would then be of the wrong size.
    """
    if len(tables) < 2 or len({table.exposure for table in tables}) > 1:
        return None
    if share_population(tables) and not share_comparison(tables):
        return None
    try:
        estimates = _estimates(tables, pooling)
        shared = share_comparison(tables)
        covariance = shared_controls_covariance(tables, estimates) if shared else None
    except NotEstimableError:
        return None
    if len({one.measure for one in estimates}) > 1:
        return None
    return pool(estimates, method=FIXED, covariance=covariance).heterogeneity


def _estimates(tables: Sequence[PublishedTable], pooling: Pooling) -> list[StudyEstimate]:
    if pooling.estimate == "published":
        return published_effects(tables)
    return crude_odds_ratios(tables, zero_cell_correction=pooling.zero_cell_correction)
