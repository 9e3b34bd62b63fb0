"""The maximum of a partial likelihood whose records are reached by passes over parts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from cohort.errors import NotEstimableError

from ..cox.newton import Maximum, maximise
from ..cox.partial_likelihood import Problem, Ties
from ..cox.slot_sums import lived_loses_digits
from ..cox.slots import Slots
from ..cox.standardised import CLOSE, FAR_OUT, NOISE
from ..cox.variance import inverse_information
from ..records import Floats, RiskRecords
from .crew import Crew
from .passes import Frame, Lived, curvature, extremes, robust_sums, slot_sums
from .risk_sets import (
    RiskSets,
    SlotSums,
    gram_of_means,
    residual_sums,
    risk_set_sums,
    value_and_score,
    with_ties,
)
from .slotted import Grid, Spread, spread_of

FLAT = 1e-13
"""A column whose spread is below this share of its size does not vary."""


@dataclass(frozen=True, slots=True, eq=False)
class StreamedFit:
    """A Cox model at its maximum, in the units of the data.

    beta (p,), covariance, model_covariance (p, p) : as in ``cox.fit.CoxFit``.
    """

    beta: Floats
    covariance: Floats
    model_covariance: Floats
    maximum: Maximum


class Passes:
    """Runs the passes of one model over a crew's parts and adds up what they return."""

    __slots__ = ("_careful", "_careful_lives", "_crew", "_frame", "_spread", "_tell", "_ties")

    def __init__(
        self, crew: Crew, grid: Grid, names: tuple[str, ...], ties: Ties,
        tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._crew = crew
        self._ties = ties
        self._tell = tell
        self._careful = self._careful_lives = False
        with np.errstate(over="ignore", invalid="ignore"):  # Refused by name: see check_size.
            self._spread: Spread = _summed(self._told("measuring columns", spread_of, names, grid))
            centre, scale, apart = _standard(self._spread)
        late = self._spread.late
        self._frame = Frame(names, centre, scale, grid.begins, grid.count, late, apart)

    @property
    def spread(self) -> Spread:
        """The spread of the columns over all parts."""
        return self._spread

    @property
    def frame(self) -> Frame:
        """Columns and slots."""
        return self._frame

    def _told(self, stage: str, work: Callable[..., Any], *given: Any) -> Iterable[Any]:
        for result in self._crew.run(work, *given):
            self._tell(stage)
            yield result

    def risk_sets(self, beta: Floats) -> RiskSets:
        """The risk sets at beta (p,), by additions alone where differences would lose digits."""
        sums = _summed(
            self._told("adding up risk sets", slot_sums, self._frame, beta, self._careful)
        )
        if self._careful:
            risk = (sums.enter0, sums.enter1)
        else:
            s0, s1, lost = risk_set_sums(sums, self._frame.begins, late=self._frame.late)
            if lost and np.isfinite(sums.shift):
                return self._carefully(beta)
            risk = (s0, s1)
        return with_ties(
            sums, risk, self._spread.deaths, self._spread.weights,
            efron=self._ties == "efron", careful=self._careful,
        )  # fmt: skip

    def _carefully(self, beta: Floats) -> RiskSets:
        before, self._careful = self._careful, True
        try:
            return self.risk_sets(beta)
        finally:
            self._careful = before

    def derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood, score (p,) and information (p, p) at beta (p,)."""
        with np.errstate(all="ignore"):
            at = self.risk_sets(beta)
            frame, events = self._frame, self._spread.weights
            entered = at.sums.enter0
            self._careful_lives = (frame.late and not at.careful) and lived_loses_digits(
                frame.begins, entered, at.hazard, events
            )
            lived = _lived(beta, at, careful=self._careful_lives)
            parts = self._told("adding up curvature", curvature, frame, lived)
            value, score = value_and_score(at)
            information = sum(parts, np.zeros((beta.size, beta.size))) - gram_of_means(at)
        return value, score, np.asarray((information + information.T) / 2)

    def squared_residuals(self, beta: Floats) -> Floats:
        """The crossproduct of score residuals, summed by cluster, at beta (p,): (p, p)."""
        with np.errstate(all="ignore"):
            at = self.risk_sets(beta)
            lived, sums = _lived(beta, at, careful=self._careful_lives), residual_sums(at)
            parts = self._told("adding up residuals", robust_sums, self._frame, lived, sums)
            return np.asarray(sum(parts, np.zeros((beta.size, beta.size))))

    def _extremes(self) -> tuple[Floats, Floats]:
        frame, spread = self._frame, self._spread
        if frame.apart is not None:
            found = list(self._told("measuring terms", extremes, frame))
            return np.min([low for low, _ in found], axis=0), np.max(
                [up for _, up in found], axis=0
            )
        return (
            (spread.low - frame.centre) / frame.scale,
            (spread.high - frame.centre) / frame.scale,
        )

    def stand_in(self) -> Problem:
        """Two records with the extremes of every column, the typical weight of an event, and how
        many there are.

        This is all that the climb to the maximum asks of records beside the derivatives.
        """
        typical = float(self._spread.weights.sum() / self._spread.deaths.sum())
        two, codes = np.zeros(2), np.zeros(2, dtype=np.int64)
        records = RiskRecords(
            entry=two, exit=two, event=two > 0, event_weight=np.full(2, typical), risk_weight=two,
            offset=two, stratum=codes, person=codes, cluster=codes,
        )  # fmt: skip
        slots = Slots(
            time=two[:1], stratum=codes[:1], first=codes, past=codes, death=np.arange(2),
            death_slot=codes, deaths=np.array([self._spread.deaths.sum()], dtype=np.int64),
            rank=codes, begins=codes, late=False,
        )  # fmt: skip
        return Problem(records, slots, np.vstack(self._extremes()), self._ties)


def _lived(beta: Floats, at: RiskSets, *, careful: bool) -> Lived:
    return Lived(beta, at.sums.shift, at.hazard, at.tied, careful or at.careful)


Sums = TypeVar("Sums", SlotSums, Spread)


def _summed(parts: Iterable[Sums]) -> Sums:
    """The parts' sums, added in the order of the parts."""
    return reduce(lambda one, other: one.with_more(other), parts)


def _standard(spread: Spread) -> tuple[Floats, Floats, Floats | None]:
    """Centre and scale of the columns, (p,), and what strata are apart, as in ``cox.standardised``.

    A column without variation keeps scale 1.
    """
    records, strata = max(spread.records, 1), int(np.count_nonzero(spread.each))
    mean = spread.each @ spread.means / records
    from_mean = spread.means - mean
    whole: Floats = spread.squares + spread.each @ from_mean**2
    scale = np.sqrt(whole / records)
    reach = np.maximum(spread.high - mean, mean - spread.low)
    far = (reach > FAR_OUT * scale) & (np.abs(spread.middle - mean) <= scale)
    centre = np.where(far, spread.middle, mean)
    flat = scale <= FLAT * np.maximum(np.abs(spread.low), np.abs(spread.high))
    centre, scale = np.where(flat, spread.low, centre), np.where(flat, 1.0, scale)
    close = ~flat & (spread.squares * records <= CLOSE**2 * whole * max(records - strata, 1))
    if spread.each.size < 2 or not close.any():
        return centre, scale, None
    within = np.sqrt(spread.squares / records)
    noise = within <= NOISE * (scale + np.abs(centre))
    apart = np.where(close, spread.means - centre, 0.0)
    return centre, np.where(close, np.where(noise, scale, within), scale), apart


def fit_streamed(passes: Passes, *, robust: bool) -> StreamedFit:
    """Fit by maximum partial likelihood.

    Raises NotEstimableError when nobody is at risk at any event.
    """
    if not passes.frame.count or not passes.spread.records:
        raise NotEstimableError("no event happens while anybody of the cohort is at risk.")
    maximum = maximise(passes.stand_in(), passes.derivatives)
    inverse = inverse_information(maximum.information, maximum.aliased)
    scale = passes.frame.scale
    model = inverse / np.outer(scale, scale)
    covariance = model
    if robust:
        with np.errstate(over="ignore", invalid="ignore"):
            covariance = inverse @ passes.squared_residuals(maximum.beta) @ inverse
            covariance = covariance / np.outer(scale, scale)
    return StreamedFit(maximum.beta / scale, covariance, model, maximum)
