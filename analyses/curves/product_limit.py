"""The product limit and the cumulative hazard of a timeline, with their model-based errors."""

from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats
from ..sums_by_code import counts_of
from .timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class ProductLimit:
    """Survival (K,) and the increments (K,) that it is made of.

    hazard : events over those at risk. survival : their product limit; exactly 0 where everyone
    at risk has the event. odds : hazard over those who are left, 0 where nobody is.
    left : one over the weight that is left after the events, 0 where nobody is.
    """

    survival: Floats
    hazard: Floats
    odds: Floats
    left: Floats


def product_limit(timeline: Timeline) -> ProductLimit:
    """The Kaplan-Meier survival of events of any cause.

    Kaplan and Meier (1958), JASA 53:457-481; with late entry, Lynden-Bell (1971).
    """
    events = timeline.any_event
    hazard = events / timeline.at_risk
    survive = np.where(timeline.ends, 0.0, 1.0 - hazard)
    with np.errstate(divide="ignore"):
        left = np.where(timeline.ends, 0.0, 1.0 / (timeline.at_risk - events))
    return ProductLimit(timeline.running_product(survive), hazard, hazard * left, left)


def log_survival_variance(timeline: Timeline, limit: ProductLimit) -> Floats:
    """Variance of log survival, (K,): infinite from where survival is 0.

    Greenwood (1926), Reports on Public Health and Medical Subjects 33:1-26.
    """
    return timeline.running(np.where(timeline.ends, np.inf, limit.odds))


def tied_hazard(timeline: Timeline, counts: Codes) -> tuple[Floats, Floats]:
    """Hazard increments and their variance (K,) with each tie spread out, as Efron would.

    counts : (K,) number of tied events, whose mean weight leaves the risk set one after another.

    Fleming and Harrington (1984), Communications in Statistics 13:2469-2486.
    """
    events = timeline.any_event
    whole = np.maximum(counts, 1)
    slot = np.repeat(np.arange(whole.size), whole)
    begin = np.concatenate(([0], np.cumsum(whole)[:-1]))
    rank = np.arange(slot.size) - begin[slot]
    mean = (events / whole)[slot]
    at_risk = timeline.at_risk[slot] - rank * mean
    return (
        counts_of(slot, mean / at_risk, whole.size),
        counts_of(slot, mean / at_risk**2, whole.size),
    )
