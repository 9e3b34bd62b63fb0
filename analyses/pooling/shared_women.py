"""Studies that share women: which covariance their pool needs, and what ignoring it would change.

Two effects measured against the same comparison women move together by chance. Where the shared
women can be counted, the covariance follows from their numbers; where they cannot, it is assumed,
and every assumption is shown.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohort.published import PublishedTable

from .pool import Limits, Pooled, pool
from .study_estimate import (
    FloatArray,
    StudyEstimate,
    correlated_covariance,
    shared_controls_covariance,
)


@dataclass(frozen=True, slots=True)
class Sharing:
    """One way to treat the women that studies share.

    words : the way. correlation : smallest and largest between two studies that share women.
    pooled : random effects under it.
    """

    words: str
    correlation: tuple[float, float]
    pooled: Pooled


def share_comparison(tables: Sequence[PublishedTable]) -> bool:
    """Whether any two tables compare their cases with the very same women."""
    named = Counter(table.comparison_id for table in tables if table.comparison_id is not None)
    return any(times > 1 for times in named.values())


def share_population(tables: Sequence[PublishedTable]) -> bool:
    """Whether any two tables draw on one source population."""
    return len({table.population_id for table in tables}) < len(tables)


def sharing_covariance(
    tables: Sequence[PublishedTable],
    estimates: Sequence[StudyEstimate],
    correlations: Sequence[float] = (),
) -> FloatArray | None:
    """The covariance (k, k) to pool with: the first assumed correlation, else the counted women.

    None when no two studies share their comparison women.

    Raises as `shared_controls_covariance` when the shared women cannot be counted and no
    correlation is given.
    """
    if not share_comparison(tables):
        return None
    if correlations:
        return correlated_covariance(estimates, correlations[0])
    return shared_controls_covariance(tables, estimates)


def sharing_compared(
    tables: Sequence[PublishedTable],
    estimates: Sequence[StudyEstimate],
    *,
    method: str,
    limits: Limits = "normal",
    conf_level: float = 0.95,
    correlations: Sequence[float] = (),
) -> tuple[Sharing, ...]:
    """The pool as if the studies were independent, and under each covariance that is known.

    Empty when no two studies share their comparison women. Raises as `sharing_covariance`.
    """
    if not share_comparison(tables):
        return ()
    ways: list[tuple[str, FloatArray | None]] = [("as if independent (it is not so)", None)]
    if correlations:
        ways += [
            (f"a correlation of {one:g}, assumed", correlated_covariance(estimates, one))
            for one in correlations
        ]
    else:
        counted = shared_controls_covariance(tables, estimates)
        ways.append(("with the correlation of the shared women", counted))
    return tuple(
        Sharing(
            words,
            _correlation(covariance, len(estimates)),
            pool(
                estimates,
                method=method,
                limits=limits,
                conf_level=conf_level,
                covariance=covariance,
            ),
        )
        for words, covariance in ways
    )


def _correlation(covariance: FloatArray | None, studies: int) -> tuple[float, float]:
    """Smallest and largest correlation of those pairs that have one; 0 without any."""
    if covariance is None:
        return 0.0, 0.0
    std_errors = np.sqrt(np.diag(covariance))
    matrix = covariance / np.outer(std_errors, std_errors)
    used = matrix[np.triu_indices(studies, 1)]
    used = used[used != 0]
    return (float(used.min()), float(used.max())) if len(used) else (0.0, 0.0)
