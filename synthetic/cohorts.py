"""A generated world as a cohort: one outcome, an age scale, what an analysis would be given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

import cohort.variables as dictionary
from cohort import (
    CaseCohort,
    Cohort,
    FollowUp,
    FullCohort,
    NestedCaseControl,
    TimeScale,
    from_frame,
)
from cohort.designs import CaseControl, Design
from cohort.errors import StudyError, nearest, one_of

from .document.sections import BinaryVariable, CategoricalVariable, WorldVariable
from .document.world import DEATH, World
from .generate import Tables, generate
from .life.variables import DAYS_PER_YEAR
from .revealed import carrier_variable, typed, typed_variable, with_carriers
from .sampled import EVERYONE, draw_designs, enrolled_with
from .truth.conditional import conditional_truth

CHUNK = 32_768
SCALES = ("age", "time since recruitment")
BIRTH_COUNTS = ("births", "sons")
LABELS = {"bmi": "Body-mass index", "hrt": "Hormone therapy", "alcohol": "Alcohol"}
"""Words for variables whose names do not say enough."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedWorld:
    """Tables of a world in memory, ready to become cohorts.

    observed, latent : tables by name, see ``synthetic.generate``. designs : samples by name.
    truth : the hazard ratios of the document; ``contrast_truth`` gives marginal ones.
    """

    world: World
    observed: Mapping[str, pl.DataFrame]
    latent: Mapping[str, pl.DataFrame]
    designs: Mapping[str, pl.DataFrame]
    truth: pl.DataFrame


def simulate_world(
    world: World, *, persons: int, seed: int, designs: Sequence[str] | None = None
) -> SimulatedWorld:
    """Generate ``persons`` women of a world in memory, with designs drawn once each.

    designs : names of those to draw; None for all. A design that fixes its number of cases may
    need a larger world than the cohort alone: leave it out of a small one.

    Raises StudyError for impossible numbers or names, DesignError when a design needs more women.
    """
    checked_draw(world, persons, seed, designs)
    parts = [
        generate(world, first=first, persons=min(CHUNK, persons - first), seed=seed)
        for first in range(0, persons, CHUNK)
    ]
    return simulated_from(world, parts, seed, designs)


def checked_draw(world: World, persons: int, seed: int, designs: Sequence[str] | None) -> None:
    """Refuse what cannot be drawn.

    Raises StudyError for impossible numbers, or a design that the world does not have.
    """
    for name in designs or ():
        if name not in world.designs:
            raise StudyError(f"no design '{name}': {nearest(name, list(world.designs))}")
    if persons < 1 or seed < 0:
        raise StudyError(f"persons = {persons}, seed = {seed}: expected at least 1 and at least 0.")


def simulated_from(
    world: World, parts: Sequence[Tables], seed: int, designs: Sequence[str] | None
) -> SimulatedWorld:
    """The world in memory whose tables are the parts, one below the other; designs are drawn.

    Raises DesignError when a design needs more women.
    """
    observed = _joined([part.observed for part in parts])
    lazy = {name: frame.lazy() for name, frame in observed.items()}
    return SimulatedWorld(
        world=world,
        observed=observed,
        latent=_joined([part.latent for part in parts]),
        designs=draw_designs(world, lazy, seed, designs),
        truth=conditional_truth(world),
    )


