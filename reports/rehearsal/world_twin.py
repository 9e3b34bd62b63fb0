"""The twin in an invented world: redrawn for each replicate, with no effect or with a known one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log, nextafter

import numpy as np
import polars as pl

from analyses.study.parts import Exclusion
from analyses.study.study import Twin as Told
from cohort import Cohort, Continuous
from cohort.errors import DesignError, StudyError
from synthetic.cohorts import cohort_of
from synthetic.document.outcomes import Outcome, Sampling
from synthetic.document.world import World
from synthetic.enrolled import simulate_enrolled
from synthetic.revealed import CARRIER, CELLS, COMPATIBLE, OTHER
from synthetic.sampled import enrolled_with
from synthetic.truth.conditional import conditional_truth

from .. import numbers
from ..checksums import sha256_of_text
from ..sources import Document
from .plan import Method, Twin, planned
from .world_fit import FOUND, check_outcomes, world_fit

LARGE_WORLD = 1_000_000
"""Women of the world in which the plan is run once at large, enrolled or not."""
CALIBRATING = 100_000
"""Women by whom the baseline is brought back to as many events as before."""


@dataclass(frozen=True, slots=True, eq=False)
class WorldDraw:
    """From a seed to the cohorts of a study in a world, by time scale."""

    world: World
    persons: int
    outcome: str
    scales: tuple[str, ...]
    design: str | None
    exclusions: tuple[Exclusion, ...]

    def __call__(self, seed: int) -> Mapping[str, Cohort]:
        """The cohorts of one draw, exclusions applied."""
        designs = () if self.design is None else (self.design,)
        drawn = simulate_enrolled(self.world, persons=self.persons, seed=seed, designs=designs)
        found = {}
        for scale in self.scales:
            cohort = cohort_of(drawn, self.outcome, scale=scale, design=self.design, reveal=True)
            for exclusion in self.exclusions:
                cohort = cohort.restrict(exclusion.keep, exclusion.reason)
            found[scale] = cohort
        return found


def world_twin(document: Document, large: int = LARGE_WORLD) -> Twin:
    """The twin of a study in the world that its document names.

    large : women of the world in which the plan is run once at large.

    Raises StudyError when the study does not fit the world (``world_fit``), or the plan cannot be
    run there.
    """
    fit = world_fit(document)
    told, world, exposures, scales = fit.told, fit.world, fit.exposures, fit.scales
    assert told.outcome is not None
    study = document.study
    with_effect = _like(world, fit.outcome, told.outcome)
    none = _like(world, _without(world.outcomes[told.outcome], exposures), told.outcome)
    draw = WorldDraw(
        with_effect,
        told.persons,
        told.outcome,
        tuple(dict.fromkeys(scales)),
        told.design,
        study.exclusions,
    )
    pilot = _pilot(draw, told)
    methods, graded = planned(study, pilot, scales)
    truth = _truths(with_effect, told.outcome, methods, pilot[scales[0]])
    size = min(4 * large, max(large, 25 * told.persons)) if large else 0
    return Twin(
        replace(draw, world=none),
        draw,
        _at_large(draw, size) if size else None,
        methods,
        graded,
        truth,
        sha256_of_text(
            f"{with_effect.fingerprint}|{none.fingerprint}|{told}|{study.exclusions}|{size}"
        ),
        _words(told, with_effect, exposures),
        "the rate of the outcome with the exposure truly present against without it, conditional "
        "on every other cause in the world",
    )


def _without(outcome: Outcome, exposures: tuple[str, ...]) -> Outcome:
    """The outcome on which the exposures have no effect."""
    effects = {
        term: ratio
        for term, ratio in outcome.effects.items()
        if term.split("=")[0] not in exposures
    }
    found = replace(outcome, effects=effects)
    if any(one in (FOUND, CARRIER, CELLS) for one in exposures):
        # A world types cells where compatible ones act: the next number above 1 keeps the column.
        typed = 1.0 if outcome.compatible_chimerism == 1 else nextafter(1.0, 2.0)
        found = replace(found, chimerism=1.0, compatible_chimerism=typed)
    return found


def _like(world: World, outcome: Outcome, name: str) -> World:
    """The world with another outcome of this name, its baseline such that as many women have it."""
    changed = replace(world, outcomes={**world.outcomes, name: outcome})
    if changed.fingerprint == world.fingerprint:
        return world
    before, after = (_occurred(one, name) for one in (world, changed))
    if after == 0:
        return changed
    outcome = replace(outcome, scale=outcome.scale * before / after)
    return replace(world, outcomes={**world.outcomes, name: outcome})


def _occurred(world: World, name: str) -> int:
    """How many enrolled women of a fixed draw have the outcome, before or after recruitment."""
    drawn = simulate_enrolled(world, persons=CALIBRATING, seed=1, designs=())
    women = enrolled_with(world, {n: frame.lazy() for n, frame in drawn.observed.items()}, name)
    return int(women.select((pl.col("happened") | pl.col("before").is_not_null()).sum()).item())


def _pilot(draw: WorldDraw, told: Told) -> Mapping[str, Cohort]:
    try:
        return draw(told.seed)
    except DesignError as error:
        raise StudyError(
            f"[twin] persons = {told.persons:,} is too few for its design: {error}"
        ) from None


def _at_large(draw: WorldDraw, persons: int) -> WorldDraw:
    """One huge draw of the same design: its sample grows with the world, all cases are taken."""
    if draw.design is None:
        return replace(draw, persons=persons)
    told = draw.world.designs[draw.design]
    world = replace(draw.world, designs={draw.design: _grown(told, persons // draw.persons)})
    return replace(draw, world=world, persons=persons)


def _grown(design: Sampling, times: int) -> Sampling:
    if design.kind == "nested case-control":
        return replace(design, cases=0)
    if design.kind == "case-cohort":
        return replace(design, subcohort=design.subcohort * times, cases=0)
    return replace(design, controls=design.controls * times, cases=0)


def _truths(
    world: World, outcome: str, methods: tuple[Method, ...], cohort: Cohort
) -> dict[str, float]:
    """The log ratio that the world's document holds for each method.

    Raises StudyError for a question about another outcome, whose effect was not put in.
    """
    check_outcomes([one.outcome for one in methods], outcome)
    return {one.name: _truth(world, outcome, one, cohort) for one in methods}


def _truth(world: World, outcome: str, method: Method, cohort: Cohort) -> float:
    told = world.outcomes[outcome]
    if method.exposure in (FOUND, CARRIER):
        return log(told.chimerism)
    if method.exposure == CELLS:
        of = {OTHER: 1.0, COMPATIBLE: told.compatible_chimerism}
        level, _, versus = method.contrast.partition(" vs ")
        return log(told.chimerism) + log(of[level]) if versus == "none" else float(np.nan)
    rows = conditional_truth(world).filter(
        (pl.col("outcome") == outcome) & (pl.col("variable") == method.exposure)
    )
    variable = cohort.variable(method.exposure)
    if isinstance(variable, Continuous):
        return variable.per * float(rows["log_truth"].sum())
    same = rows.filter(pl.col("contrast") == method.contrast)
    return float(same["log_truth"].sum())


def _words(told: Told, with_effect: World, exposures: tuple[str, ...]) -> tuple[str, ...]:
    women = numbers.count(told.persons)
    effect = (
        "With the effect, the exposure acts on the rate of the outcome as the world's document "
    )
    effect += "says; without it, not at all"
    if set(exposures) <= {FOUND, CARRIER}:
        ratio = numbers.ratio(with_effect.outcomes[str(told.outcome)].chimerism)
        effect = (
            f"With the effect, male cells multiply the rate of the outcome by {ratio}; without "
        )
        effect += "it, by 1"
    words = (
        f"Each replicate is a new draw of {women} women of the invented world "
        f"'{with_effect.name}', of whom those who take part are followed and sampled as in the "
        "study.",
        f"{effect}, with a baseline rate such that about as many women have the outcome. "
        "Everything else, confounding and errors of the assay too, is the same in both.",
    )
    if with_effect.outcomes[str(told.outcome)].compatible_chimerism == 1:
        return words
    return (
        *words,
        "HLA-compatible male cells act more than others in this world: where the exposure is any "
        "male cells, the truth shown is the effect of cells that are not compatible, and part of "
        "the distance from it is the compatible ones.",
    )
