"""The words of a study document for designs, variables, estimators and their settings."""

from typing import Any

from cohort import (
    Binary,
    CaseCohort,
    CaseControl,
    Categorical,
    Continuous,
    FullCohort,
    NestedCaseControl,
)

from ..cox.estimator import Cox
from ..descriptive import IncidenceRate, KaplanMeier
from ..inference import Firth, Profile, Wald
from ..logistic import ConditionalLogistic, Logistic
from ..weightings import (
    BorganI,
    BorganII,
    Conditional,
    LinYing,
    ModelBased,
    Prentice,
    Robust,
    Samuelsen,
    SelfPrentice,
    TwoPhase,
)
from .sources import DatasetSource, FileSource, PublishedSource, WorldSource

SOURCES: dict[str, type[Any]] = {
    "file": FileSource,
    "dataset": DatasetSource,
    "world": WorldSource,
    "published": PublishedSource,
}

DESIGNS: dict[str, type[Any]] = {
    "full-cohort": FullCohort,
    "case-cohort": CaseCohort,
    "nested-case-control": NestedCaseControl,
    "case-control": CaseControl,
}
VARIABLES: dict[str, type[Any]] = {
    "continuous": Continuous,
    "categorical": Categorical,
    "binary": Binary,
}
ESTIMATORS: dict[str, type[Any]] = {
    "cox": Cox,
    "logistic": Logistic,
    "conditional-logistic": ConditionalLogistic,
    "kaplan-meier": KaplanMeier,
    "incidence-rate": IncidenceRate,
}
WEIGHTINGS: dict[str, type[Any]] = {
    "prentice": Prentice,
    "self-prentice": SelfPrentice,
    "lin-ying": LinYing,
    "borgan-i": BorganI,
    "borgan-ii": BorganII,
    "conditional": Conditional,
    "samuelsen": Samuelsen,
}
VARIANCES: dict[str, type[Any]] = {
    "model": ModelBased,
    "robust": Robust,
    "two-phase": TwoPhase,
}
INFERENCES: dict[str, type[Any]] = {"wald": Wald, "profile": Profile, "firth": Firth}
SETTINGS = {"weighting": WEIGHTINGS, "variance": VARIANCES, "inference": INFERENCES}
"""Settings of an estimator that are values with a name of their own."""
