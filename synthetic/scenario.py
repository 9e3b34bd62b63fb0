"""A small world in a few lines: variables, one event, a baseline hazard and hazard ratios."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from cohort import TimeScale
from cohort.errors import StudyError, nearest

from .hazards import Hazard
from .variables import ScenarioVariable

KEPT = ("person", "entry", "exit", "event")
"""Column names of the cohort's own."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is true in a small synthetic world.

    scale : the time scale of follow-up, which starts at 0 for everyone.
    baseline : hazard of a person with every number at its mean and every yes-or-no at no.
    variables : in causal order; each may depend on those before it (``given``).
    hazard_ratios : conditional on all other variables; per unit for a number, yes against no.
    end : administrative end of follow-up, in units of the scale.
    loss_rate : constant rate of loss to follow-up per unit of the scale, independent of all else.
    latest_entry : persons enter at a time drawn evenly from 0 to here, and those whose follow-up
    has ended by then are not in the cohort; 0 lets everyone enter at time 0.
    competing : other events that end follow-up, name to baseline hazard.
    competing_hazard_ratios : ``{event: {variable: hazard ratio}}`` of the competing events.

    Raises StudyError for unknown names, orders that would make a cycle, and impossible numbers.
    """

    scale: TimeScale
    baseline: Hazard
    variables: tuple[ScenarioVariable, ...]
    hazard_ratios: Mapping[str, float]
    end: float
    loss_rate: float = 0.0
    latest_entry: float = 0.0
    competing: Mapping[str, Hazard] = field(default_factory=dict)
    competing_hazard_ratios: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the mappings and check every name and number."""
        object.__setattr__(self, "variables", tuple(self.variables))
        for name in ("hazard_ratios", "competing", "competing_hazard_ratios"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        self._check_names()
        self._check_times()
        self._check_ratios(self.hazard_ratios, "hazard_ratios")
        for event, ratios in self.competing_hazard_ratios.items():
            if event not in self.competing:
                raise StudyError(
                    f"competing_hazard_ratios name the event '{event}': "
                    f"{nearest(event, list(self.competing))}"
                )
            self._check_ratios(ratios, f"competing_hazard_ratios of '{event}'")

    def _check_names(self) -> None:
        before: list[str] = []
        for variable in self.variables:
            if variable.name in before or variable.name in KEPT:
                raise StudyError(f"the name '{variable.name}' is used twice or kept for follow-up.")
            for parent in variable.given:
                if parent not in before:
                    raise StudyError(
                        f"variable '{variable.name}' depends on '{parent}', which is not declared "
                        f"before it: {nearest(parent, before)} Variables stand in causal order, "
                        "so that no cycle can arise."
                    )
            before.append(variable.name)

    def _check_times(self) -> None:
        if not (np.isfinite(self.end) and self.end > 0):
            raise StudyError(f"end = {self.end:g}: expected {self.scale.unit} above 0.")
        if not 0 <= self.latest_entry < self.end:
            raise StudyError(
                f"latest_entry = {self.latest_entry:g}: expected 0 to below end = {self.end:g}."
            )
        if not (np.isfinite(self.loss_rate) and self.loss_rate >= 0):
            raise StudyError(f"loss_rate = {self.loss_rate:g}: a hazard cannot be negative.")

    def _check_ratios(self, ratios: Mapping[str, float], where: str) -> None:
        known = [variable.name for variable in self.variables]
        for name, ratio in ratios.items():
            if name not in known:
                raise StudyError(f"{where} name '{name}': {nearest(name, known)}")
            if not (np.isfinite(ratio) and ratio > 0):
                raise StudyError(f"{where}: '{name}' = {ratio:g}, expected a ratio above 0.")
