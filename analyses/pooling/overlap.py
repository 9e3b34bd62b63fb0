"""Do the studies of a pool share women? Said in words, for the reader of the pool."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .study_estimate import StudyEstimate


def overlap_warnings(
    estimates: Sequence[StudyEstimate], covariance: NDArray[np.float64]
) -> tuple[str, ...]:
    """One sentence for each source population or comparison group that studies share.

    covariance : (k, k), as used in the pool: a shared group whose studies were pooled with a
    correlation is named as such, one pooled as if independent is a warning.
    """
    positions = range(len(estimates))
    warnings = []
    groups = _shared([one.comparison_id for one in estimates])
    for name, members in groups.items():
        warnings.append(
            _sentence("the same comparison women", name, members, estimates, covariance)
        )
    covered = {frozenset(members) for members in groups.values()}
    for name, members in _shared([one.population_id for one in estimates]).items():
        if frozenset(members) not in covered:
            warnings.append(_sentence("one population", name, members, estimates, covariance))
    summaries = [estimates[i].study for i in positions if estimates[i].summary]
    if summaries:
        warnings.append(
            f"{_listed(summaries)} pooled other studies and may contain some of these, which then "
            "count twice."
        )
    return tuple(warnings)


def _shared(ids: Sequence[str | None]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for position, name in enumerate(ids):
        if name is not None:
            found.setdefault(name, []).append(position)
    return {name: members for name, members in found.items() if len(members) > 1}


def _sentence(
    what: str,
    name: str,
    members: Sequence[int],
    estimates: Sequence[StudyEstimate],
    covariance: NDArray[np.float64],
) -> str:
    studies = _listed([estimates[i].study for i in members])
    std_errors = np.sqrt(np.diag(covariance))
    pairs = [(i, j) for i in members for j in members if i < j]
    used = [float(covariance[i, j] / (std_errors[i] * std_errors[j])) for i, j in pairs]
    if all(used):
        low, high = min(used), max(used)
        span = f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"
        return f"{studies} share {what} ({name}): pooled with a correlation of {span}."
    if any(used):
        return f"{studies} share {what} ({name}): some pairs were pooled as if independent."
    return (
        f"{studies} share {what} ({name}) and were pooled as if independent: the interval of the "
        "pool is not to be trusted."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
