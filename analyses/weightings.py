"""How the records of a sampled design are weighted: values to name in an estimator."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cohort.errors import QuestionError, one_of


def choices(kinds: Sequence[type]) -> str:
    """The kinds to choose from, as Python and as a study document name them."""
    names = [kind.__name__ for kind in kinds]
    words = [
        re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name.removesuffix("Based")).lower() for name in names
    ]
    return f"{one_of([f'{name}()' for name in names])} (in a study document {one_of(words)})"


def check_setting(role: str, given: object, kinds: tuple[type, ...]) -> None:
    """Refuse a setting that is none of its kinds: a word or a class would be taken for a default.

    Raises QuestionError.
    """
    if isinstance(given, kinds):
        return
    what = f"{type(given).__name__}"
    if isinstance(given, str):
        what = f"'{given}'"
    if isinstance(given, type):
        what = f"the class {given.__name__}, not a value of it"
    raise QuestionError(f"{role} = {what}: expected {choices(kinds)}.")


@dataclass(frozen=True, slots=True)
class Prentice:
    """Risk sets of the subcohort, joined by the failing case at its own failure.

    Prentice (1986), Biometrika 73:1-11.
    """


@dataclass(frozen=True, slots=True)
class SelfPrentice:
    """Risk sets of the subcohort alone; ties by Breslow.

    Self and Prentice (1988), Annals of Statistics 16:64-81.
    """


@dataclass(frozen=True, slots=True)
class LinYing:
    """All cases with weight 1, subcohort members that are no cases with (N - D) / (m - d).

    Lin and Ying (1993), JASA 88:1341-1349; Kalbfleisch and Lawless (1988).
    """


@dataclass(frozen=True, slots=True)
class BorganI:
    """Stratified subcohort alone in the risk sets, weighted N / m by stratum; ties by Breslow.

    Borgan et al. (2000), Lifetime Data Analysis 6:39-58, estimator I.
    """


@dataclass(frozen=True, slots=True)
class BorganII:
    """As Lin and Ying, with the weights of each sampling stratum.

    Borgan et al. (2000), Lifetime Data Analysis 6:39-58, estimator II.
    """


@dataclass(frozen=True, slots=True)
class Conditional:
    """Matched sets: each case against its own controls, the sampled partial likelihood.

    Thomas (1977), JRSS A 140:483; Borgan, Goldstein and Langholz (1995), Ann Stat 23:1749-1778.
    """


@dataclass(frozen=True, slots=True)
class Samuelsen:
    """Nested case-control with the match broken: weights 1 / P(ever drawn).

    Samuelsen (1997), Biometrika 84:379-394.
    """


CaseCohortWeighting = Prentice | SelfPrentice | LinYing | BorganI | BorganII
NestedWeighting = Conditional | Samuelsen
Weighting = CaseCohortWeighting | NestedWeighting


@dataclass(frozen=True, slots=True)
class ModelBased:
    """The inverse of the information: right when the model is and persons are independent."""


@dataclass(frozen=True, slots=True)
class Robust:
    """Sums over clusters (else persons) of squared influence, with no small-sample factor.

    Lin and Wei (1989), JASA 84:1074-1078. fewest_clusters : a count below this is noted.
    """

    fewest_clusters: int = 30


@dataclass(frozen=True, slots=True)
class TwoPhase:
    """The variance in the cohort plus that of drawing the sample, kept apart.

    phase_one : "model" takes the inverse information for the first part; "robust" the sum of
    squared influence weighted to the cohort (Lin and Ying's, Borgan's II only).
    """

    phase_one: Literal["model", "robust"] = "model"

    def __post_init__(self) -> None:
        if self.phase_one not in ("model", "robust"):
            raise QuestionError(
                f"phase_one = '{self.phase_one}' is not known: expected 'model' or 'robust'."
            )


Variance = ModelBased | Robust | TwoPhase
WEIGHTINGS: tuple[type, ...] = get_args(Weighting)
VARIANCES: tuple[type, ...] = get_args(Variance)
