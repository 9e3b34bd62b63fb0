"""The pipelines whose coverage is measured: a design drawn from a world, and an estimator."""

from collections.abc import Callable
from dataclasses import dataclass

from analyses import (
    BorganI,
    BorganII,
    Conditional,
    Cox,
    Firth,
    LinYing,
    ModelBased,
    Prentice,
    Profile,
    Question,
    Robust,
    Samuelsen,
    SelfPrentice,
    TwoPhase,
)
from cohort import Cohort
from cohort.sampling import draw_case_cohort, draw_nested_case_control

from .worlds import CLUSTERED, COMMON, FEW_CLUSTERS, SPARSE, World

QUESTION = Question(exposure="exposed", adjustments={"z": ["z"]})
Draw = Callable[[Cohort, int], Cohort]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A world, the sample drawn from each of its cohorts, and the estimator."""

    name: str
    world: World
    draw: Draw
    estimator: Cox
    gated: bool = True


def _all(cohort: Cohort, seed: int) -> Cohort:
    return cohort


def _subcohort(cohort: Cohort, seed: int) -> Cohort:
    return draw_case_cohort(cohort, size=450, seed=seed)


def _stratified(cohort: Cohort, seed: int) -> Cohort:
    return draw_case_cohort(cohort, size={True: 225, False: 225}, stratum="z_high", seed=seed)


def _nested(cohort: Cohort, seed: int) -> Cohort:
    return draw_nested_case_control(cohort, controls=2, seed=seed)


PIPELINES = (
    Pipeline("full cohort, model", COMMON, _all, Cox(variance=ModelBased())),
    Pipeline("full cohort, robust", COMMON, _all, Cox(variance=Robust())),
    Pipeline("full cohort, Breslow", COMMON, _all, Cox(ties="breslow")),
    Pipeline("families, robust by cluster", CLUSTERED, _all, Cox()),
    Pipeline("case-cohort, Prentice, two-phase", COMMON, _subcohort, Cox(weighting=Prentice())),
    Pipeline(
        "case-cohort, Prentice, robust",
        COMMON,
        _subcohort,
        Cox(weighting=Prentice(), variance=Robust()),
    ),
    Pipeline(
        "case-cohort, Self-Prentice, two-phase", COMMON, _subcohort, Cox(weighting=SelfPrentice())
    ),
    Pipeline("case-cohort, Lin-Ying, two-phase", COMMON, _subcohort, Cox(weighting=LinYing())),
    Pipeline(
        "case-cohort, Lin-Ying, two-phase robust",
        COMMON,
        _subcohort,
        Cox(weighting=LinYing(), variance=TwoPhase("robust")),
    ),
    Pipeline(
        "case-cohort, Lin-Ying, robust",
        COMMON,
        _subcohort,
        Cox(weighting=LinYing(), variance=Robust()),
    ),
    Pipeline("stratified, Borgan I, two-phase", COMMON, _stratified, Cox(weighting=BorganI())),
    Pipeline("stratified, Borgan II, two-phase", COMMON, _stratified, Cox(weighting=BorganII())),
    Pipeline("nested case-control, conditional", COMMON, _nested, Cox(weighting=Conditional())),
    Pipeline("nested case-control, Samuelsen", COMMON, _nested, Cox(weighting=Samuelsen())),
    Pipeline("38 exposed cases, model", SPARSE, _all, Cox(), gated=False),
    Pipeline("38 exposed cases, profile", SPARSE, _all, Cox(inference=Profile()), gated=False),
    Pipeline("38 exposed cases, Firth", SPARSE, _all, Cox(inference=Firth()), gated=False),
    Pipeline("10 clusters, robust", FEW_CLUSTERS, _all, Cox(), gated=False),
)
