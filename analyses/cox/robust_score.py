"""The robust score test: all coefficients 0, allowing for dependence within units."""

import numpy as np

from ..parts import one_thread_each
from .fit import CoxFit, Test
from .influence import score_residuals, sums_by
from .partial_likelihood import moments


@one_thread_each()
def robust_score_test(fit: CoxFit) -> Test:
    """The score at 0 against the sum of its squares by cluster (persons unless declared).

    Lin and Wei (1989), JASA 84:1074-1078; as ``robscore`` of R's coxph.

    Raises UnsupportedError for a sampled design.
    """
    fit.need_full_cohort("the robust score test")
    at = moments(fit.problem, np.zeros(fit.beta.size))
    residuals = score_residuals(fit.problem, at).total[:, ~fit.aliased]
    units = sums_by(fit.problem.records.cluster, residuals)
    score = residuals.sum(axis=0)
    statistic = float(score @ np.linalg.solve(units.T @ units, score))
    return Test(statistic, int((~fit.aliased).sum()))
