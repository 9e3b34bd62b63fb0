"""One model of a question: its columns, and the contrasts that answer it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from cohort.cohort import Cohort, Step, step
from cohort.declaration import CLUSTER, OFFSET, STRATUM
from cohort.errors import QuestionError, SchemaError, agreeing, row_list
from cohort.variables import Binary, Categorical

from .grammar import Column, Term
from .question import Question
from .records import Flags, Floats, side_by_side
from .terms import complete, contrasts, encode, other_levels, parse, reference_word


@dataclass(frozen=True, slots=True)
class Model:
    """An exposure with one adjustment set, and perhaps one effect modifier."""

    adjustment: str
    exposure: Term
    terms: tuple[Term, ...]
    strata: tuple[str, ...]
    modifier: str | None = None

    @property
    def name(self) -> str:
        """The adjustment set, with the modifier if there is one."""
        return self.adjustment if self.modifier is None else f"{self.adjustment} by {self.modifier}"

    def variables(self) -> tuple[str, ...]:
        """Every variable the model reads, each once."""
        named = [name for term in (*self.terms, self.exposure) for name in term.names]
        modifier = [] if self.modifier is None else [self.modifier]
        return tuple(dict.fromkeys([*named, *modifier, *self.strata]))


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One row of the estimates: weights (p,) so that the log hazard ratio is weights @ beta."""

    variable: str
    contrast: str
    modifier_level: str | None
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The columns of a model, (n,) each, with their names and the comparisons they answer."""

    names: tuple[str, ...]
    vectors: tuple[Floats, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def values(self) -> Floats:
        """The columns side by side, (n, p)."""
        return side_by_side(self.vectors)

    def where(self, keep: Flags) -> tuple[Floats, ...]:
        """The columns of the records where ``keep`` (n,) is true."""
        if keep.all():
            return self.vectors
        places = np.flatnonzero(keep)
        return tuple(column[places] for column in self.vectors)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A model with the records that can answer it.

    frame : the complete records. dropped : how many were left out. steps : their Step, if any.
    """

    model: Model
    frame: pl.DataFrame
    dropped: int
    columns: Matrix

    @property
    def steps(self) -> tuple[tuple[str, Step], ...]:
        """The participant-flow row of the model, when records were left out."""
        if not self.dropped:
            return ()
        name = self.model.name
        return ((name, step(f"incomplete for the model '{name}'", self.frame)),)


def prepared(cohort: Cohort, question: Question) -> Iterator[Prepared]:
    """Each model of a question with its complete records and columns.

    Raises SchemaError when a missing value is refused; QuestionError for what was asked.
    """
    for model in models_of(cohort, question):
        kept = usable(cohort, model, question)
        frame = cohort.frame if kept.all() else cohort.frame.filter(pl.Series(kept))
        _check_references(cohort, frame, model)
        yield Prepared(model, frame, int((~kept).sum()), matrix(cohort, frame, model))


def _check_references(cohort: Cohort, frame: pl.DataFrame, model: Model) -> None:
    """Refuse to compare with a level that nobody has.

    Raises SchemaError: the comparison would silently be with another level.
    """
    compared = [*model.exposure.names, *([] if model.modifier is None else [model.modifier])]
    for name in compared:
        variable = cohort.variable(name)
        if not isinstance(variable, Categorical) or variable.reference is None:
            continue
        if frame[name].n_unique() > 1 and not (frame[name] == variable.reference).any():
            raise SchemaError(
                f"none of the {len(frame):,} records of the model '{model.name}' has the reference "
                f"level of '{name}', '{variable.word(variable.reference)}': choose a level that "
                "occurs among them as reference."
            )


