"""The bootstrap: standard errors and intervals from resampled persons or clusters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy import special

from cohort.cohort import Cohort
from cohort.declaration import CLUSTER, PERSON
from cohort.designs import FullCohort
from cohort.errors import QuestionError, UnsupportedError

from .asked import check_asked
from .cox.estimator import Cox
from .cox.resample import Refit, refit_of
from .estimate import SCHEMA, Estimates
from .inference import Wald
from .model import Comparison, prepared
from .parts import one_thread_each
from .question import Question
from .records import Codes, Floats
from .rows import normal_quantile
from .seeds import replicate_seed

BLOCK = 25
"""Fits of one task: fewer would cost more in sending than in fitting."""
LEAST_SHARE = 0.5
ANSWER = ("estimate", "log_estimate", "std_error", "conf_low", "conf_high", "p_value")

Interval = Literal["percentile", "normal"]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Cox regression with the variance of resampling, instead of one from a formula.

    Draws as many clusters as there are, where the cohort declares them, else as many persons, with
    replacement, all records of each together; the same draws serve every adjustment set.
    replicates : how many times. seed : each replicate has a stream of its own from it, so that the
    numbers are the same for any number of workers. interval : "percentile", at the (B + 1) p th
    ordered estimates, or "normal", about the estimate with the standard deviation of the
    replicates. workers : processes of joblib, by the backend that is open. Weights and offsets are
    taken as they are, not estimated again in each resample. What is computed later from the models
    (``fits``) has their own variance, not this one.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 6, 12.5 and 13.3.
    """

    estimator: Cox
    replicates: int = 500
    seed: int = 1
    interval: Interval = "percentile"
    workers: int = 1

    def __post_init__(self) -> None:
        _check(self)

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """The estimates of the Cox regression, with standard errors and limits by resampling.

        A replicate without an estimate is left out and counted in the row's note; a row left with
        fewer than half of them, with too few for the limits or with none that differ has none.

        Raises UnsupportedError for a sampled design, and whatever the regression itself raises.
        """
        check_asked(cohort, question)
        if not isinstance(cohort.design, FullCohort):
            raise UnsupportedError(
                "the bootstrap of persons is built for a full cohort: in a sampled design the "
                "drawing of the sample would have to be done again. Use its TwoPhase() variance."
            )
        whole = self.estimator.estimate(cohort, question)
        models = list(prepared(cohort, question))
        refits = []
        for fit, one in zip(whole.fits, models, strict=True):
            refits.append(refit_of(fit, one.frame[_unit(cohort)].to_numpy().astype(np.int64)))
        units = np.unique(cohort.frame[_unit(cohort)].drop_nulls().to_numpy().astype(np.int64))
        drawn = self._replicates(refits, units)
        comparisons = [(one.columns.comparisons, k) for k, one in enumerate(models)]
        columns = [(_of(one, drawn[k])) for several, k in comparisons for one in several]
        rows = [
            self._row(row, found)
            for row, found in zip(whole.frame.iter_rows(named=True), columns, strict=True)
        ]
        return replace(
            whole,
            frame=pl.DataFrame(rows, schema=SCHEMA, orient="row"),
            method=f"{whole.method.removesuffix('.')}; {self._words(cohort)}.",
        )

    def _replicates(self, refits: Sequence[Refit], units: Codes) -> list[Floats]:
        """The coefficients of every replicate, (replicates, p) of each model."""
        from joblib import Parallel, delayed

        starts = range(0, self.replicates, BLOCK)
        blocks = [range(start, min(start + BLOCK, self.replicates)) for start in starts]
        work = Parallel(n_jobs=self.workers, batch_size=1)
        parts = work(delayed(_fitted)(refits, units, self.seed, block) for block in blocks)
        return [np.concatenate([part[k] for part in parts]) for k in range(len(refits))]

    def _row(self, row: dict[str, Any], replicates: Floats) -> dict[str, Any]:
        if row["log_estimate"] is None:
            return row
        found = replicates[np.isfinite(replicates)]
        lost = replicates.size - found.size
        notes = [] if row["note"] is None else [row["note"]]
        if lost:
            left = "have no estimate and are left out"
            notes.append(f"{lost:,} of {replicates.size:,} resamples {left}")
        few = found.size < max(LEAST_SHARE * replicates.size, _fewest(self))
        if few or np.ptp(found) == 0:
            why = "too few resamples remain" if few else "the resamples are all alike"
            told = "; ".join([*notes, f"no standard error: {why}"])
            return row | dict.fromkeys(ANSWER) | {"variance": "bootstrap", "note": told}
        std_error = float(found.std(ddof=1))
        low, high = self._limits(row["log_estimate"], found, std_error)
        z = row["log_estimate"] / std_error
        return row | {
            "variance": "bootstrap",
            "note": "; ".join(notes) or None,
            "std_error": std_error,
            "conf_low": float(np.exp(low)),
            "conf_high": float(np.exp(high)),
            "p_value": float(2 * special.ndtr(-abs(z))),
        }

    def _limits(self, estimate: float, found: Floats, std_error: float) -> tuple[float, float]:
        level = self.estimator.conf_level
        if self.interval == "normal":
            reach = normal_quantile(level) * std_error
            return estimate - reach, estimate + reach
        tail = (1 - level) / 2
        low, high = np.quantile(found, [tail, 1 - tail], method="weibull")
        return float(low), float(high)

    def _words(self, cohort: Cohort) -> str:
        unit = cohort.declaration.cluster or "person"
        seed = f"seed {self.seed}" + (", weights as given" if cohort.declaration.weight else "")
        return (
            f"standard errors and {100 * self.estimator.conf_level:g} % {self.interval} intervals "
            f"from {self.replicates:,} bootstrap resamples of each {unit} with all its records "
            f"({seed}), p-values by the normal distribution, in place of those above"
        )


