"""The sections of a world's document: the woman, her pregnancies, the cells, the assay, the study.

Ages and durations are years, rates are per person-year unless a name says otherwise. Effects are
given by term: ``bmi`` is per step of a continuous variable from its centre, ``smoking=current``
is that level against the others, ``birth_decade`` is per ten years after 1940.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from .fields import entry, provenance


@dataclass(frozen=True, slots=True)
class Births:
    """When the women were born, evenly over ``years`` (first, last), and the share of boys.

    ``late_age``: the age from which variables marked ``late`` act on hazards.
    """

    years: tuple[int, int] = entry("rising", source=False)
    male_fraction: float = entry("probability")
    late_age: float = entry("positive", 50.0, source=False)
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class BinaryVariable:
    """Yes or no: ``probability`` where every term is 0, shifted on the log odds by ``given``."""

    probability: float = entry("probability")
    given: Mapping[str, float] = entry("number by term", {})
    kind: str = entry("text", "binary")
    measured: str = entry("text", "enrolment")
    late: bool = entry("flag", False)
    note: str = entry("text", "")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class ContinuousVariable:
    """Normal with ``mean`` and ``sd``, or with kind "lognormal" ``exp`` of a normal.

    For a lognormal variable ``mean`` and ``sd`` are those of the natural logarithm, and ``given``
    shifts the logarithm. ``centre`` and ``per`` (in ``unit``) define the term of an effect.
    """

    mean: float = entry("number")
    sd: float = entry("positive")
    unit: str = entry("text", "")
    centre: float = entry("number", 0.0, source=False)
    per: float = entry("positive", 1.0, source=False)
    given: Mapping[str, float] = entry("number by term", {})
    kind: str = entry("text", "normal")
    measured: str = entry("text", "enrolment")
    late: bool = entry("flag", False)
    note: str = entry("text", "")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class CategoricalVariable:
    """Named levels with ``probabilities``; the first level is the reference.

    ``given`` shifts the log odds of a level against the first.
    """

    levels: tuple[str, ...] = entry("texts")
    probabilities: tuple[float, ...] = entry("probabilities")
    given: Mapping[str, Mapping[str, float]] = entry("number by term by level", {})
    kind: str = entry("text", "categorical")
    measured: str = entry("text", "enrolment")
    late: bool = entry("flag", False)
    note: str = entry("text", "")
    provenance: Mapping[str, str] = provenance()


WorldVariable = BinaryVariable | ContinuousVariable | CategoricalVariable
VARIABLE_KINDS: Mapping[str, Any] = {
    "binary": BinaryVariable,
    "normal": ContinuousVariable,
    "lognormal": ContinuousVariable,
    "categorical": CategoricalVariable,
}
MEASURED = ("register", "enrolment", "never")
"""Where a variable can be seen by an analysis: in ``persons``, in ``enrolment``, or only latent."""


@dataclass(frozen=True, slots=True)
class Fertility:
    """Live births: whether, when first, and whether another after a gap.

    ``childless`` is a probability shifted on the log odds by ``childless_given``. The first birth
    is normal, moved into ``ages``. ``progression[k]`` is the probability of a birth after the
    (k+1)th, the last entry for all later ones, changed by ``progression_per_year`` for each year
    of age at the last birth beyond 25. The gap is ``shortest_gap`` plus a lognormal.
    """

    childless: float = entry("probability")
    first_birth: float = entry("positive")
    first_birth_sd: float = entry("positive")
    ages: tuple[float, float] = entry("rising")
    progression: tuple[float, ...] = entry("probabilities")
    shortest_gap: float = entry("positive")
    median_gap: float = entry("positive")
    log_gap_sd: float = entry("positive")
    progression_per_year: float = entry("number", 0.0)
    childless_given: Mapping[str, float] = entry("number by term", {})
    first_birth_given: Mapping[str, float] = entry("number by term", {})
    progression_given: Mapping[str, float] = entry("number by term", {})
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Losses:
    """Pregnancies that end without a birth: probabilities within each interval between births.

    Intervals run from 16 years or the birth before to the conception of the next birth or age 45;
    each holds at most one miscarriage (first half) and one induced abortion (second half).
    """

    miscarriage: float = entry("probability")
    abortion: float = entry("probability")
    miscarriage_given: Mapping[str, float] = entry("number by term", {})
    abortion_given: Mapping[str, float] = entry("number by term", {})
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How male cells enter and leave: a latent process.

    Probabilities that a male fetus, a male-donor transfusion or an older brother's cells engraft;
    ``odds_ratio`` multiplies the odds of all sources, ``compatible_odds_ratio`` those of HLA
    compatible ones (probability ``compatible``); ``loss_rate`` is the hazard at which a graft is
    lost. ``transfusion_rate`` is that of a first transfusion from age 15, half of them from men.
    ``spontaneous`` is a graft present from birth with no recorded source.
    """

    son: float = entry("probability")
    miscarriage: float = entry("probability")
    abortion: float = entry("probability")
    transfusion: float = entry("probability")
    older_brother: float = entry("probability")
    transfusion_rate: float = entry("hazard")
    loss_rate: float = entry("hazard")
    compatible: float = entry("probability")
    compatible_odds_ratio: float = entry("ratio")
    spontaneous: float = entry("probability", 0.0)
    odds_ratio: float = entry("ratio", 1.0)
    given: Mapping[str, float] = entry("number by term", {})
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Level:
    """Male genome equivalents per million of a woman with male cells: lognormal."""

    median_per_million: float = entry("positive")
    log10_sd: float = entry("hazard")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Assay:
    """The laboratory: sensitivity and specificity follow from it and from the level.

    ``genome_equivalents`` of DNA are spread over ``wells``; each male genome amplifies with
    probability ``amplification``; a well is contaminated with probability ``contamination``; the
    sample is called positive when at least ``positive_wells`` wells are.
    """

    genome_equivalents: float = entry("positive")
    wells: int = entry("count")
    amplification: float = entry("probability")
    contamination: float = entry("probability")
    positive_wells: int = entry("count")
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Recruitment:
    """Who is invited and takes part.

    Women are invited on a day drawn evenly within ``dates``; those of ``ages`` (lower limit
    included, upper excluded) who are alive, resident, free of ``free_of`` and who have what
    ``require`` says ("nothing", "birth" or "son") take part with a probability shifted by
    ``given``.
    """

    dates: tuple[date, date] = entry("dates", source=False)
    ages: tuple[float, float] = entry("rising", source=False)
    participation: float = entry("probability")
    given: Mapping[str, float] = entry("number by term", {})
    free_of: tuple[str, ...] = entry("texts", ())
    require: str = entry("text", "nothing")
    no_losses: bool = entry("flag", False)
    provenance: Mapping[str, str] = provenance()


@dataclass(frozen=True, slots=True)
class Leaving:
    """Emigration at a constant rate from age 18, and the last day of the study."""

    emigration: float = entry("hazard")
    end: date = entry("date", source=False)  # noqa: RUF009
    given: Mapping[str, float] = entry("number by term", {})
    provenance: Mapping[str, str] = provenance()
