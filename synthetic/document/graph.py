"""The causal graph that a document implies: every arrow stands for a term that it names."""

from collections.abc import Iterable

from ..graph import Graph
from .checks import BIRTH_DECADE, parents_of, variable_of
from .outcomes import Outcome
from .world import DEATH, World


def world_graph(world: World) -> Graph:
    """The graph of a world, over whole lives.

    Nodes are the variables, ``birth_decade``, ``births``, ``losses``, ``transfusion``,
    ``chimerism``, ``level``, ``test``, ``participation``, ``emigration`` and the outcomes.
    """
    parents: dict[str, tuple[str, ...]] = {BIRTH_DECADE: ()}
    parents |= {name: parents_of(variable) for name, variable in world.variables.items()}
    fertility, losses, recruitment = world.fertility, world.losses, world.recruitment
    parents["births"] = _variables(
        fertility.childless_given, fertility.first_birth_given, fertility.progression_given
    )
    parents["losses"] = _with(_variables(losses.miscarriage_given, losses.abortion_given), "births")
    parents["transfusion"] = ()
    parents["chimerism"] = _chimerism(world)
    parents["level"] = ()
    parents |= {name: _outcome(world, name, told) for name, told in world.outcomes.items()}
    required = () if recruitment.require == "nothing" else ("births",)
    parents["participation"] = _with(
        _variables(recruitment.given), *required, *recruitment.free_of, DEATH
    )
    censoring = world.defects.informative_censoring
    parents["emigration"] = _variables(world.leaving.given, censoring.given if censoring else ())
    told = (world.defects.reverse_causation, world.defects.differential_assay)
    parents["test"] = _with(("chimerism", "level"), *(one.outcome for one in told if one))
    latent = {name for name, variable in world.variables.items() if variable.measured == "never"}
    return Graph(parents, frozenset(latent | {"chimerism", "level"}))


def _variables(*tables: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(variable_of(term) for table in tables for term in table))


def _with(causes: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*causes, *more)))


def _chimerism(world: World) -> tuple[str, ...]:
    acquisition, confounding = world.acquisition, world.defects.unmeasured_confounding
    sources = [
        ("births", acquisition.son),
        ("losses", max(acquisition.miscarriage, acquisition.abortion)),
        ("transfusion", acquisition.transfusion),
        ("older_brother", acquisition.older_brother),
    ]
    causes = tuple(name for name, probability in sources if probability > 0)
    hidden = (confounding.variable,) if confounding and confounding.engraftment else ()
    return _with(causes, *_variables(acquisition.given), *hidden)


def _outcome(world: World, name: str, told: Outcome) -> tuple[str, ...]:
    causes = _variables(told.effects)
    confounding = world.defects.unmeasured_confounding
    if told.chimerism != 1 or told.compatible_chimerism != 1:
        causes = _with(causes, "chimerism")
    if told.per_birth != 1 or told.parous != 1 or told.since_birth_ratios:
        causes = _with(causes, "births")
    if confounding and name in confounding.outcomes:
        causes = _with(causes, confounding.variable)
    if name == DEATH:
        deadly = (other for other, one in world.outcomes.items() if any(one.excess_death))
        causes = _with(causes, *deadly)
    return causes
