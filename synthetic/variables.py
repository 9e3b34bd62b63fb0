"""The variables of a small scenario and how one depends on another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import polars as pl
from scipy.special import expit, logit

import cohort.variables as dictionary
from cohort.errors import StudyError

from .streams import Draws, FloatArray

NO_PARENTS: Mapping[str, float] = MappingProxyType({})


PLURALS = ("years", "months", "weeks", "days", "units")


def per_one(unit: str) -> str:
    """The contrast of a hazard ratio per one unit, in the words of our estimates."""
    word = unit or "unit"
    return f"per 1 {word[:-1] if word in PLURALS else word}"


@dataclass(frozen=True, slots=True)
class Normal:
    """A normally distributed quantity.

    mean, sd : of the residual distribution, in ``unit``; the hazard ratio of the scenario is per
    unit, and the baseline hazard belongs to a person at the mean.
    given : change of the mean per unit of each parent (numbers centred at their mean).
    """

    name: str
    mean: float
    sd: float
    unit: str = ""
    given: Mapping[str, float] = field(default_factory=lambda: NO_PARENTS)

    def __post_init__(self) -> None:
        """Refuse a standard deviation that is not positive."""
        if not self.sd > 0:
            raise StudyError(f"variable '{self.name}' has sd = {self.sd:g}: expected above 0.")

    @property
    def centre(self) -> float:
        """The value at which the linear predictor is 0."""
        return self.mean

    def draw(self, draws: Draws, shift: FloatArray) -> FloatArray:
        """Values of all persons, (n,), for a shift (n,) of the mean."""
        return self.mean + shift + self.sd * draws.normal(self.name)

    @property
    def contrast(self) -> str:
        """What its hazard ratio compares."""
        return per_one(self.unit)

    def column(self, values: FloatArray) -> pl.Series:
        """Its values as a column of the cohort's table."""
        return pl.Series(self.name, values)

    def declared(self) -> dictionary.Variable:
        """Its entry in the data dictionary of the cohort."""
        return dictionary.Continuous(self.name, unit=self.unit)


@dataclass(frozen=True, slots=True)
class Binary:
    """A yes-or-no quantity.

    prevalence : probability of yes where all parents are at their centre, in (0, 1).
    given : change of the log odds per unit of each parent (numbers centred at their mean).
    """

    name: str
    prevalence: float
    given: Mapping[str, float] = field(default_factory=lambda: NO_PARENTS)

    def __post_init__(self) -> None:
        """Refuse a prevalence outside (0, 1)."""
        if not 0 < self.prevalence < 1:
            raise StudyError(
                f"variable '{self.name}' has prevalence = {self.prevalence:g}: "
                "expected a probability above 0 and below 1."
            )

    @property
    def centre(self) -> float:
        """The value at which the linear predictor is 0: no."""
        return 0.0

    def draw(self, draws: Draws, shift: FloatArray) -> FloatArray:
        """0 or 1 for all persons, (n,), for a shift (n,) of the log odds."""
        probability = expit(logit(self.prevalence) + shift)
        return draws.where(self.name, probability).astype(np.float64)

    @property
    def contrast(self) -> str:
        """What its hazard ratio compares."""
        return "yes vs no"

    def column(self, values: FloatArray) -> pl.Series:
        """Its values as a column of the cohort's table."""
        return pl.Series(self.name, values > 0)

    def declared(self) -> dictionary.Variable:
        """Its entry in the data dictionary of the cohort."""
        return dictionary.Binary(self.name)


ScenarioVariable = Normal | Binary
