"""What a reader of a streamed row must know, and why a row has no estimate."""

import numpy as np

from ..cox.words import NO_VARIANCE, nobody_note
from ..records import Flags
from ..weightings import Robust, Variance
from .fit import StreamedFit


def note_of(variance: Variance, units: int, fit: StreamedFit, names: tuple[str, ...]) -> str | None:
    """The limits of the likelihood, and few units behind a robust variance."""
    told = []
    monotone = fit.maximum.monotone
    if monotone.any():
        running = next(name for name, one in zip(names, monotone, strict=True) if one)
        told.append(f"the likelihood is monotone in '{running}': this estimate is its limit")
    if isinstance(variance, Robust) and units < variance.fewest_clusters:
        told.append(
            f"robust variance from only {units} independent units: it tends to be too small"
        )
    return "; ".join(told) or None


def undetermined(fit: StreamedFit) -> Flags:
    """Coefficients that the records at risk do not determine, (p,)."""
    return fit.maximum.undetermined


def not_estimable(fit: StreamedFit) -> Flags:
    """Coefficients with no estimate, (p,), as in ``cox.words.not_estimable``."""
    least = NO_VARIANCE * np.diag(fit.model_covariance)
    refused = undetermined(fit) | fit.maximum.monotone | ~(np.diag(fit.covariance) > least)
    if not fit.maximum.converged and not fit.maximum.monotone.any():
        refused = np.ones_like(refused)
    return np.asarray(refused)


def why_not(fit: StreamedFit, names: tuple[str, ...], used: Flags) -> str:
    """Why a row that uses some coefficients (p,) has no estimate."""
    labels = np.array(names)
    aliased = used & fit.maximum.aliased
    if aliased.any():
        return (
            f"'{labels[aliased][0]}' is aliased: constant in the risk sets, or determined by the "
            "other terms"
        )
    if (used & undetermined(fit)).any():
        return nobody_note(names, used & undetermined(fit))
    running = used & fit.maximum.monotone
    if running.any():
        return (
            f"the likelihood is monotone in '{labels[running][0]}': every event, or none, falls on "
            "one side, and the hazard ratio is infinite or 0"
        )
    if fit.maximum.converged:
        return (
            f"no information on the variance of {', '.join(labels[used])}: too few independent "
            "units"
        )
    return f"no convergence in {fit.maximum.iterations} iterations for {', '.join(labels[used])}"
