"""How limits and p-values are made from a likelihood: values to name in an estimator."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wald:
    """Estimate and standard error on the log scale; needs a likelihood that is nearly normal."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits where the profile likelihood falls by the chi-square quantile; likelihood ratio test.

    For sparse exposure: right where Wald limits are not, and one-sided where the likelihood is
    monotone. Venzon and Moolgavkar (1988), Applied Statistics 37:87-94.
    """


@dataclass(frozen=True, slots=True)
class Firth:
    """Firth's penalised likelihood with its own profile limits: finite even when monotone.

    Heinze and Schemper (2001), Biometrics 57:114-119.
    """


Inference = Wald | Profile | Firth
"""Profile and Firth limits need independent records and unweighted risk sets."""
