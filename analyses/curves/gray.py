"""Gray's test: do cumulative incidences differ between groups where outcomes compete?"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from cohort.cohort import Cohort
from cohort.errors import NotEstimableError, QuestionError, UnsupportedError

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..question import Question
from ..records import Codes, Floats
from .log_rank import GroupTest, by_level, test_frame, tested_groups
from .records import CurveRecords, curve_records, groups_of, once_only, whole_cohort_only
from .survival import is_weighted
from .timeline import timeline_of


@dataclass(frozen=True, slots=True)
class GrayTest:
    """Gray's test of the cumulative incidence of an outcome at an exposure's levels.

    rho : weight (1 - F(t-))^rho, with F the incidence of all levels together; 0 weighs all times
    alike. The strata of the question stratify the test.

    Gray (1988), Annals of Statistics 16:1141-1154, with the variance of R's cuminc.
    """

    rho: float = 0.0

    def __post_init__(self) -> None:
        if not self.rho >= 0:
            raise QuestionError(f"rho = {self.rho}: expected 0 or more.")

    def estimate(self, cohort: Cohort, question: Question) -> GroupTest:
        """The test that the outcome's cumulative incidence is the same at all levels.

        Raises UnsupportedError for a sampled design, late entry, weights, clusters or recurrent
        events; NotEstimableError without events or with a single level.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "Gray's test")
        code = outcome_code(cohort, question.outcome)
        outcomes = cohort.follow_up.outcomes
        others = tuple(one for one in range(1, len(outcomes) + 1) if one != code)
        groups = groups_of(cohort, question, "exposure")
        # The outcome first; what competes with it is one cause to the test.
        records = curve_records(groups, (code, *others), None)
        once_only(records, "a cumulative incidence")
        # Of the joined records: an entry that a cut made is none.
        if is_weighted(cohort) or (records.entry > 0).any():
            raise UnsupportedError(
                "Gray's test holds without late entry, weights and clusters: CumulativeIncidence() "
                "and TimeLost() compare groups with them."
            )
        tested = tested_groups(groups)
        if len(tested.words) < 2 or not (records.event == 1).any():
            raise NotEstimableError(
                f"a test needs two levels of '{question.exposure}' and an event: there is nothing "
                "to compare."
            )
        level, stratum = tested.level[records.group], tested.stratum[records.group]
        size = len(tested.words)
        parts = [
            _one_stratum(records.where(stratum == one), level[stratum == one], size, self.rho)
            for one in range(len(tested.strata))
        ]
        observed, expected = (np.array([part[i] for part in parts]) for i in (0, 1))
        variance = np.sum([part[2] for part in parts], axis=0)
        away = (observed - expected).sum(axis=0)[:-1]
        statistic = float(away @ np.linalg.lstsq(variance[:-1, :-1], away, rcond=None)[0])
        df = int(np.linalg.matrix_rank(variance[:-1, :-1], hermitian=True))
        if df == 0:
            raise NotEstimableError(
                f"no event happens while two levels of '{question.exposure}' are at risk together: "
                "there is nothing to compare."
            )
        within = f", stratified by {' and '.join(question.strata)}" if question.strata else ""
        return GroupTest(
            f"the cumulative incidence of '{outcomes[code - 1]}' is the same at all levels of "
            f"'{question.exposure}'",
            "Gray's test" + (f" (rho {self.rho:g})" if self.rho else "") + within,
            statistic,
            df,
            float(special.chdtrc(df, statistic)),
            test_frame(observed, expected, tested),
            tested.words,
            variance,
        )