def _joined(parts: list[Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    return {name: pl.concat([part[name] for part in parts]) for name in parts[0]}


def cohort_of(
    simulated: SimulatedWorld,
    outcome: str,
    *,
    scale: str = "age",
    design: str | None = None,
    reveal: bool = False,
) -> Cohort:
    """The enrolled women followed for one outcome, in the full cohort or in one design's sample.

    scale : "age" (late entry at recruitment) or "time since recruitment". design : the name of a
    design of the world; None for everyone. Death competes with any other outcome. Columns are the
    measured variables, ``age_at_entry``, ``birth_year``, ``births`` and ``sons`` before entry,
    and ``positive``, the assay's call; with ``cells``, the HLA type of those found, in a world
    where that matters. reveal : adds ``carrier``, who truly carries male cells at the sample, which
    no study knows. Women already diagnosed are left out, except in a case-control sample: there the
    cases are those that the design says, diagnosed before or after recruitment, and the age is that
    at the sample.

    Raises StudyError for a name that the world does not have, or another scale than age in a
    case-control sample.
    """
    world = simulated.world
    if outcome not in world.outcomes:
        raise StudyError(f"no outcome '{outcome}': {nearest(outcome, list(world.outcomes))}")
    check_scale(world, scale, design)
    unmatched = _unmatched(world, design)
    frame = _analysis_frame(simulated, outcome, scale, prevalent=unmatched)
    frame, declared = _sampled_frame(simulated, frame, design)
    types = typed_variable(world)
    if types:
        frame = typed(frame, simulated.latent)
    if reveal:
        frame = with_carriers(frame, simulated.latent)
    return from_frame(
        frame,
        person="person",
        follow_up=_at_sample(outcome) if unmatched else _follow_up(outcome, scale),
        design=declared,
        variables=(
            *_dictionary(world),
            *_derived(),
            *types,
            *((carrier_variable(),) if reveal else ()),
        ),
    )


def check_scale(world: World, scale: str, design: str | None) -> None:
    """Refuse a time scale that a world, or one of its designs, does not have.

    Raises StudyError.
    """
    if scale not in SCALES:
        raise StudyError(f"scale = '{scale}': expected {one_of(SCALES)}.")
    if _unmatched(world, design) and scale != "age":
        raise StudyError(f"scale = '{scale}': a case-control sample has no follow-up, only an age.")


def _unmatched(world: World, design: str | None) -> bool:
    return design is not None and _kind(world, design) == "case-control"


def _kind(world: World, design: str) -> str:
    if design not in world.designs:
        raise StudyError(f"no design '{design}': {nearest(design, list(world.designs))}")
    return world.designs[design].kind


def _at_sample(outcome: str) -> FollowUp:
    """What stands for follow-up in a case-control sample: who is a case, and the age."""
    return FollowUp(
        TimeScale("age", unit="years"), exit="age_at_entry", event="case", label=outcome
    )


def _follow_up(outcome: str, scale: str) -> FollowUp:
    return FollowUp(
        TimeScale(scale, unit="years"),
        entry="entry_time" if scale == "age" else None,
        exit="exit_time",
        event="event",
        happened=outcome,
        competing={} if outcome == DEATH else {DEATH: DEATH},
        censored="censored",
        label=outcome,
    )


def _analysis_frame(
    simulated: SimulatedWorld, outcome: str, scale: str, prevalent: bool = False
) -> pl.DataFrame:
    lazy = {name: frame.lazy() for name, frame in simulated.observed.items()}
    women = enrolled_with(simulated.world, lazy, outcome)
    if not prevalent:
        women = women.filter(pl.col("before").is_null())
    origin = pl.col("birth_date") if scale == "age" else pl.col("entry")
    died = (pl.col("exit_reason") == "death") & ~pl.col("happened")
    event = (pl.when("happened").then(pl.lit(outcome)).when(died).then(pl.lit(DEATH))).otherwise(
        pl.lit("censored")
    )
    return (
        women.with_columns(
            entry_time=_years(pl.col("entry") - origin),
            exit_time=_years(pl.col("exit") - origin),
            event=event,
            age_at_entry=_years(pl.col("entry") - pl.col("birth_date")),
            birth_year=pl.col("birth_date").dt.year().cast(pl.Float64),
        )
        .join(_births_before(simulated.observed, women), on="person", how="left")
        .with_columns(pl.col(BIRTH_COUNTS).fill_null(0).cast(pl.Float64))
        .join(simulated.observed["samples"].select("person", "positive"), on="person", how="left")
        .drop("entry", "exit", "exit_reason", "happened", "before", "birth_date")
    )


def _years(difference: pl.Expr) -> pl.Expr:
    return difference.dt.total_days() / DAYS_PER_YEAR


def _births_before(observed: Mapping[str, pl.DataFrame], women: pl.DataFrame) -> pl.DataFrame:
    births = observed["pregnancies"].filter(pl.col("end") == "birth")
    before = births.join(women.select("person", "entry"), on="person").filter(
        pl.col("date") <= pl.col("entry")
    )
    return before.group_by("person").agg(births=pl.len(), sons=pl.col("boy").sum())


def _sampled_frame(
    simulated: SimulatedWorld, frame: pl.DataFrame, name: str | None
) -> tuple[pl.DataFrame, Design]:
    if name is None:
        return frame, FullCohort()
    if name not in simulated.designs:
        raise StudyError(f"no design '{name}': {nearest(name, list(simulated.designs))}")
    drawn, told = simulated.designs[name], simulated.world.designs[name]
    both = drawn.join(frame, on="person", how="inner", maintain_order="left")
    if told.kind == "nested case-control":
        return both, NestedCaseControl(matched_set="matched_set", case="case", at_risk="at_risk")
    if told.kind == "case-control":
        rates = drawn.group_by("case").agg(pl.col("sampling_fraction").first())
        words = {True: "case", False: "control"}
        return both, CaseControl(fractions={words[case]: rate for case, rate in rates.iter_rows()})
    sizes = dict(drawn.select("stratum", "cohort_size").unique().iter_rows())
    if not told.strata:
        return both, CaseCohort(subcohort="subcohort", cohort_size=sizes[EVERYONE])
    return both, CaseCohort(subcohort="subcohort", cohort_size=sizes, stratum="stratum")


def _dictionary(world: World) -> tuple[dictionary.Variable, ...]:
    seen = {name: told for name, told in world.variables.items() if told.measured != "never"}
    return tuple(_declared(name, told) for name, told in seen.items())


def _declared(name: str, told: WorldVariable) -> dictionary.Variable:
    label = LABELS.get(name, name.replace("_", " ").capitalize())
    if isinstance(told, CategoricalVariable):
        return dictionary.Categorical(
            name, levels=told.levels, reference=told.levels[0], label=label
        )
    if isinstance(told, BinaryVariable):
        return dictionary.Binary(name, label=label)
    return dictionary.Continuous(name, unit=told.unit, per=told.per, label=label)


def _derived() -> tuple[dictionary.Variable, ...]:
    return (
        dictionary.Binary("positive", label="Male cells found"),
        dictionary.Continuous("births", unit="births", label="Births before recruitment"),
        dictionary.Continuous("sons", unit="sons", label="Sons before recruitment"),
        dictionary.Continuous("age_at_entry", unit="years", label="Age at recruitment"),
        dictionary.Continuous("birth_year", unit="years", per=10, label="Year of birth"),
    )
