"""Observed against expected events: the one-sample log-rank test and its ratio."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from cohort.cohort import Cohort
from cohort.declaration import EVENT, PERSON
from cohort.errors import SchemaError, UnsupportedError, counted, row_list
from cohort.variables import Continuous

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..estimate import Estimates, table
from ..question import Question
from ..sums_by_code import counts_of
from ..terms import complete
from .intervals import check_level
from .person_time import poisson_limits
from .records import (
    Grouping,
    check_grouping,
    groups_of,
    persons_by_group,
    whole_cohort_only,
)
from .survival import is_weighted


@dataclass(frozen=True, slots=True)
class ObservedExpected:
    """Events over those expected of a reference population, with the one-sample log-rank test.

    expected : a continuous variable: the expected events of each record, which is the reference
    cumulative hazard over its time at risk. conf_level : of exact Poisson limits. by : "exposure",
    or None for everyone together.

    Breslow (1975), International Statistical Review 43:45-58; the test is (O - E)^2 / E.
    """

    expected: str
    conf_level: float = 0.95
    by: Grouping = None

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        check_grouping(self.by)

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """A row a group, with the measure "observed over expected".

        Raises UnsupportedError for a sampled design, weights or clusters, SchemaError when expected
        events are missing or negative.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a comparison with expected events")
        if is_weighted(cohort):
            raise UnsupportedError("observed over expected holds without weights and clusters.")
        self._check(cohort)
        code = outcome_code(cohort, question.outcome)
        groups = groups_of(cohort, question, self.by)
        size = len(groups.words)
        happened = groups.frame[EVENT].to_numpy() == code
        observed = np.bincount(groups.code[happened], minlength=size)
        expected = counts_of(groups.code, groups.frame[self.expected].to_numpy(), size)
        person = groups.frame[PERSON].to_numpy().astype(np.int64)
        outcome = question.outcome or cohort.follow_up.outcome
        shared = {
            "outcome": outcome,
            "exposure": question.exposure,
            "variable": groups.variable or "all",
            "adjustment": "crude",
            "measure": "observed over expected",
            "conf_level": self.conf_level,
            "variance": "exact",
            "dropped": len(cohort.frame) - len(groups.frame),
            "converged": True,
        }
        counts = persons_by_group(person, groups.code, size)
        rows = [
            shared
            | {
                "contrast": groups.exposure[place] or "all",
                "modifier_level": groups.stratum[place],
                "persons": int(counts[place]),
                "events": int(observed[place]),
            }
            | self._row(int(observed[place]), float(expected[place]))
            for place in range(size)
        ]
        sentence = (
            f"observed '{outcome}' over those expected by '{self.expected}'; exact Poisson "
            f"{100 * self.conf_level:g} % limits, test (O - E)^2 / E on one degree of freedom."
        )
        return Estimates(table(rows), sentence, tuple(("crude", one) for one in groups.steps))

    def _check(self, cohort: Cohort) -> None:
        if not isinstance(cohort.variable(self.expected), Continuous):
            raise SchemaError(
                f"expected = '{self.expected}' is not continuous: expected the expected events of "
                "each record."
            )
        series = cohort.frame[self.expected]
        bad = ~complete(cohort.frame, [self.expected]) | (series < 0).fill_null(False).to_numpy()
        if bad.any():
            raise SchemaError(
                f"{counted(bad.sum(), 'records have')} no expected events in '{self.expected}', "
                "or fewer "
                f"than 0 ({row_list(np.flatnonzero(bad))}): every record needs its own."
            )

    def _row(self, observed: int, expected: float) -> dict[str, Any]:
        if not expected > 0:
            return {"note": "no event is expected, so there is no ratio"}
        low, high = poisson_limits(observed, self.conf_level)
        row: dict[str, Any] = {
            "estimate": observed / expected,
            "conf_low": low / expected,
            "conf_high": high / expected,
            "p_value": float(special.chdtrc(1, (observed - expected) ** 2 / expected)),
        }
        if observed:
            row |= {"log_estimate": np.log(observed / expected), "std_error": observed**-0.5}
        return row
