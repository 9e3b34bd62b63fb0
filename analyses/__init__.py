"""Questions become estimates."""

from .cox.estimator import Cox
from .curve import Curve
from .descriptive import IncidenceRate, KaplanMeier
from .estimate import Estimates
from .inference import Firth, Profile, Wald
from .logistic import ConditionalLogistic, Logistic
from .question import Question
from .weightings import (
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

__all__ = [
    "BorganI",
    "BorganII",
    "Conditional",
    "ConditionalLogistic",
    "Cox",
    "Curve",
    "Estimates",
    "Firth",
    "IncidenceRate",
    "KaplanMeier",
    "LinYing",
    "Logistic",
    "ModelBased",
    "Prentice",
    "Profile",
    "Question",
    "Robust",
    "Samuelsen",
    "SelfPrentice",
    "TwoPhase",
    "Wald",
]
