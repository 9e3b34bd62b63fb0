"""A scenario as a document: an invented world, the data of a study in it, and how they are graded.

The keys of a section are the fields of the type that it becomes.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from analyses import RateRatio, RestrictedMean, TimeLost
from analyses.study.kinds import ESTIMATORS, SETTINGS, VARIABLES
from analyses.study.reading import built, check_keys, of_kind
from cohort import OtherScale, TimeScale
from cohort.errors import CohortError, StudyError, nearest
from cohort.variables import Variable
from synthetic.recipe import PERSON, Recipe, check_names, expression, recipe_from

from .quantities import RiskContrast

SCENARIOS = Path(__file__).parents[2] / "analyses" / "scenarios"
Kind = Literal["naive", "right", "shown", "oracle"]
Scale = Literal["ratio", "difference"]
SECTIONS = ("scenario", "world", "variables", "cohorts", "methods", "expected")
CURVES: Mapping[str, type[Any]] = {
    "restricted-mean": RestrictedMean,
    "time-lost": TimeLost,
    "rate-ratio": RateRatio,
    "risk-contrast": RiskContrast,
}
KINDS: Mapping[str, type[Any]] = {**ESTIMATORS, **CURVES}


@dataclass(frozen=True, slots=True)
class Head:
    """What a scenario is about.

    teaches : sentences. persons : drawn in each replicate. waiting : right analyses that our
    estimators cannot do yet.
    """

    title: str
    question: str
    teaches: tuple[str, ...]
    persons: int
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposed:
    """An exposure that begins during follow-up: arguments of ``cohort.expose``."""

    name: str
    starts: str
    lag: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Follow-up cut in bands: arguments of ``cohort.split``."""

    at: tuple[float, ...]
    name: str
    on: OtherScale | None = None
    reference: str | None = None
    never: str | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """A sample of the cohort.

    design : "case-cohort", "nested-case-control", or "case-control" (``case`` says who is a case).
    size : of the subcohort, all or by level of ``stratum``. controls : for each case. forgotten :
    the sample is treated as if it were a full cohort, which is wrong.
    """

    design: Literal["case-cohort", "nested-case-control", "case-control"]
    size: int | Mapping[str, int] = 0
    stratum: str | None = None
    controls: int = 0
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class CohortPlan:
    """How the people of the world become a cohort.

    keep : who is in it, a condition in SQL. weight : a column of weights of persons. competing :
    names of outcomes coded 2, 3, ...
    """

    scale: TimeScale
    exit: str
    event: str
    entry: str | None = None
    keep: str | None = None
    weight: str | None = None
    competing: tuple[str, ...] = ()
    expose: Exposed | None = None
    cut: tuple[Cut, ...] = ()
    sample: Sampled | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One analysis, and the estimand it is graded against.

    kind : "naive", "right", "shown" (right for an estimand of its own) or "oracle" (what only an
    invented world allows). truth : on the scale of the estimate, such as a hazard ratio.
    truth_from : how it is known, with its error where it was computed. contrast, measure : which
    row of the estimates. published : only results below this p-value are seen.
    """

    name: str
    kind: Kind
    cohort: str
    exposure: str
    truth: float
    truth_from: str
    estimator: Any = None
    adjust: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    outcome: str | None = None
    contrast: str | None = None
    measure: str | None = None
    missing: Literal["refuse", "complete case"] = "refuse"
    scale: Scale = "ratio"
    published: float | None = None
    not_gated: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedMethod:
    """What a long run measured for one method, each with its Monte Carlo error."""

    mean: float
    bias: float
    bias_error: float
    coverage: float
    coverage_error: float
    seen: int


@dataclass(frozen=True, slots=True)
class Expected:
    """A long run: its seed, replicates and what it measured by method."""

    seed: int
    replicates: int
    methods: Mapping[str, ExpectedMethod] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A scenario document: name (of its file), text and parts."""

    name: str
    text: str
    head: Head
    recipe: Recipe
    variables: tuple[Variable, ...]
    cohorts: Mapping[str, CohortPlan]
    methods: tuple[Method, ...]
    expected: Expected | None = None


