"""Sampling designs: how the persons of a cohort came to be measured.

A design is a fact about the cohort. How its estimates are weighted belongs to the estimator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .errors import DesignError
from .variables import Code


@dataclass(frozen=True, slots=True)
class FullCohort:
    """Everyone was measured."""

    @property
    def sampled(self) -> bool:
        """Whether the persons are a sample of the cohort: no."""
        return False

    def columns(self) -> tuple[str, ...]:
        """The columns that it reads: none."""
        return ()


@dataclass(frozen=True, slots=True)
class CaseCohort:
    """A random subcohort drawn at entry, and every case.

    subcohort : a boolean or 0/1 column: was the person drawn into the subcohort.
    cohort_size : persons in the cohort before sampling, all or ``{stratum: persons}``; may be left
    out only when the data hold the whole cohort.
    stratum : the column by which the subcohort was drawn, if it was stratified.
    cases : the outcomes whose cases were all measured; the declared outcome alone without it.
    drawn : persons drawn into the subcohort, in the form of cohort_size; counted by the door, so
    that the share drawn stays known when the cohort is restricted later.

    Prentice (1986), Biometrika 73:1-11; Borgan et al. (2000), Lifetime Data Anal 6:39-58.
    """

    subcohort: str
    cohort_size: int | Mapping[Code, int] | None = None
    stratum: str | None = None
    cases: tuple[str, ...] = ()
    drawn: int | Mapping[Code, int] | None = None

    def __post_init__(self) -> None:
        size = self.cohort_size
        if isinstance(size, Mapping):
            if self.stratum is None:
                raise DesignError(
                    "cohort_size is given by stratum, but the case-cohort design names no "
                    "stratum= column."
                )
            object.__setattr__(self, "cohort_size", MappingProxyType(dict(size)))
            sizes = list(size.values())
        else:
            sizes = [] if size is None else [size]
        if any(persons != int(persons) or persons < 1 for persons in sizes):
            raise DesignError("cohort_size must be whole numbers of persons, each at least 1.")

    @property
    def sampled(self) -> bool:
        """Whether the persons are a sample of the cohort: yes."""
        return True

    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return (self.subcohort,) if self.stratum is None else (self.subcohort, self.stratum)


@dataclass(frozen=True, slots=True)
class NestedCaseControl:
    """Cases, each with controls drawn from those at risk when the case occurred.

    matched_set : the column that names the set. case : a boolean or 0/1 column that says which
    record is the case of its set; the event column without it. A woman who becomes a case later
    may serve as a control before: her own event then says "yes" while this column says "no".
    inclusion : optional column with the probability that the person was ever drawn (Samuelsen
    1997, Biometrika 84:379-394); a sampler of ours writes it, with the risk-set sizes.
    at_risk : optional column with the number at risk in the set when its controls were drawn.
    """

    matched_set: str
    case: str | None = None
    inclusion: str | None = None
    at_risk: str | None = None

    @property
    def sampled(self) -> bool:
        """Whether the persons are a sample of the cohort: yes."""
        return True

    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        named = (self.matched_set, self.case, self.inclusion, self.at_risk)
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True, slots=True)
class CaseControl:
    """Cases and controls from a source population whose follow-up is not recorded.

    matched_set : the column that names the matched set; None for an unmatched study.
    fractions : optional sampling fractions of cases and controls, ``{"case": .., "control": ..}``.
    """

    matched_set: str | None = None
    fractions: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fractions", MappingProxyType(dict(self.fractions)))
        for group, fraction in self.fractions.items():
            if group not in ("case", "control") or not 0 < fraction <= 1:
                raise DesignError(
                    "fractions of a case-control design are {'case': f, 'control': f}, each above "
                    "0 and at most 1."
                )

    @property
    def sampled(self) -> bool:
        """Whether the persons are a sample of the cohort: yes."""
        return True

    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return () if self.matched_set is None else (self.matched_set,)


Design = FullCohort | CaseCohort | NestedCaseControl | CaseControl
