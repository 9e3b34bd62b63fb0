"""What a published table says about carriage, in closed form, and which assays rule it out."""

from dataclasses import dataclass

from cohort.errors import StudyError


@dataclass(frozen=True, slots=True)
class Implied:
    """What positivity in controls and cases means for true carriage, given an assay."""

    carriage_controls: float
    carriage_cases: float
    odds_ratio: float


def true_carriage(positive: float, sensitivity: float, specificity: float, group: str) -> float:
    """Share with male cells that gives a share of positive samples (Rogan and Gladen 1978).

    Am J Epidemiol 107:71-6, equation 1. Raises StudyError, with the reason, when no share can.
    """
    if sensitivity + specificity <= 1:
        raise StudyError(
            f"sensitivity {sensitivity:.3f} and specificity {specificity:.3f}: the assay tells "
            "nothing, since they must sum to more than 1."
        )
    if positive > sensitivity:
        raise StudyError(
            f"{positive:.1%} positive {group} cannot be reached: no more than the sensitivity, "
            f"{sensitivity:.3f}, are positive even if all carry male cells. A sensitivity of at "
            f"least {positive:.3f} is needed."
        )
    if positive < 1 - specificity:
        raise StudyError(
            f"{positive:.1%} positive {group} cannot be reached: false positives alone are "
            f"{1 - specificity:.1%}. A specificity of at least {1 - positive:.3f} is needed."
        )
    return (positive - (1 - specificity)) / (sensitivity + specificity - 1)


def implied(
    positive_controls: float, positive_cases: float, *, sensitivity: float, specificity: float
) -> Implied:
    """True carriage in both groups and its odds ratio, from published positivity.

    Raises StudyError when the assay cannot have produced the table.
    """
    controls = true_carriage(positive_controls, sensitivity, specificity, "controls")
    cases = true_carriage(positive_cases, sensitivity, specificity, "cases")
    if controls in (0.0, 1.0) or cases == 1.0:
        return Implied(controls, cases, float("inf"))
    return Implied(controls, cases, cases / (1 - cases) * (1 - controls) / controls)
