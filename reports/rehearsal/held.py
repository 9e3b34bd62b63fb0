"""The twin held against its study, cheaply: nothing is fitted, no cohort of full size is drawn."""

from collections.abc import Mapping

from analyses.cox.weighted_records import outcome_code
from analyses.model import matrix, models_of
from analyses.study.parts import Asked, Exclusion
from analyses.study.twin import OWN_PEOPLE
from cohort import Cohort
from cohort.errors import CohortError, SchemaError
from synthetic.cohorts import cohort_of
from synthetic.enrolled import simulate_enrolled

from ..sources import Document, Records
from .own_people import check_own_people
from .plan import not_askable
from .world_fit import WorldFit, check_outcomes, world_fit

FEW = 2_000
"""Women of a world whose names are read, enrolled or not."""


def check_twin(document: Document, records: Records | None) -> None:
    """Hold the [twin] of a study against its questions; a study without one passes.

    records : of the study; None where they are refused, which leaves own people unread. What a
    rehearsal alone can find (a world with too few cases for its design, a model that cannot be
    fitted) is not looked for.

    Raises CohortError as ``rehearse`` does.
    """
    twin = document.study.twin
    if twin is None:
        return
    if twin.kind != OWN_PEOPLE:
        _check_names(document, world_fit(document))
    elif records is not None:
        check_own_people(records)


def _check_names(document: Document, fit: WorldFit) -> None:
    """Whether the world has what the exclusions and questions name."""
    study = document.study
    empty = _without_records(fit, study.exclusions)
    for number, (asked, scale) in enumerate(zip(study.questions, fit.scales, strict=True), start=1):
        if scale not in empty:
            continue
        try:
            _ask(empty[scale], asked)
        except CohortError as error:
            raise not_askable(number, error) from None
    outcome = str(fit.told.outcome)
    check_outcomes([asked.question.outcome or outcome for asked in study.questions], outcome)


def _without_records(fit: WorldFit, exclusions: tuple[Exclusion, ...]) -> Mapping[str, Cohort]:
    """The world's cohort on each scale, without its records: its names, types and dictionary."""
    told = fit.told
    drawn = simulate_enrolled(fit.world, persons=FEW, seed=told.seed, designs=())
    found = {}
    for scale in dict.fromkeys(fit.scales):
        try:
            cohort = cohort_of(drawn, str(told.outcome), scale=scale, reveal=True)
        except SchemaError:  # So few women that nobody is enrolled.
            continue
        cohort = cohort.with_frame(cohort.frame.head(0))
        for exclusion in exclusions:
            cohort = cohort.restrict(exclusion.keep, exclusion.reason)
        found[scale] = cohort
    return found


def _ask(cohort: Cohort, asked: Asked) -> None:
    outcome_code(cohort, asked.question.outcome)
    for model in models_of(cohort, asked.question):
        matrix(cohort, cohort.frame, model)
