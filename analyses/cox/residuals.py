"""Residuals of a Cox model, one for each record or each event.

All follow the tie rule of the fit. Records that were at risk for no event have residual 0.
"""

import numpy as np

from ..records import Codes, Floats
from .fit import CoxFit, influence_on_beta
from .influence import event_means, score_residuals
from .partial_likelihood import expected


def martingale(fit: CoxFit) -> Floats:
    """Events observed less events expected, (n,), not weighted.

    Weighted by the records' weights they sum to 0. Barlow and Prentice (1988), Biometrika 75:65.
    """
    records = fit.problem.records
    weight = records.risk_weight
    lived = np.divide(
        expected(fit.problem, fit.moments()), weight, out=np.zeros_like(weight), where=weight > 0
    )
    return _placed(fit, records.event - lived)


def deviance(fit: CoxFit) -> Floats:
    """Martingale residuals made symmetric, (n,).

    Therneau, Grambsch and Fleming (1990), Biometrika 77:147-160, equation 6.
    """
    residual = martingale(fit)
    event = _placed(fit, fit.problem.records.event.astype(np.float64))
    hazard = event - residual
    log_part = np.where(event > 0, np.log(np.where(event > 0, hazard, 1.0)), 0.0)
    return np.asarray(np.sign(residual) * np.sqrt(np.maximum(-2.0 * (residual + log_part), 0.0)))


def score(fit: CoxFit) -> Floats:
    """Score residuals in the units of the data, (n, p), not weighted; weighted they sum to 0."""
    weight = fit.problem.records.event_weight
    total = score_residuals(fit.problem, fit.moments()).total * fit.scale
    return _placed(fit, np.divide(total, weight[:, None], out=total, where=weight[:, None] > 0))


def dfbeta(fit: CoxFit) -> Floats:
    """Approximate change of beta when the record enters, (n, p), weighted as the record is."""
    return _placed(fit, influence_on_beta(fit, score_residuals(fit.problem, fit.moments()).total))


def dfbetas(fit: CoxFit) -> Floats:
    """``dfbeta`` in standard errors of the model, (n, p)."""
    size = np.sqrt(np.diag(fit.model_covariance))
    return np.asarray(dfbeta(fit) / np.where(size > 0, size, 1.0))


def schoenfeld(fit: CoxFit) -> Floats:
    """Terms of each event less their mean in its risk set, (events, p), in the units of the data.

    Ordered by stratum and time; see ``event_order``. Schoenfeld (1982), Biometrika 69:239-241.
    """
    slots = fit.problem.slots
    means = event_means(fit.problem, fit.moments())
    return np.asarray((fit.problem.dead_terms - means[slots.death_slot]) * fit.scale)


def scaled_schoenfeld(fit: CoxFit) -> Floats:
    """Schoenfeld residuals scaled to coefficients in time, (events, p).

    Grambsch and Therneau (1994), Biometrika 81:515-526, with the mean variance of all events: the
    model's, whatever variance the fit reports.
    """
    residuals = schoenfeld(fit)
    return np.asarray(residuals @ fit.model_covariance * len(residuals) + fit.beta)


def event_order(fit: CoxFit) -> Codes:
    """The record of each event in the order of the Schoenfeld residuals, (events,)."""
    return np.flatnonzero(fit.kept)[fit.problem.slots.death]


def _placed(fit: CoxFit, values: Floats) -> Floats:
    """Values of the records at risk among all records, 0 for the others."""
    if fit.kept.all():
        return np.asarray(values)
    full = np.zeros((fit.kept.size, *values.shape[1:]))
    full[fit.kept] = values
    return full
