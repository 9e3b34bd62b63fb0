"""Whether a study fits the invented world in which it is rehearsed; nothing is drawn for that."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from analyses.study.sources import SCALES
from analyses.study.study import Study, WorldSource
from analyses.study.study import Twin as Told
from cohort import CaseCohort, FullCohort, NestedCaseControl
from cohort.designs import CaseControl
from cohort.errors import StudyError, nearest, one_of
from synthetic.cohorts import check_scale
from synthetic.document.outcomes import Outcome
from synthetic.document.world import World
from synthetic.revealed import CARRIER, CELLS

from ..invented import world_of
from ..sources import Document
from .plan import need_ratios

FOUND, FULL = "positive", "full cohort"


@dataclass(frozen=True, slots=True)
class WorldFit:
    """What a study asks of its world, found to be there.

    told : the twin as the document tells it. world : as it stands. outcome : the one that is asked
    about, with the effect that is put in. exposures : of all questions, each once. scales : the
    time scale of each question.
    """

    told: Told
    world: World
    outcome: Outcome
    exposures: tuple[str, ...]
    scales: tuple[str, ...]


def world_fit(document: Document) -> WorldFit:
    """Hold the study against the world that it is rehearsed in.

    Raises StudyError when the world has no such outcome or design, the design is not that of the
    study, an exposure is not one whose effect the world knows, a published effect cannot be set
    there, or the study estimates no ratio.
    """
    study = document.study
    told = told_twin(study)
    assert told.world is not None
    where = "[source] world" if study.twin is None else "[twin] world"
    world = world_of(document, told.world, where)
    _check(world, told, _design_of(document))
    exposures = tuple(dict.fromkeys(asked.question.exposure for asked in study.questions))
    for exposure in exposures:
        _check_exposure(world, exposure)
    scales = _scales(study, told)
    for scale in scales:
        check_scale(world, scale, told.design)
    outcome = _published(world, told, exposures)
    need_ratios(study)
    return WorldFit(told, world, outcome, exposures, scales)


def check_outcomes(asked: Iterable[str], outcome: str) -> None:
    """Refuse questions about an outcome whose effect was not put in.

    Raises StudyError.
    """
    others = sorted({f"'{one}'" for one in asked if one != outcome})
    if others:
        raise StudyError(
            f"[[questions]] outcome = {', '.join(others)}: a rehearsal in a world is of [twin] "
            f"outcome = '{outcome}', whose effect is known; ask about the others in a document of "
            "their own."
        )


def told_twin(study: Study) -> Told:
    """The world in which a study is rehearsed: that of [twin], or its own.

    Raises StudyError when there is none.
    """
    if study.twin is not None:
        return study.twin
    source = study.source
    if not isinstance(source, WorldSource):
        raise StudyError(
            "the study has no [twin]: say what it is rehearsed on, kind = 'own people' or a world."
        )
    return Told(
        world=source.world,
        persons=source.persons,
        outcome=source.outcome,
        scale=source.scale,
        design=source.design,
        seed=source.seed,
    )


def _check(world: World, told: Told, here: str) -> None:
    if told.outcome not in world.outcomes:
        raise StudyError(
            f"[twin] outcome = '{told.outcome}': the world has none, "
            f"{nearest(str(told.outcome), list(world.outcomes))}"
        )
    if told.design is not None and told.design not in world.designs:
        raise StudyError(
            f"[twin] design = '{told.design}': {nearest(told.design, list(world.designs))}"
        )
    there = FULL if told.design is None else world.designs[told.design].kind
    if here != there:
        do = f"name a design of the world that is a {here} in [twin] design."
        if here == FULL:
            do = "leave out [twin] design."
        raise StudyError(f"the study is a {here}, its twin a {there}: {do}")


def _design_of(document: Document) -> str:
    source = document.study.source
    if isinstance(source, WorldSource):
        if source.design is None:
            return FULL
        designs = world_of(document, source.world).designs
        if source.design not in designs:
            raise StudyError(
                f"[source] design = '{source.design}': {nearest(source.design, list(designs))}"
            )
        return designs[source.design].kind
    words = {
        FullCohort: FULL, CaseCohort: "case-cohort", NestedCaseControl: "nested case-control",
        CaseControl: "case-control",
    }  # fmt: skip
    return words[type(document.study.design)]


def _check_exposure(world: World, exposure: str) -> None:
    known = [FOUND, CARRIER, CELLS, *world.variables]
    if exposure not in known:
        raise StudyError(
            f"the effect of '{exposure}' is not a fact of this world, so that nothing can be "
            f"graded against it; exposures whose effect it knows: {one_of(known)}."
        )


def _scales(study: Study, told: Told) -> tuple[str, ...]:
    """The time scale of each question in the world.

    Raises StudyError when a question has a follow-up that is no scale of a world.
    """
    scales = tuple(asked.follow_up or told.scale for asked in study.questions)
    for scale in scales:
        if scale not in SCALES:
            raise StudyError(
                f"a question is asked on the follow-up '{scale}', which a world does not have: "
                f"expected {one_of(SCALES)}, or a twin of kind 'own people'."
            )
    return scales


def _published(world: World, told: Told, exposures: tuple[str, ...]) -> Outcome:
    """The outcome with the published effect; without one, as the world has it.

    Raises StudyError when the published contrasts are not one of the male cells.
    """
    outcome = world.outcomes[str(told.outcome)]
    if not told.published:
        return outcome
    only = set(told.published) == {"yes vs no"} and set(exposures) <= {FOUND, CARRIER}
    if not only:
        raise StudyError(
            "[twin] published: in a world only the effect of male cells can be set, as "
            'published = { "yes vs no" = 0.5 }; other effects stand in the world\'s document.'
        )
    return replace(outcome, chimerism=told.published["yes vs no"], compatible_chimerism=1.0)