def scenario_documents() -> list[Path]:
    """The scenario documents that are shipped, in their order."""
    return sorted(SCENARIOS.glob("*.toml"))


def read_scenario(path: Path) -> Scenario:
    """Read and check a scenario document.

    Raises StudyError naming the section and the key, with the nearest known one.
    """
    if not path.is_file():
        raise StudyError(f"there is no scenario document '{path.name}'.")
    text = path.read_text(encoding="utf-8")
    try:
        return scenario_of(tomllib.loads(text), path.stem, text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"'{path.name}' is not TOML: {error}") from None
    except StudyError as error:
        raise StudyError(f"'{path.name}': {error}") from None


def scenario_of(document: Mapping[str, Any], name: str, text: str = "") -> Scenario:
    """A scenario from a parsed document."""
    check_keys(document, SECTIONS, "the document")
    for section in SECTIONS[:-1]:
        if section not in document:
            raise StudyError(f"the document has no [{section}].")
    cohorts = {
        key: built(CohortPlan, table, f"[cohorts.{key}]")
        for key, table in document["cohorts"].items()
    }
    methods = tuple(
        _method(table, f"[[methods]] number {place}")
        for place, table in enumerate(document["methods"], start=1)
    )
    expected = document.get("expected")
    scenario = Scenario(
        name,
        text,
        built(Head, document["scenario"], "[scenario]"),
        recipe_from(document["world"]),
        tuple(
            of_kind(VARIABLES, {"name": key} | table, f"[variables] {key}")
            for key, table in document["variables"].items()
        ),
        cohorts,
        methods,
        None if expected is None else built(Expected, expected, "[expected]"),
    )
    _check(scenario)
    return scenario


def _method(table: dict[str, Any], where: str) -> Method:
    plain = table.get("estimator")
    if not isinstance(plain, dict):
        raise StudyError(f'{where} needs estimator = {{ kind = "cox" }} or another kind.')
    method = built(Method, {key: table[key] for key in table if key != "estimator"}, where)
    return replace(method, estimator=estimator_of(plain, f"'estimator' in {where}"))


def estimator_of(table: Mapping[str, Any], where: str) -> Any:
    """An estimator from its kind and settings.

    Raises StudyError when a key is not known or does not fit.
    """
    rest = dict(table)
    found = {
        key: of_kind(kinds, {"kind": rest.pop(key)}, f"'{key}' of {where}")
        for key, kinds in SETTINGS.items()
        if key in rest
    }
    plain = of_kind(KINDS, rest, where)
    try:
        return replace(plain, **found)
    except TypeError:
        kind = str(table["kind"])
        raise StudyError(f"{where}: kind = '{kind}' has no {' and '.join(found)}.") from None
    except CohortError as error:
        raise StudyError(f"{where}: {error}") from None


def _check(scenario: Scenario) -> None:
    columns = scenario.recipe.names
    for key, plan in scenario.cohorts.items():
        for column in (plan.entry, plan.exit, plan.event, plan.weight):
            if column is not None:
                _known(column, columns, f"[cohorts.{key}] names the column")
        if plan.keep is not None:
            where = f"[cohorts.{key}] keep"
            check_names(expression(plan.keep, where), [PERSON, *columns], where)
    for variable in scenario.variables:
        _known(variable.source, columns, f"[variables] {variable.name} reads the column")
    names: list[str] = []
    for method in scenario.methods:
        _known(method.cohort, list(scenario.cohorts), f"method '{method.name}' asks for the cohort")
        if method.name in names:
            raise StudyError(f"two methods are named '{method.name}'.")
        names.append(method.name)
    for name in scenario.expected.methods if scenario.expected else ():
        _known(name, names, "[expected] names the method")


def _known(word: str, known: Sequence[str], what: str) -> None:
    if word not in known:
        raise StudyError(f"{what} '{word}': {nearest(word, list(known))}")
