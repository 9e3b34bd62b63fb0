"""Questions become estimates."""

from .cox import Cox
from .curve import Curve
from .estimate import Estimates
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
    "Cox",
    "Curve",
    "Estimates",
    "LinYing",
    "ModelBased",
    "Prentice",
    "Question",
    "Robust",
    "Samuelsen",
    "SelfPrentice",
    "TwoPhase",
]
