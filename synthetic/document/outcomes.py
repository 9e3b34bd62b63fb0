"""The outcomes of a world's document: baseline hazards, effects, excess mortality."""

from collections.abc import Mapping
from dataclasses import dataclass

from .fields import entry, provenance


@dataclass(frozen=True, slots=True)
class Outcome:
    """One first event, such as a diagnosis; "death" ends everything else.

    ages, per_100000 : baseline hazard by band of whole years of age, per 100,000 woman-years;
    the first band starts at ``ages[0]``, before it the hazard is 0, the last band has no end.
    baseline_ratios : one for each band, multiplies it: what brings the rate of all women, with
    everybody's effects, back to ``per_100000``. scale : multiplies the whole baseline.
    effects : hazard ratio by term. chimerism : hazard ratio while male cells are present.
    compatible_chimerism : a further ratio while an HLA-compatible graft is present.
    per_birth : hazard ratio per live birth so far. parous : ratio once there is a birth.
    years_since_birth, since_birth_ratios : steps of time since the last birth, from 0, and the
    hazard ratio against no birth from each of them on.
    excess_from, excess_death : years since this diagnosis, from 0, and the added hazard of death
    per person-year from each of them on.
    """

    ages: tuple[float, ...] = entry("rising", source=False)
    per_100000: tuple[float, ...] = entry("hazards")
    baseline_ratios: tuple[float, ...] = entry("ratios", ())
    scale: float = entry("ratio", 1.0)
    effects: Mapping[str, float] = entry("ratio by term", {})
    chimerism: float = entry("ratio", 1.0)
    compatible_chimerism: float = entry("ratio", 1.0)
    per_birth: float = entry("ratio", 1.0)
    parous: float = entry("ratio", 1.0)
    years_since_birth: tuple[float, ...] = entry("rising", (), source=False)
    since_birth_ratios: tuple[float, ...] = entry("ratios", ())
    excess_from: tuple[float, ...] = entry("rising", (), source=False)
    excess_death: tuple[float, ...] = entry("hazards", ())
    note: str = entry("text", "")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Sampling:
    """A sampling design laid over the enrolled women.

    kind : "case-cohort", "nested case-control" or "case-control".
    subcohort : women drawn at entry. strata : a column of persons or enrolment to stratify by.
    controls : for each case (nested), or in all (case-control). cases : at most so many cases, 0
    for all. years_before : for a case-control study, cases are women diagnosed within so many
    years before their blood was drawn; 0 takes those diagnosed during follow-up.
    """

    kind: str = entry("text")
    outcome: str = entry("text")
    subcohort: int = entry("count", 0, source=False)
    strata: str = entry("text", "")
    controls: int = entry("count", 0, source=False)
    cases: int = entry("count", 0, source=False)
    years_before: float = entry("hazard", 0.0, source=False)
    note: str = entry("text", "")


@dataclass(frozen=True, slots=True)
class Missingness:
    """Values of one enrolment variable that are lost.

    mechanism : "MCAR" (no ``given``), "MAR" (``given`` other observed variables) or "MNAR"
    (``given`` may hold the variable itself); ``given`` shifts the log odds of ``probability``.
    """

    mechanism: str = entry("text")
    probability: float = entry("probability")
    given: Mapping[str, float] = entry("number by term", {})
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class InformativeCensoring:
    """Emigration during follow-up depends on what also drives the outcomes (log hazard by term)."""

    given: Mapping[str, float] = entry("number by term")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class ReverseCausation:
    """A disease that is coming takes the signal away before it is diagnosed.

    Of women diagnosed with ``outcome`` within ``years`` after the blood sample, ``probability``
    have lost their male cells from it.
    """

    outcome: str = entry("text")
    years: float = entry("positive")
    probability: float = entry("probability")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class DifferentialAssay:
    """The samples of women who become cases of ``outcome`` amplify worse (or better).

    Their amplification is multiplied by ``amplification_ratio``.
    """

    outcome: str = entry("text")
    amplification_ratio: float = entry("ratio")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class UnmeasuredConfounding:
    """A latent variable acts on engraftment (log odds) and on the hazards of outcomes (ratio)."""

    variable: str = entry("text")
    engraftment: float = entry("number")
    outcomes: Mapping[str, float] = entry("ratio by term")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Defects:
    """The switches: what goes wrong between the truth and the data. All are off by default."""

    missing: Mapping[str, Missingness]
    informative_censoring: InformativeCensoring | None = None
    reverse_causation: ReverseCausation | None = None
    differential_assay: DifferentialAssay | None = None
    unmeasured_confounding: UnmeasuredConfounding | None = None


@dataclass(frozen=True, slots=True)
class Estimand:
    """A contrast whose truth is written beside the world: see ``synthetic.truth.contrast``.

    cause set to ``value`` against ``versus`` (numbers as numbers or names of levels as text), from
    age ``start`` on, or from each woman's recruitment when ``at_recruitment``; risks at ``until``.
    """

    outcome: str = entry("text")
    cause: str = entry("text")
    value: float | str = entry("number or text", 1)
    versus: float | str = entry("number or text", 0)
    start: float = entry("positive", 50.0, source=False)
    at_recruitment: bool = entry("flag", False)
    until: tuple[float, ...] = entry("rising", (65, 75), source=False)
    note: str = entry("text", "")


@dataclass(frozen=True, slots=True)
class Target:
    """A published number that the world is meant to reproduce.

    quantity : see ``synthetic.calibration``. outcome : whose. value : the target. low, high : the
    range that counts as reached. counts : published counts, cases then controls, positive and all.
    """

    quantity: str = entry("text")
    value: float = entry("number")
    low: float = entry("number", source=False)
    high: float = entry("number", source=False)
    outcome: str = entry("text", "")
    fitted: str = entry("text", "")
    reached: float = entry("number", float("nan"), source=False)
    note: str = entry("text", "")
    provenance: Mapping[str, str] = provenance()