def models_of(cohort: Cohort, question: Question) -> Iterator[Model]:
    """The models of a question: each adjustment set alone, then with each modifier.

    Raises QuestionError when the exposure is adjusted for itself or modifies itself, SchemaError
    for an undeclared variable.
    """
    exposure = parse(cohort, question.exposure)
    for name in question.strata:
        cohort.variable(name)
    for modifier in question.modifiers:
        if isinstance(cohort.variable(modifier), (Binary, Categorical)):
            continue
        raise QuestionError(
            f"the modifier '{modifier}' is continuous: the effect is reported within levels, so "
            "declare a Categorical of its bands."
        )
    for name, texts in question.adjustments.items():
        terms = tuple(dict.fromkeys(parse(cohort, text) for text in texts))
        for role, names in (
            (f"adjusted for in '{name}'", {n for term in terms for n in term.names}),
            ("a modifier", set(question.modifiers)),
            ("a stratum", set(question.strata)),
        ):
            if set(exposure.names) & names:
                raise QuestionError(f"the exposure '{exposure}' is {role} as well.")
        yield Model(name, exposure, terms, question.strata)
        for modifier in question.modifiers:
            yield Model(name, exposure, terms, question.strata, modifier)


def usable(cohort: Cohort, model: Model, question: Question) -> Flags:
    """Records with a value for all that the model needs, (n,).

    Raises SchemaError, counting by variable, when the question refuses missing values.
    """
    hidden = {STRATUM: "stratum", CLUSTER: "cluster", OFFSET: "offset"}
    names = [*model.variables(), *(name for name in hidden if name in cohort.frame.columns)]
    kept = complete(cohort.frame, names)
    if kept.all() or question.missing == "complete case":
        if not kept.any():
            raise SchemaError(f"no record is complete for the model '{model.name}'.")
        return kept
    told = ", ".join(
        f"'{hidden.get(name, name)}' {cohort.frame[name].null_count():,}"
        for name in names
        if cohort.frame[name].null_count()
    )
    raise SchemaError(
        f"{(~kept).sum():,} of {len(kept):,} records {agreeing((~kept).sum(), 'lack')} a value "
        f"that the model '{model.name}' "
        f"needs ({row_list(np.flatnonzero(~kept))}); missing by variable: {told}. Ask the "
        'question with missing = "complete case" to leave them out, counted, or complete them.'
    )


def matrix(cohort: Cohort, frame: pl.DataFrame, model: Model) -> Matrix:
    """The columns of a model for complete records, and its comparisons.

    The exposure stands last, so that it is the exposure that is found aliased when the
    confounders determine it: its effect is then not estimable, whatever is adjusted for.
    """
    blocks = [encode(cohort, frame, term) for term in model.terms]
    names = [name for block in blocks for name in block.names()]
    columns = [block.values for block in blocks]
    modifier_blocks: list[tuple[str, Floats]] = []
    if model.modifier is not None:
        term = Term((Column(model.modifier),))
        main = encode(cohort, frame, term)
        if term not in model.terms and model.modifier not in model.strata:
            names += main.names()
            columns.append(main.values)
        modifier_blocks = list(
            zip(_level_words(cohort, model.modifier), main.values.T, strict=True)
        )
    exposed = encode(cohort, frame, model.exposure)
    before = len(names)
    names += exposed.names()
    columns.append(exposed.values)
    k = exposed.values.shape[1]
    for level, dummy in modifier_blocks:
        names += [f"{name}:{model.modifier} {level}" for name in exposed.names()]
        columns.append(exposed.values * dummy[:, None])
    comparisons = []
    for one in contrasts(cohort, model.exposure):
        for place, row_level in enumerate(_levels(cohort, model)):
            weights = np.zeros(len(names))
            weights[before : before + k] = one.weights
            if place:
                start = before + place * k
                weights[start : start + k] = one.weights
            comparisons.append(Comparison(one.variable, one.text, row_level, weights))
    each = tuple(block[:, j] for block in columns for j in range(block.shape[1]))
    return Matrix(tuple(names), each, tuple(comparisons))


def _level_words(cohort: Cohort, name: str) -> list[str]:
    """The words of a modifier's levels but its reference, in the order of its columns."""
    variable = cohort.variable(name)
    if isinstance(variable, Categorical):
        return [variable.word(level) for level in other_levels(variable)]
    return ["yes"]


def _levels(cohort: Cohort, model: Model) -> list[str | None]:
    """What the rows of a model are labelled with: nothing, or each level of its modifier."""
    if model.modifier is None:
        return [None]
    variable = cohort.variable(model.modifier)
    reference = reference_word(variable) if isinstance(variable, Categorical) else "no"
    words = [reference, *_level_words(cohort, model.modifier)]
    return [f"{model.modifier}: {word}" for word in words]
