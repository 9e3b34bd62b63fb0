"""Read a recipe: the part of a document that says how the people of a teaching world are drawn."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from cohort.errors import StudyError, nearest

from ..hazards import Exponential, Gompertz, Hazard, PiecewiseConstant, Weibull
from .columns import (
    BernoulliColumn,
    Change,
    Column,
    IsColumn,
    MeasuredColumn,
    NormalColumn,
    PoissonColumn,
    TimeColumn,
    UniformColumn,
)
from .expressions import PERSON, Expression, check_names, expression

DRAWS: Mapping[str, Callable[..., Column]] = {
    "is": IsColumn,
    "normal": NormalColumn,
    "uniform": UniformColumn,
    "bernoulli": BernoulliColumn,
    "poisson": PoissonColumn,
    "measured": MeasuredColumn,
    "time": TimeColumn,
}
"""What a column's ``draw`` may say."""

BASELINES: Mapping[str, Callable[..., Hazard]] = {
    "exponential": Exponential,
    "weibull": Weibull,
    "gompertz": Gompertz,
    "piecewise": PiecewiseConstant,
}
"""What a baseline's ``kind`` may say."""


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How the people of a teaching world are drawn.

    columns : name and column, in the order drawn. keep : who is seen by the study, a condition in
    SQL; everyone without it.
    """

    columns: tuple[tuple[str, Column], ...]
    keep: Expression | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(name for name, _ in self.columns)


def recipe_from(table: Mapping[str, Any], where: str = "world") -> Recipe:
    """A recipe from a parsed table with ``columns`` (a list of tables) and perhaps ``keep``.

    Raises StudyError naming the column and key: unknown (with the nearest known one), absent, of
    the wrong kind, or naming a column that is not drawn before it.
    """
    for key in table:
        if key not in ("columns", "keep"):
            raise StudyError(
                f"[{where}] has the unknown key '{key}': {nearest(key, ['columns', 'keep'])}"
            )
    listed = table.get("columns")
    if not isinstance(listed, list) or not listed or not all(isinstance(c, dict) for c in listed):
        raise StudyError(f"[{where}] needs columns, each written as [[{where}.columns]].")
    known = [PERSON]
    columns: list[tuple[str, Column]] = []
    for place, one in enumerate(listed, start=1):
        name = one.get("name")
        if not isinstance(name, str) or not name:
            raise StudyError(f"[[{where}.columns]] number {place} has no name.")
        if name in known:
            raise StudyError(f"[[{where}.columns]] has two columns named '{name}'.")
        columns.append((name, _column(one, known, f"column '{name}' of [{where}]")))
        known.append(name)
    keep = None
    if "keep" in table:
        keep = expression(table["keep"], f"[{where}] keep")
        check_names(keep, known, f"[{where}] keep")
    return Recipe(tuple(columns), keep)


def _column(table: Mapping[str, Any], known: list[str], where: str) -> Column:
    kind = str(table.get("draw"))
    if kind not in DRAWS:
        raise StudyError(f"{where} has draw = '{kind}': {nearest(kind, list(DRAWS))}")
    rest = {key: value for key, value in table.items() if key not in ("name", "draw", "note")}
    column: Column = _built(DRAWS[kind], rest, known, where)
    return column


def _built(kind: Any, table: Mapping[str, Any], known: list[str], where: str) -> Any:
    """A column or a change of one, each key checked and read."""
    wanted: dict[str, Field[Any]] = {one.name: one for one in fields(kind)}
    for key in table:
        if key not in wanted:
            raise StudyError(f"{where} has the unknown key '{key}': {nearest(key, list(wanted))}")
    for key, one in wanted.items():
        if one.default is MISSING and one.default_factory is MISSING and key not in table:
            raise StudyError(f"{where} lacks '{key}'.")
    read: dict[str, Any] = {}
    for key, value in table.items():
        at = f"'{key}' of {where}"
        if key == "baseline":
            read[key] = _baseline(value, at)
        elif key == "changes":
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                raise StudyError(f"{at} is {value!r}: expected a list of tables with at and add.")
            read[key] = tuple(_built(Change, one, known, at) for one in value)
        else:
            read[key] = expression(value, at)
            check_names(read[key], known, at)
    return kind(**read)


def _baseline(table: Any, where: str) -> Hazard:
    if not isinstance(table, dict) or table.get("kind") not in BASELINES:
        kind = table.get("kind") if isinstance(table, dict) else table
        raise StudyError(f"{where} has kind = {kind!r}: {nearest(str(kind), list(BASELINES))}")
    made = BASELINES[table["kind"]]
    rest = {key: _tupled(value) for key, value in table.items() if key != "kind"}
    wanted = [one.name for one in fields(made)]  # type: ignore[arg-type]
    for key in rest:
        if key not in wanted:
            raise StudyError(f"{where} has the unknown key '{key}': {nearest(key, wanted)}")
    lacking = [name for name in wanted if name not in rest]
    if lacking:
        raise StudyError(f"{where} lacks '{lacking[0]}'.")
    try:
        return made(**rest)
    except TypeError:
        raise StudyError(f"{where} holds something that is no number.") from None
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
