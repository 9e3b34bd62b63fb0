"""The log-rank test and its weighted relatives: do hazards differ between groups?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy import special

from cohort.cohort import Cohort
from cohort.errors import NotEstimableError, QuestionError, UnsupportedError, one_of

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..question import Question
from ..records import Codes, Floats
from ..sums_by_code import counts_of
from .records import CurveRecords, Groups, curve_records, groups_of, once_only, whole_cohort_only
from .survival import is_weighted
from .timeline import Timeline, timeline_of

NamedWeights = Literal["log-rank", "gehan", "tarone-ware", "peto", "modified peto"]
NAMED_WEIGHTS = ("log-rank", "gehan", "tarone-ware", "peto", "modified peto")


@dataclass(frozen=True, slots=True)
class PowerWeights:
    """Weights S(t-)^p (1 - S(t-))^q with S the survival of all groups together.

    (1, 0) and (rho, 0) look at early differences, (0, 1) at late ones.

    Harrington and Fleming (1982), Biometrika 69:553-566; Fleming and Harrington (1991), Counting
    Processes and Survival Analysis, section 7.2.
    """

    p: float
    q: float = 0.0

    def __post_init__(self) -> None:
        if not (self.p >= 0 and self.q >= 0):
            raise QuestionError(f"powers p = {self.p} and q = {self.q}: expected 0 or more.")


@dataclass(frozen=True, slots=True, eq=False)
class GroupTest:
    """A test that groups do not differ.

    hypothesis, method : in words. frame : group, stratum, observed and expected events, weighted as
    the test weights them. variance : (G, G) of observed less expected, in the order of ``groups``.
    """

    hypothesis: str
    method: str
    statistic: float
    df: int
    p_value: float
    frame: pl.DataFrame
    groups: tuple[str, ...]
    variance: Floats

    def __repr__(self) -> str:
        p = "< 0.001" if self.p_value < 0.001 else f"{self.p_value:.2g}"
        return f"{self.method}: chi-square {self.statistic:.2f}, df {self.df}, p {p}"


@dataclass(frozen=True, slots=True)
class LogRank:
    """The log-rank test of an exposure's levels, weighted, stratified or for trend.

    weights : "log-rank", "gehan" (number at risk; Gehan 1965, Breslow 1970), "tarone-ware" (its
    square root; 1977), "peto" (Peto and Peto 1972), "modified peto" (Andersen 1982) or
    PowerWeights(p, q). scores : for a test of trend, a number for each level in their order.
    The strata of the question stratify the test; late entry is allowed.

    Mantel (1966), Cancer Chemotherapy Reports 50:163-170; Peto and Peto (1972), JRSS A 135:185-207;
    trend as in Tarone (1975), Biometrika 62:679-682.
    """

    weights: NamedWeights | PowerWeights = "log-rank"
    scores: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.weights, PowerWeights) and self.weights not in NAMED_WEIGHTS:
            raise QuestionError(
                f"weights = '{self.weights}' is not known: expected {one_of(NAMED_WEIGHTS)}, or "
                "PowerWeights(p, q)."
            )

    def estimate(self, cohort: Cohort, question: Question) -> GroupTest:
        """The test that the outcome's hazard is the same at all levels of the exposure.

        Raises UnsupportedError for a sampled design, weights, clusters or recurrent events;
        NotEstimableError without events or with a single level; QuestionError for scores that do
        not fit the levels.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a log-rank test")
        if is_weighted(cohort):
            raise UnsupportedError(
                "the log-rank test holds without weights and clusters: Cox() with Robust() tests "
                "a hazard ratio with them."
            )
        code = outcome_code(cohort, question.outcome)
        groups = groups_of(cohort, question, "exposure")
        records = curve_records(groups, (code,), None)
        once_only(records, "a log-rank test")
        tested = tested_groups(groups)
        compared = _compared(records, tested, self.weights)
        if not compared.observed.any():
            raise NotEstimableError("there is no event, so there is nothing to test.")
        if len(tested.words) < 2:
            raise NotEstimableError(
                f"'{question.exposure}' has a single level in these records: there is nothing to "
                "compare."
            )
        if self.scores is None:
            statistic, df = _quadratic(compared)
        else:
            statistic, df = _trend(compared, self.scores, tested.words)
        if df == 0:
            raise NotEstimableError(
                f"no event happens while two levels of '{question.exposure}' are at risk together: "
                "there is nothing to compare."
            )
        return GroupTest(
            f"the hazard of '{question.outcome or cohort.follow_up.outcome}' is the same at all "
            f"levels of '{question.exposure}'",
            self._method(question),
            statistic,
            df,
            float(special.chdtrc(df, statistic)),
            test_frame(compared.observed, compared.expected, tested),
            tested.words,
            compared.variance,
        )

    def _method(self, question: Question) -> str:
        words = {
            "log-rank": "log-rank test",
            "gehan": "Gehan-Breslow test",
            "tarone-ware": "Tarone-Ware test",
            "peto": "Peto-Peto test",
            "modified peto": "modified Peto-Peto test",
        }
        if isinstance(self.weights, PowerWeights):
            name = f"Fleming-Harrington test ({self.weights.p:g}, {self.weights.q:g})"
        else:
            name = words[self.weights]
        trend = "" if self.scores is None else " for trend"
        within = f", stratified by {' and '.join(question.strata)}" if question.strata else ""
        return name + trend + within


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """Levels and strata of the groups of a test; level and stratum : (groups,) codes."""

    words: tuple[str, ...]
    strata: tuple[str | None, ...]
    level: Codes
    stratum: Codes


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Weighted events observed and expected, (strata, G), and the variance (G, G)."""

    observed: Floats
    expected: Floats
    variance: Floats


def tested_groups(groups: Groups) -> Tested:
    """The levels and strata of groups, each once, in order."""
    words = list(dict.fromkeys(str(word) for word in groups.exposure))
    strata = list(dict.fromkeys(groups.stratum))
    return Tested(
        tuple(words),
        tuple(strata),
        np.array([words.index(str(word)) for word in groups.exposure], dtype=np.int64),
        np.array([strata.index(word) for word in groups.stratum], dtype=np.int64),
    )


def _compared(
    records: CurveRecords, tested: Tested, weights: NamedWeights | PowerWeights
) -> _Compared:
    level = tested.level[records.group]
    pooled = CurveRecords(
        records.entry,
        records.exit,
        records.event,
        records.weight,
        tested.stratum[records.group],
        records.person,
        records.cluster,
    )
    timeline = timeline_of(pooled)
    at_risk, died = by_level(timeline, records, level, len(tested.words))
    y, d = timeline.at_risk, timeline.any_event
    weight = _slot_weights(timeline, weights) * (d > 0)
    share = at_risk / y[:, None]
    begins = timeline.begins[:-1]
    observed = np.add.reduceat(weight[:, None] * died, begins, axis=0)
    expected = np.add.reduceat((weight * d)[:, None] * share, begins, axis=0)
    spread = weight**2 * d * (y - d) / np.maximum(y - 1, 1)
    variance = np.diag(spread @ share) - share.T @ (spread[:, None] * share)
    return _Compared(observed, expected, variance)


def by_level(
    timeline: Timeline, records: CurveRecords, level: Codes, levels: int
) -> tuple[Floats, Floats]:
    """At risk and dying at each slot by level, (K, G) each."""
    slots, count = timeline.slots, timeline.time.size
    at_risk, died = np.empty((count, levels)), np.empty((count, levels))
    for one in range(levels):
        mine = level == one
        change = np.bincount(slots.first[mine], minlength=count + 1)
        change -= np.bincount(slots.past[mine], minlength=count + 1)
        at_risk[:, one] = np.cumsum(change)[:count]
        dead = mine & (records.event > 0)
        died[:, one] = counts_of((slots.past - 1)[dead], np.ones(int(dead.sum())), count)
    return at_risk, died


def _slot_weights(timeline: Timeline, weights: NamedWeights | PowerWeights) -> Floats:
    y, d = timeline.at_risk, timeline.any_event
    if isinstance(weights, PowerWeights):
        survival = timeline.before(timeline.running_product(1 - d / y), 1.0)
        return np.asarray(survival**weights.p * (1 - survival) ** weights.q)
    peto = timeline.running_product(1 - d / (y + 1))
    named: dict[str, Callable[[], Floats]] = {
        "log-rank": lambda: np.ones_like(y),
        "gehan": lambda: y,
        "tarone-ware": lambda: np.sqrt(y),
        "peto": lambda: peto,
        "modified peto": lambda: peto * y / (y + 1),
    }
    return named[weights]()


def _quadratic(compared: _Compared) -> tuple[float, int]:
    """Observed less expected over its variance, and the degrees of freedom.

    A level with no event expected cannot differ and does not count.
    """
    expected = compared.expected.sum(axis=0)
    away = compared.observed.sum(axis=0) - expected
    kept = np.flatnonzero(expected > 0)[1:]
    if not kept.size:
        return 0.0, 0
    block = compared.variance[np.ix_(kept, kept)]
    rank = int(np.linalg.matrix_rank(block, hermitian=True))
    solved = np.linalg.lstsq(block, away[kept], rcond=None)[0]
    return float(away[kept] @ solved), rank


def _trend(
    compared: _Compared, scores: tuple[float, ...], words: tuple[str, ...]
) -> tuple[float, int]:
    if len(scores) != len(words) or len(set(scores)) < 2:
        raise QuestionError(
            f"scores = {scores}: expected one number for each of the {len(words)} levels that "
            f"occur ({', '.join(words)}), not all the same."
        )
    score = np.array(scores, dtype=np.float64)
    away = (compared.observed - compared.expected).sum(axis=0)
    variance = float(score @ compared.variance @ score)
    return (float((score @ away) ** 2 / variance), 1) if variance > 0 else (0.0, 0)


def test_frame(observed: Floats, expected: Floats, tested: Tested) -> pl.DataFrame:
    """Observed and expected events (strata, G) as rows: group, stratum, observed, expected."""
    strata, levels = observed.shape
    return pl.DataFrame(
        {
            "group": list(tested.words) * strata,
            "stratum": [word for word in tested.strata for _ in range(levels)],
            "observed": observed.reshape(-1),
            "expected": expected.reshape(-1),
        },
        schema_overrides={"stratum": pl.String},
    )
