"""From the people of a teaching world to the cohort that a method analyses."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from cohort import (
    CaseControl,
    Cohort,
    FollowUp,
    FullCohort,
    draw_case_cohort,
    draw_nested_case_control,
    expose,
    from_frame,
    split,
)
from cohort.errors import StudyError
from cohort.variables import Categorical, Code, Variable
from synthetic.recipe import PERSON, draw, expression

from .document import CohortPlan, Sampled, Scenario


def cohorts_of(scenario: Scenario, seed: int) -> dict[str, Cohort]:
    """The cohorts that the scenario's methods analyse, all of the same people.

    Raises StudyError or CohortError when the document and its world do not fit together.
    """
    people = draw(scenario.recipe, scenario.head.persons, seed)
    return {
        name: cohort_of_plan(plan, people, scenario.variables, seed)
        for name, plan in scenario.cohorts.items()
    }


def cohort_of_plan(
    plan: CohortPlan, people: pl.DataFrame, variables: tuple[Variable, ...], seed: int
) -> Cohort:
    """One cohort: who is in it, follow-up, exposure along time, bands, sample."""
    if plan.keep is not None:
        people = people.filter(expression(plan.keep, "keep").holds(people))
    codes: dict[Code, str] = {place: name for place, name in enumerate(plan.competing, start=2)}
    control = plan.sample is not None and plan.sample.design == "case-control"
    follow_up = FollowUp(
        plan.scale, entry=plan.entry, exit=plan.exit, event=plan.event,
        happened=1, competing=codes, censored=0,
    )  # fmt: skip
    cohort = from_frame(
        people,
        person=PERSON,
        follow_up=follow_up,
        design=CaseControl() if control else FullCohort(),
        variables=variables,
        weight=plan.weight,
    )
    if plan.expose is not None:
        cohort = expose(
            cohort,
            name=plan.expose.name,
            starts=plan.expose.starts,
            lag=plan.expose.lag,
            missing="never exposed",
        )
    for cut in plan.cut:
        cohort = split(
            cohort, at=cut.at, on=cut.on, name=cut.name, reference=cut.reference, never=cut.never
        )
    if plan.sample is None or control:
        return cohort
    return _sampled(cohort, plan.sample, seed)


def _sampled(cohort: Cohort, sample: Sampled, seed: int) -> Cohort:
    if sample.design == "nested-case-control":
        return draw_nested_case_control(cohort, controls=sample.controls, seed=seed)
    size: int | dict[Code, int]
    if isinstance(sample.size, Mapping):
        size = {_level(cohort, str(sample.stratum), text): n for text, n in sample.size.items()}
    else:
        size = sample.size
    drawn = draw_case_cohort(cohort, size=size, stratum=sample.stratum, seed=seed)
    if not sample.forgotten:
        return drawn
    return replace(drawn, declaration=replace(drawn.declaration, design=FullCohort()))


def _level(cohort: Cohort, stratum: str, text: str) -> Code:
    """A key of the document, which is always text, as the level that it names."""
    variable = cohort.variable(stratum)
    levels = variable.levels if isinstance(variable, Categorical) else (False, True)
    words = {str(level).lower(): level for level in levels or ()} | (
        {"no": False, "yes": True} if not isinstance(variable, Categorical) else {}
    )
    if text.lower() not in words:
        raise StudyError(f"sample size names the level '{text}' of '{stratum}', which has none.")
    return words[text.lower()]
