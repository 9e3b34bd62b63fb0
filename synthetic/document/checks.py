"""What a world must be as a whole: names that exist, bands that fit, an order of causes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cohort.errors import StudyError, nearest, one_of

from ..graph import causal_order
from .outcomes import Estimand, Outcome
from .sections import (
    MEASURED,
    BinaryVariable,
    CategoricalVariable,
    ContinuousVariable,
    WorldVariable,
)
from .world import DEATH, World

BIRTH_DECADE = "birth_decade"
OLDEST = 110
"""Nobody's hazard is followed beyond this age, in years."""
SUM_TOLERANCE = 1e-9
REQUIREMENTS = ("nothing", "birth", "son")
DESIGNS = ("case-cohort", "nested case-control", "case-control")
CAUSES = ("chimerism", "compatible chimerism")
"""Causes that an intervention can set besides the variables."""
MECHANISMS = ("MCAR", "MAR", "MNAR")


def check_world(world: World) -> None:
    """Refuse a world that contradicts itself, naming the section and key.

    Raises StudyError.
    """
    _check_variables(world)
    _check_terms(world)
    _check_single(world)
    for name, outcome in world.outcomes.items():
        _check_outcome(outcome, f"outcomes.{name}")
    _check_designs(world)
    _check_defects(world)
    for name, estimand in world.estimands.items():
        _check_estimand(world, estimand, f"estimands.{name}")


def variable_of(term: str) -> str:
    """The variable that a term such as ``smoking=current`` reads."""
    return term.split("=")[0]


def parents_of(variable: WorldVariable) -> tuple[str, ...]:
    """The variables that one depends on, each once."""
    if isinstance(variable, CategoricalVariable):
        terms = [term for shifts in variable.given.values() for term in shifts]
    else:
        terms = list(variable.given)
    return tuple(dict.fromkeys(variable_of(term) for term in terms))


def _check_variables(world: World) -> None:
    for name, variable in world.variables.items():
        where = f"variables.{name}"
        if name == BIRTH_DECADE or "=" in name:
            raise StudyError(f"[{where}] the name '{name}' cannot be used for a variable.")
        if variable.measured not in MEASURED:
            raise StudyError(f"[{where}] measured: expected {one_of(MEASURED)}.")
        if isinstance(variable, CategoricalVariable):
            _check_levels(variable, where)
    parents = {name: parents_of(variable) for name, variable in world.variables.items()}
    known = [*parents, BIRTH_DECADE]
    for name, causes in parents.items():
        for cause in causes:
            if cause not in known:
                raise StudyError(
                    f"[variables.{name}] given names '{cause}': {nearest(cause, known)}"
                )
    causal_order({BIRTH_DECADE: (), **parents})


def _check_levels(variable: CategoricalVariable, where: str) -> None:
    levels = variable.levels
    if len(levels) != len(variable.probabilities) or len(levels) < 2:
        raise StudyError(f"[{where}] expected two levels or more and one probability for each.")
    total = sum(variable.probabilities)
    if abs(total - 1) > SUM_TOLERANCE:
        raise StudyError(f"[{where}] probabilities sum to {total:g}: expected 1.")
    for level in variable.given:
        if level not in levels[1:]:
            raise StudyError(
                f"[{where}] given names the level '{level}': {nearest(level, levels[1:])}"
            )


def check_terms(world: World, terms: Iterable[str], where: str) -> None:
    """Refuse a term whose variable or level does not exist."""
    for term in terms:
        name, _, level = term.partition("=")
        if name == BIRTH_DECADE and not level:
            continue
        if name not in world.variables:
            known = [*world.variables, BIRTH_DECADE]
            raise StudyError(f"[{where}] names '{name}': {nearest(name, known)}")
        variable = world.variables[name]
        if not isinstance(variable, CategoricalVariable):
            if level:
                raise StudyError(f"[{where}] '{term}': '{name}' has no levels.")
        elif level not in variable.levels:
            raise StudyError(f"[{where}] '{term}': {nearest(level, variable.levels)}")


def _term_tables(world: World) -> Mapping[str, Iterable[str]]:
    fertility, losses, defects = world.fertility, world.losses, world.defects
    tables: dict[str, Iterable[str]] = {
        "fertility.childless_given": fertility.childless_given,
        "fertility.first_birth_given": fertility.first_birth_given,
        "fertility.progression_given": fertility.progression_given,
        "losses.miscarriage_given": losses.miscarriage_given,
        "losses.abortion_given": losses.abortion_given,
        "acquisition.given": world.acquisition.given,
        "recruitment.given": world.recruitment.given,
        "leaving.given": world.leaving.given,
    }
    for name, variable in world.variables.items():
        if isinstance(variable, CategoricalVariable):
            for level, shifts in variable.given.items():
                tables[f"variables.{name}.given.{level}"] = shifts
        else:
            tables[f"variables.{name}.given"] = variable.given
    for name, outcome in world.outcomes.items():
        tables[f"outcomes.{name}.effects"] = outcome.effects
    for name, loss in defects.missing.items():
        tables[f"defects.missing.{name}.given"] = loss.given
    if defects.informative_censoring is not None:
        tables["defects.informative_censoring.given"] = defects.informative_censoring.given
    return tables


def _check_terms(world: World) -> None:
    for where, terms in _term_tables(world).items():
        check_terms(world, terms, where)