def _one_stratum(
    records: CurveRecords, level: Codes, size: int, rho: float
) -> tuple[Floats, Floats, Floats]:
    """Observed and expected (G,) and their variance (G, G) in one stratum."""
    alone = CurveRecords(
        records.entry,
        records.exit,
        np.minimum(records.event, 2),
        records.weight,
        np.zeros_like(records.group),
        records.person,
        records.cluster,
    )
    timeline = timeline_of(alone, 2)
    y, _ = by_level(timeline, alone, level, size)
    d1 = by_level(timeline, _only(alone, 1), level, size)[1]
    d2 = by_level(timeline, _only(alone, 2), level, size)[1]
    there = y > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(np.where(there, 1 - (d1 + d2) / y, 1.0), axis=0)
        before = np.vstack((np.ones(size), survival[:-1]))
        incidence = np.cumsum(np.where(there, before * d1 / y, 0.0), axis=0)
        risk = np.where(there, y / before, 0.0)
    less = np.vstack((np.zeros(size), incidence[:-1]))
    curves = tuple(np.asarray(one, np.float64) for one in (survival, before, less, risk))
    return _compared(d1, d2, y, curves, rho)


def _only(records: CurveRecords, event: int) -> CurveRecords:
    return CurveRecords(
        records.entry,
        records.exit,
        np.where(records.event == event, 1, 0),
        records.weight,
        records.group,
        records.person,
        records.cluster,
    )


def _compared(
    d1: Floats, d2: Floats, y: Floats, curves: tuple[Floats, ...], rho: float
) -> tuple[Floats, Floats, Floats]:
    """The test's score and variance from tables (K, G).

    curves : survival, survival just before, incidence just before, and at risk over the second.
    """
    survival, before, less, risk = curves
    died = d1.sum(axis=1)
    total = risk.sum(axis=1)
    spread = (risk * (1 - less)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.cumsum(np.where(died > 0, died / total, 0.0))
        pooled_before = np.append(0.0, pooled[:-1])
        weight = (1 - pooled_before) ** rho
        share = np.where(died[:, None] > 0, risk * (1 - less) / spread[:, None], 0.0)
        a = (
            weight[:, None, None]
            * risk[:, :, None]
            * (np.eye(risk.shape[1]) - risk[:, None, :] / total[:, None, None])
        )
        step = np.where(died > 0, died / (total * (1 - pooled_before)), 0.0)
    c = np.cumsum(a * step[:, None, None], axis=0)
    observed = (weight[:, None] * d1).sum(axis=0)
    expected = ((weight * died)[:, None] * share).sum(axis=0)
    return observed, expected, _variance(a, c, (d2, y, died, total), (survival, before, pooled))


def _variance(
    a: Floats,
    c: Floats,
    tables: tuple[Floats, Floats, Floats, Floats],
    curves: tuple[Floats, Floats, Floats],
) -> Floats:
    """The variance (G, G): a martingale integral for each level k, closed at the last time."""
    d2, y, died, total = tables
    survival, before, pooled = curves
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(survival > 0, (1 - pooled)[:, None] / survival, 0.0)
        tied = np.where(
            died[:, None] > 1,
            1 - (died[:, None] - 1) / (total[:, None] * before - 1),
            1.0,
        )
        own = tied * before * died[:, None] / (total[:, None] * y)
        own = np.where((died[:, None] > 0) & (y > 0), own, 0.0)
        other = np.where(d2 > 1, 1 - (d2 - 1) / (y - 1), 1.0) * before**2 * d2 / y**2
        other = np.where((d2 > 0) & (survival > 0), other, 0.0)
    reach = 1 - left
    # Of level k: a less its part of c at each own event, its part of c at each other event.
    t_own = a - reach[:, None, :] * c
    t_other = left[:, None, :] * c
    last = c[-1]
    value = np.zeros_like(last)
    for k in range(last.shape[0]):
        mine, theirs = t_own[:, :, k], t_other[:, :, k]
        square = np.einsum("ti,tj,t->ij", mine, mine, own[:, k])
        square += np.einsum("ti,tj,t->ij", theirs, theirs, other[:, k])
        cross = (mine * (reach * own)[:, k, None]).sum(axis=0)
        cross -= (theirs * (left * other)[:, k, None]).sum(axis=0)
        plain = float((reach**2 * own + left**2 * other)[:, k].sum())
        value += square + np.outer(last[:, k], last[:, k]) * plain
        value += np.outer(last[:, k], cross) + np.outer(cross, last[:, k])
    return np.asarray(value)
