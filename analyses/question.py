"""A question: which exposure, which outcome, adjusted for what, within what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from cohort.errors import QuestionError, one_of

Missing = Literal["refuse", "complete case"]
MISSING_RULES = ("refuse", "complete case")


@dataclass(frozen=True, slots=True)
class Question:
    """The roles that columns play in one analysis.

    exposure : a term, such as ``histology``, ``log(bilirubin)`` or
    ``rcs(age, knots=[50, 55, 60], reference=55)``. outcome : a declared outcome; the cohort's own
    without it. adjustments : named sets of terms, ``{"crude": [], "age": ["age"]}``.
    modifiers : variables within whose levels the effect is reported as well. strata : variables
    with a separate baseline hazard in each level. missing : "refuse" raises when a value that a
    model needs is missing; "complete case" leaves those records out, model by model, and says so.

    Raises QuestionError when a field is not of this form.
    """

    exposure: str
    outcome: str | None = None
    adjustments: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"crude": ()})
    modifiers: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    missing: Missing = "refuse"

    def __post_init__(self) -> None:
        if not isinstance(self.exposure, str):
            raise QuestionError(
                f"exposure= is {type(self.exposure).__name__}: expected the text of one term, such "
                "as 'smoker'; ask a question for each exposure."
            )
        if not (self.outcome is None or isinstance(self.outcome, str)):
            raise QuestionError(
                f"outcome = {type(self.outcome).__name__}: expected the name of a declared outcome."
            )
        if not isinstance(self.adjustments, Mapping):
            raise QuestionError(
                "adjustments= names each set of confounders: {'crude': [], 'age': ['age']}."
            )
        for name, terms in self.adjustments.items():
            if isinstance(terms, str):
                raise QuestionError(
                    f"adjustment set '{name}' is one text: write a list of terms, ['{terms}']."
                )
            _check_names(terms, f"adjustment set '{name}'", "terms")
        for role in ("modifiers", "strata"):
            if isinstance(getattr(self, role), str):
                raise QuestionError(f"{role}= is one text: write a tuple of variable names.")
            _check_names(getattr(self, role), role, "variable names")
            object.__setattr__(self, role, tuple(getattr(self, role)))
        if self.missing not in MISSING_RULES:
            raise QuestionError(
                f"missing = '{self.missing}' is not known: expected {one_of(MISSING_RULES)}."
            )
        sets = {name: tuple(terms) for name, terms in self.adjustments.items()} or {"crude": ()}
        object.__setattr__(self, "adjustments", MappingProxyType(sets))


def _check_names(given: object, whose: str, what: str) -> None:
    """Refuse anything but several texts.

    Raises QuestionError.
    """
    if not (isinstance(given, Iterable) and all(isinstance(one, str) for one in given)):
        raise QuestionError(f"{whose} is no list of texts: expected {what}, each as text.")