def _check_single(world: World) -> None:
    if world.recruitment.require not in REQUIREMENTS:
        raise StudyError(f"[recruitment] require: expected {one_of(REQUIREMENTS)}.")
    for name in world.recruitment.free_of:
        _known_outcome(world, name, "recruitment.free_of")
    pairs: dict[str, tuple[Any, ...]] = {
        "births.years": world.births.years,
        "fertility.ages": world.fertility.ages,
        "recruitment.ages": world.recruitment.ages,
        "recruitment.dates": world.recruitment.dates,
    }
    for where, pair in pairs.items():
        if len(pair) != 2 or pair[0] >= pair[1]:
            raise StudyError(f"[{where}] expected two values, the first before the second.")
    if world.leaving.end <= world.recruitment.dates[1]:
        raise StudyError("[leaving] end lies before the end of recruitment: dates out of order.")
    if not 1 <= world.assay.positive_wells <= world.assay.wells:
        raise StudyError("[assay] positive_wells: expected at least 1 and at most the wells.")
    brother = world.variables.get("older_brother")
    if world.acquisition.older_brother > 0 and not isinstance(brother, BinaryVariable):
        raise StudyError("[acquisition] older_brother needs a binary variable of that name.")


def _check_outcome(outcome: Outcome, where: str) -> None:
    if len(outcome.ages) != len(outcome.per_100000) or not outcome.ages:
        raise StudyError(f"[{where}] {len(outcome.ages)} ages and {len(outcome.per_100000)} rates.")
    if len(outcome.baseline_ratios) not in (0, len(outcome.ages)):
        raise StudyError(f"[{where}] baseline_ratios: expected one for each band of age.")
    if any(age != int(age) or not 0 <= age < OLDEST for age in outcome.ages):
        raise StudyError(f"[{where}] ages: expected whole years from 0 to below {OLDEST}.")
    _check_steps(
        outcome.years_since_birth, outcome.since_birth_ratios, f"{where}.years_since_birth"
    )
    _check_steps(outcome.excess_from, outcome.excess_death, f"{where}.excess_from")


def _check_steps(starts: Sequence[float], values: Sequence[float], where: str) -> None:
    if len(starts) != len(values) or (starts and starts[0] != 0):
        raise StudyError(f"[{where}] expected steps that start at 0, with one value for each.")


def _known_outcome(world: World, name: str, where: str) -> None:
    if name not in world.outcomes:
        raise StudyError(f"[{where}] names '{name}': {nearest(name, list(world.outcomes))}")


def _check_designs(world: World) -> None:
    if DEATH not in world.outcomes:
        raise StudyError("[outcomes] has no 'death': every world needs one.")
    for name, design in world.designs.items():
        where = f"designs.{name}"
        if design.kind not in DESIGNS:
            raise StudyError(f"[{where}] kind = '{design.kind}': expected {one_of(DESIGNS)}.")
        _known_outcome(world, design.outcome, where)
        if design.strata and design.strata not in world.variables:
            told = nearest(design.strata, list(world.variables))
            raise StudyError(f"[{where}] strata names '{design.strata}': {told}")
        if design.kind == "case-cohort" and design.subcohort < 1:
            raise StudyError(f"[{where}] needs the size of the subcohort.")
        if design.kind != "case-cohort" and design.controls < 1:
            raise StudyError(f"[{where}] needs the number of controls.")


def _check_estimand(world: World, estimand: Estimand, where: str) -> None:
    _known_outcome(world, estimand.outcome, where)
    variable = world.variables.get(estimand.cause)
    if variable is None and estimand.cause not in CAUSES:
        known = [*world.variables, *CAUSES]
        raise StudyError(f"[{where}] names '{estimand.cause}': {nearest(estimand.cause, known)}")
    if isinstance(variable, CategoricalVariable):
        levels = [f"{estimand.cause}={value}" for value in (estimand.value, estimand.versus)]
        check_terms(world, levels, where)
    elif isinstance(estimand.value, str) or isinstance(estimand.versus, str):
        raise StudyError(f"[{where}] value and versus: '{estimand.cause}' has no levels.")
    if any(age != int(age) or not 0 < age <= OLDEST for age in estimand.until):
        raise StudyError(f"[{where}] until: expected whole years up to {OLDEST}.")


def _check_defects(world: World) -> None:
    defects = world.defects
    for name, loss in defects.missing.items():
        where = f"defects.missing.{name}"
        variable = world.variables.get(name)
        if variable is None or variable.measured != "enrolment":
            raise StudyError(f"[{where}] expected a variable that is measured at enrolment.")
        if loss.mechanism not in MECHANISMS:
            raise StudyError(f"[{where}] mechanism: expected {one_of(MECHANISMS)}.")
        itself = name in (variable_of(term) for term in loss.given)
        if (loss.mechanism == "MCAR" and loss.given) or (loss.mechanism == "MAR" and itself):
            raise StudyError(f"[{where}] {loss.mechanism} contradicts what its 'given' names.")
    for told, where in (
        (defects.reverse_causation, "defects.reverse_causation"),
        (defects.differential_assay, "defects.differential_assay"),
    ):
        if told is not None:
            _known_outcome(world, told.outcome, where)
    _check_unmeasured(world)


def _check_unmeasured(world: World) -> None:
    told = world.defects.unmeasured_confounding
    if told is None:
        return
    where = "defects.unmeasured_confounding"
    variable = world.variables.get(told.variable)
    if not isinstance(variable, ContinuousVariable) or variable.measured != "never":
        raise StudyError(f"[{where}] expected a continuous variable that is never measured.")
    for name in told.outcomes:
        _known_outcome(world, name, where)
