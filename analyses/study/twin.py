"""The synthetic twin of a study: where its plan is rehearsed, because the truth is known there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cohort.errors import StudyError, nearest

from .sources import check_draw

OWN_PEOPLE, WORLD = "own people", "world"
KINDS = (WORLD, OWN_PEOPLE)


@dataclass(frozen=True, slots=True)
class Twin:
    """What the plan of a study is rehearsed on.

    kind : "world", an invented world, redrawn for each replicate; or "own people", the persons of
    the study with their covariates and times of entry, their events redrawn with a known effect
    (Franklin et al. 2014, Comput Stat Data Anal 72:219-226). world, persons, outcome, scale,
    design : of the world, as in a source. published : hazard ratios to rehearse beside the null,
    by contrast; those of the world, or those found, without it. replicates, seed : of the whole.

    Raises StudyError when the kind is unknown, a world is absent, or a number is impossible.
    """

    kind: str = WORLD
    world: str | None = None
    persons: int = 0
    outcome: str | None = None
    scale: str = "age"
    design: str | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    replicates: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "published", MappingProxyType(dict(self.published)))
        if self.kind not in KINDS:
            raise StudyError(f"kind = '{self.kind}': {nearest(self.kind, KINDS)}")
        if self.replicates < 2:
            raise StudyError(f"replicates = {self.replicates}: expected at least 2.")
        for contrast, ratio in self.published.items():
            if not (math.isfinite(ratio) and ratio > 0):
                raise StudyError(
                    f"published hazard ratio of '{contrast}' = {ratio:g}: expected a positive "
                    "number."
                )
        if self.kind == OWN_PEOPLE:
            self._check_own_people()
        elif self.world is None or self.outcome is None:
            raise StudyError(
                "a twin of kind 'world' needs world, persons and outcome; write "
                "kind = 'own people' for the persons of the study with redrawn events."
            )
        else:
            check_draw(self.persons, self.seed, self.scale)

    def _check_own_people(self) -> None:
        if self.world is not None or self.outcome is not None or self.persons or self.design:
            raise StudyError(
                "a twin of kind 'own people' takes persons, outcome and design from the study: "
                "leave out world, persons, outcome and design."
            )
