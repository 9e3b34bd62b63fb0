"""The data dictionary: facts about columns, with no role in any analysis.

A variable says what a column holds, in which unit or with which levels, and which codes mean that
the value is missing and why. Whether it is an exposure or a confounder belongs to the question.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from .declared_text import check_texts, words_by_code
from .errors import SchemaError, agreeing, counted, row_list
from .misspelt import decimal_commas, nearly_levels

Code = int | float | str | bool
REASON_SUFFIX = ".missing"
CODE_SUFFIX = ".code"
"""Where a door keeps the codes that a file itself declares missing: 77, or .a of SAS and Stata."""

MISSING_CODES = "missing={code: 'reason'} (in a study document: missing = { code = 'reason' })"
LARGEST_WHOLE = 2.0**53  # Beyond it a float is no longer the number that was written.
LETTER_CODE = re.compile(r"\.[A-Za-z_]")
CODE_WORDS = {str: "the text", int: "the number", float: "the number", bool: "the boolean"}
PLAIN_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"


def _check_names(variable: "Variable") -> None:
    if not isinstance(variable.name, str):
        raise SchemaError(f"a variable has name = {variable.name!r}: expected text.")
    texts = {role: getattr(variable, role, None) for role in ("column", "label", "unit")}
    check_texts(f"variable '{variable.name}'", texts)


def _words(variable: "Variable", role: str) -> Mapping[Code, str]:
    return words_by_code(f"variable '{variable.name}'", role, getattr(variable, role))


@dataclass(frozen=True, slots=True)
class Continuous:
    """A measured quantity.

    name : the word used in questions and reports. column : where it stands, if under another name.
    unit : such as "years" or "kg/m2". per : the step that a hazard ratio refers to, in that unit.
    missing : codes that mean "not recorded", each with its reason, such as ``{99: "refused"}``.
    """

    name: str
    column: str | None = None
    unit: str = ""
    per: float = 1.0
    label: str | None = None
    missing: Mapping[Code, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(self)
        if not (isinstance(self.per, (int, float)) and 0 < self.per < float("inf")):
            raise SchemaError(
                f"variable '{self.name}' has per = {self.per}: expected a positive step in "
                f"{self.unit or 'its unit'}."
            )
        object.__setattr__(self, "missing", _words(self, "missing"))

    @property
    def source(self) -> str:
        """The column that holds it."""
        return self.column or self.name


@dataclass(frozen=True, slots=True)
class Categorical:
    """A quantity with named levels.

    levels : every level, in order; None takes those of ``labels``, else all that occur, sorted.
    reference : the level compared against; compulsory for use in a model.
    labels : words for levels. missing : codes that mean "not recorded", each with its reason.
    """

    name: str
    column: str | None = None
    levels: tuple[Code, ...] | None = None
    reference: Code | None = None
    labels: Mapping[Code, str] = field(default_factory=dict)
    label: str | None = None
    missing: Mapping[Code, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(self)
        object.__setattr__(self, "labels", _words(self, "labels"))
        object.__setattr__(self, "missing", _words(self, "missing"))
        if isinstance(self.levels, str):
            raise SchemaError(f"variable '{self.name}' has levels that are one text: write a list.")
        levels = self.levels if self.levels is not None else tuple(self.labels) or None
        if levels is None:
            return
        object.__setattr__(self, "levels", tuple(levels))
        if len(set(levels)) < len(levels):
            raise SchemaError(f"variable '{self.name}' names a level twice.")
        if self.reference is not None and self.reference not in levels:
            raise SchemaError(
                f"variable '{self.name}' has the reference level {self.reference!r}, which is not "
                f"among its {len(levels)} levels {tuple(levels)!r}."
            )

    @property
    def source(self) -> str:
        """The column that holds it."""
        return self.column or self.name

    def word(self, level: Code) -> str:
        """The word for a level: its label, else the level itself."""
        return str(self.labels.get(level, level))


@dataclass(frozen=True, slots=True)
class Binary:
    """A yes-or-no quantity.

    yes : the code that means yes; compulsory unless the column is boolean or 0/1.
    """

    name: str
    column: str | None = None
    yes: Code | None = None
    label: str | None = None
    missing: Mapping[Code, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(self)
        object.__setattr__(self, "missing", _words(self, "missing"))

    @property
    def source(self) -> str:
        """The column that holds it."""
        return self.column or self.name


Variable = Continuous | Categorical | Binary


def read_variable(frame: pl.DataFrame, variable: Variable) -> tuple[Variable, list[pl.Series]]:
    """One variable from its column: what it has become, and its series (with reasons, if any).

    Continuous comes back as Float64, Binary as Boolean, Categorical in the column's own type.
    Missing codes become null; a second series ``<name>.missing`` then holds their reasons. Codes
    that the file itself declares missing (column ``<source>.code``) are their own reason until
    ``missing`` names one.

    Raises SchemaError when the column's type or its codes are not what was declared.
    """
    values, reasons = _without_missing_codes(frame, variable)
    if isinstance(variable, Continuous):
        series = _continuous(values, variable)
    elif isinstance(variable, Binary):
        series = _binary(values, variable)
    else:
        variable, series = _categorical(values, variable)
    columns = [series.rename(variable.name)]
    if reasons is not None:
        columns.append(reasons.rename(variable.name + REASON_SUFFIX))
    return variable, columns


def _without_missing_codes(
    frame: pl.DataFrame, variable: Variable
) -> tuple[pl.Series, pl.Series | None]:
    raw = frame[variable.source]
    values = raw.cast(pl.String) if isinstance(raw.dtype, (pl.Categorical, pl.Enum)) else raw
    if values.dtype.is_float():
        values = values.fill_nan(None)
    coded = variable.source + CODE_SUFFIX
    if not variable.missing and coded not in frame.columns:
        return values, None
    nothing = pl.Series(raw.name, [None] * len(raw), dtype=pl.String)
    reasons = codes = frame[coded] if coded in frame.columns else nothing
    for code, reason in variable.missing.items():
        hit = _has_code(values, codes, code, variable)
        reasons = reasons.zip_with(~hit, pl.Series([reason], dtype=pl.String))
    kept = values.zip_with(reasons.is_null(), pl.Series([None], dtype=values.dtype))
    return kept, reasons


def _has_code(values: pl.Series, codes: pl.Series, code: Code, variable: Variable) -> pl.Series:
    in_file = (codes == code_text(code)).fill_null(False)
    letter = isinstance(code, str) and LETTER_CODE.fullmatch(code) is not None
    if letter and values.dtype.is_numeric():
        return in_file
    what = f"missing code of variable '{variable.name}'"
    return in_file | equals(values, code, what).fill_null(False)


def code_text(code: Code) -> str:
    """A code as doors write it: 77 for 77.0."""
    if isinstance(code, float) and code == int(code):
        return str(int(code))
    return str(code)


def equals(values: pl.Series, code: Code, what: str) -> pl.Series:
    """Where a series equals a declared code; a code of another type than the column is an error."""
    if values.dtype == pl.Null:
        return values.cast(pl.Boolean)
    numeric = values.dtype.is_numeric() or values.dtype == pl.Boolean
    if not numeric and values.dtype != pl.String:
        raise SchemaError(
            f"column '{values.name}' holds {values.dtype}: the {what} needs numbers, text or "
            "booleans."
        )
    if numeric == isinstance(code, str):
        kind = "numbers" if numeric else "text"
        raise SchemaError(
            f"column '{values.name}' holds {kind} ({values.dtype}), but the {what} is "
            f"{CODE_WORDS[type(code)]} {code!r}: write it in the column's own type."
        )
    if values.dtype == pl.Boolean:
        return values == bool(code)
    return values == code


def _continuous(values: pl.Series, variable: Continuous) -> pl.Series:
    if values.dtype == pl.String:
        values = _numbers_in_text(values, variable)
    if not (values.dtype.is_numeric() or values.dtype.is_decimal() or values.dtype == pl.Null):
        raise SchemaError(
            f"column '{variable.source}' holds {values.dtype}: '{variable.name}' is declared "
            f"continuous{_in_unit(variable)}, so it needs numbers."
        )
    numbers = values.cast(pl.Float64)
    unbounded = numbers.is_infinite().fill_null(False)
    if unbounded.any():
        raise SchemaError(
            f"{counted(unbounded.sum(), 'values')} of '{variable.source}' "
            f"{agreeing(unbounded.sum(), 'are')} infinite "
            f"({row_list(unbounded.arg_true())}): expected finite numbers{_in_unit(variable)}."
        )
    return numbers


def _numbers_in_text(values: pl.Series, variable: Continuous) -> pl.Series:
    """Numbers from text, where codes declared missing are why the column is text."""
    strange = ~values.str.contains(PLAIN_NUMBER).fill_null(True)
    if strange.any():
        commas = decimal_commas(values, strange)
        if commas:
            raise SchemaError(f"column '{variable.source}' holds text: {commas}")
        raise SchemaError(
            f"column '{variable.source}' holds text: "
            f"{counted(strange.sum(), 'values do')} not read as a plain number "
            f"({row_list(strange.arg_true())}), but '{variable.name}' is declared "
            f"continuous{_in_unit(variable)}. Declare codes such as '.' with "
            f"{MISSING_CODES}, or the variable as categorical."
        )
    if not variable.missing and len(values) > values.null_count():
        raise SchemaError(
            f"column '{variable.source}' holds numbers written as text, but '{variable.name}' is "
            f"declared continuous{_in_unit(variable)}: make the column numbers before it enters."
        )
    return values.cast(pl.Float64)


def _in_unit(variable: Continuous) -> str:
    return f" in {variable.unit}" if variable.unit else ""


def _binary(values: pl.Series, variable: Binary) -> pl.Series:
    if variable.yes is not None:
        yes = equals(values, variable.yes, f"yes code of '{variable.name}'")
        others = values.filter(~yes.fill_null(True)).unique()
        if len(others) > 1:
            raise SchemaError(
                f"column '{variable.source}' holds {len(others)} codes besides the one declared "
                f"as yes for '{variable.name}': declare those that mean not recorded with "
                f"{MISSING_CODES}, or the variable as categorical."
            )
        return yes
    if values.dtype == pl.Boolean:
        return values
    if values.dtype.is_numeric():
        outside = ((values != 0) & (values != 1)).fill_null(False)
        if not outside.any():
            return values == 1
        raise SchemaError(
            f"{counted(outside.sum(), 'values')} of '{variable.source}' "
            f"{agreeing(outside.sum(), 'are')} neither 0 nor 1 "
            f"({row_list(outside.arg_true())}): declare '{variable.name}' with yes = the code that "
            f"means yes, or codes that mean not recorded with {MISSING_CODES}."
        )
    if values.dtype == pl.Null:
        return values.cast(pl.Boolean)
    raise SchemaError(
        f"column '{variable.source}' holds {values.dtype}: a binary variable is boolean or 0/1, or "
        "declares yes = the code that means yes."
    )


def _categorical(values: pl.Series, variable: Categorical) -> tuple[Categorical, pl.Series]:
    if values.dtype.is_float() and _all_whole(values.drop_nulls()):
        values = values.cast(pl.Int64)
    found = values.drop_nulls().unique()
    levels = variable.levels
    if levels is None:
        levels = tuple(found.sort().to_list())
        if variable.reference is not None and variable.reference not in levels:
            raise SchemaError(
                f"the reference level {variable.reference!r} of '{variable.name}' does not occur "
                f"among the {len(levels)} levels of column '{variable.source}'."
            )
        return _with_levels(variable, levels), values
    known = pl.Series([False]).new_from_index(0, len(values)) if len(values) else values.is_null()
    for level in levels:
        known = known | equals(values, level, f"level of '{variable.name}'").fill_null(True)
    if not known.all():
        strange = ~known
        raise SchemaError(
            f"{counted(strange.sum(), 'values')} of '{variable.source}' "
            f"{agreeing(strange.sum(), 'are')} none of the {len(levels)} levels "
            f"declared for '{variable.name}' ({row_list(strange.arg_true())}): add the level, or "
            f"declare the code with {MISSING_CODES}."
            + nearly_levels(values.filter(strange), levels)
        )
    return variable, values


def _all_whole(values: pl.Series) -> bool:
    """Whether floating-point codes are whole numbers that an integer holds."""
    return bool(((values == values.round(0)) & (values.abs() < LARGEST_WHOLE)).all())


def _with_levels(variable: Categorical, levels: tuple[Code, ...]) -> Categorical:
    return Categorical(
        variable.name,
        variable.column,
        levels,
        variable.reference,
        variable.labels,
        variable.label,
        variable.missing,
    )
