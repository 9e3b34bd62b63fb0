"""The cohort of a study whose records are invented: a world of known truth, drawn by its seed."""

from dataclasses import replace
from typing import TYPE_CHECKING

from analyses.study.study import WorldSource
from cohort import Cohort, Provenance
from cohort.errors import StudyError
from synthetic.cohorts import SimulatedWorld, simulate_world
from synthetic.cohorts import cohort_of as cohort_in
from synthetic.document.reading import read_world, shipped_worlds
from synthetic.document.world import World

if TYPE_CHECKING:
    from .sources import Document


def world_of(document: "Document", world: str, where: str = "[source] world") -> World:
    """The world that a study names: one we ship, or a document beside the study.

    Raises StudyError when there is none, or it is wrong.
    """
    if world in shipped_worlds():
        return read_world(world)
    path = document.beside(world, where)
    if not path.is_file():
        raise StudyError(
            f"'{document.path.name}': {where} = '{world}' is neither a world we ship "
            f"({', '.join(shipped_worlds())}) nor a file beside the document."
        )
    return read_world(path)


def drawn_world(document: "Document", source: WorldSource) -> SimulatedWorld:
    """The world of a study, drawn once for all its scales.

    Raises StudyError for the world, DesignError when it is too small for its design.
    """
    world = world_of(document, source.world)
    designs = () if source.design is None else (source.design,)
    return simulate_world(world, persons=source.persons, seed=source.seed, designs=designs)


def invented(drawn: SimulatedWorld, source: WorldSource, scale: str | None = None) -> Cohort:
    """The cohort of a study in its world. scale : instead of the source's own.

    Raises StudyError when the world has no such outcome or scale.
    """
    cohort = cohort_in(drawn, source.outcome, scale=scale or source.scale, design=source.design)
    seen = Provenance(
        f"invented: world '{source.world}', {source.persons} women, seed {source.seed}",
        len(cohort.frame),
        notes=("These persons are invented: they say nothing of real women.",),
    )
    return replace(cohort, provenance=seen)