def _check(asked: Bootstrap) -> None:
    cox = asked.estimator
    if not isinstance(cox, Cox):
        raise QuestionError("the bootstrap is built for Cox(): give it as estimator.")
    if asked.interval not in ("percentile", "normal"):
        raise QuestionError(
            f"interval = '{asked.interval}' is not known: expected 'percentile' or 'normal'."
        )
    fewest = _fewest(asked)
    if not isinstance(asked.replicates, int) or asked.replicates < fewest:
        raise QuestionError(
            f"replicates = {asked.replicates}: expected at least {fewest} for {asked.interval} "
            f"limits at {100 * cox.conf_level:g} %; 500 or more give stable ones."
        )
    if asked.workers < 1 and asked.workers != -1:
        raise QuestionError(f"workers = {asked.workers}: expected at least 1, or -1 for all.")
    if not isinstance(cox.inference, Wald) or cox.ties == "exact" or cox.variance is not None:
        raise UnsupportedError(
            "the bootstrap is built for Cox(ties='efron') or Cox(ties='breslow') by maximum "
            "likelihood, and is itself the variance: leave inference= and variance= out."
        )


def _fewest(asked: Bootstrap) -> int:
    """How many replicates the limits need: for percentiles, an ordered estimate in each tail."""
    if asked.interval == "normal":
        return 2
    return int(np.ceil(2 / (1 - asked.estimator.conf_level) - 1 - 1e-9))


def _unit(cohort: Cohort) -> str:
    return CLUSTER if CLUSTER in cohort.frame.columns else PERSON


def _fitted(refits: Sequence[Refit], units: Codes, seed: int, block: range) -> list[Floats]:
    """The coefficients of a block of replicates, (replicates, p) of each model."""
    found: list[list[Floats]] = [[] for _ in refits]
    with one_thread_each():
        for replicate in block:
            draws = np.random.default_rng(replicate_seed(seed, "bootstrap", "", replicate))
            chosen = units[draws.integers(0, units.size, units.size)]
            copies = np.bincount(chosen, minlength=int(units.max(initial=0)) + 1)
            for of_model, refit in zip(found, refits, strict=True):
                of_model.append(refit.fit(copies))
    return [np.array(of_model) for of_model in found]


def _of(one: Comparison, coefficients: Floats) -> Floats:
    """A comparison's log estimate in every replicate, (replicates,); NaN where it has none."""
    used = one.weights != 0
    return np.asarray(coefficients[:, used] @ one.weights[used])
