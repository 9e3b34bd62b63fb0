"""Published tables: what a paper printed about one comparison, and how well each number is known.

A published table is not a cohort: nobody's records are there, only counts or an effect. Every
number carries a mark: ``published`` (printed as a count), ``inferred`` (worked out from a printed
percentage, or by subtraction), ``checked`` (seen in a retrieved source), ``memory`` (recalled).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from .errors import NotEstimableError, SchemaError, StudyError, nearest, one_of

MARKS = ("published", "inferred", "checked", "memory")
TIMINGS = ("before disease", "after disease")
DESIGNS = (
    "case-control",
    "nested case-control",
    "case-cohort",
    "cohort",
    "cross-sectional",
    "twin study",
    "case series",
    "pooled analysis",
    "meta-analysis",
    "animal experiment",
)
RATIO_MEASURES = ("odds ratio", "hazard ratio", "risk ratio", "rate ratio", "relative risk")
"""Measures that are 1 when nothing happens. ``relative risk`` is a ratio whose source did not say
whether risks or rates were compared."""
OTHER_MEASURES = (
    "risk difference",
    "mean difference",
    "rank difference",
    "count difference",
    "proportion",
    "correlation",
    "p-value only",
)


@dataclass(frozen=True, slots=True)
class PublishedGroup:
    """One column of a published table: how many women, and how many of them exposed.

    exposed, total : counts of women (of specimens where the label says so); None if not found.
    exposed_provenance, total_provenance : the mark of each count; None only where the count is.
    published_share : the percentage as it was printed, for the reader; never used in arithmetic.

    Raises SchemaError for impossible counts.
    """

    label: str
    exposed: int | None
    exposed_provenance: str | None
    total: int | None
    total_provenance: str | None
    published_share: str | None = None

    def __post_init__(self) -> None:
        _count(self.label, "exposed", self.exposed, self.exposed_provenance)
        _count(self.label, "total", self.total, self.total_provenance)
        if self.exposed is None:
            return
        if self.total is None:
            raise SchemaError(
                f"group '{self.label}' has {self.exposed:,} exposed but no total: expected both, "
                "or null for the exposed."
            )
        if self.exposed > self.total:
            raise SchemaError(
                f"group '{self.label}' has {self.exposed:,} exposed of {self.total:,}: expected "
                "at most the total. Were exposed and total exchanged?"
            )

    @property
    def unexposed(self) -> int | None:
        """Women without the exposure; None if either count is unknown."""
        if self.exposed is None or self.total is None:
            return None
        return self.total - self.exposed


@dataclass(frozen=True, slots=True)
class PublishedEffect:
    """An effect as it was printed, with the measure always named.

    estimate, conf_low, conf_high : on the printed scale (a ratio, not its logarithm).
    conf_level : such as 0.95; conf_level_provenance says how it is known.
    p_value : as printed, text ("<0.001"). adjusted_for : the adjustment set; None if not known.
    note : what the effect is for, when the study printed several.
    inverted : printed the other way round than the convention (exposed against unexposed).
    provenance : the mark of estimate, limits and p-value.

    Raises SchemaError for limits that do not enclose the estimate and similar contradictions.
    """

    measure: str
    estimate: float | None
    conf_low: float | None
    conf_high: float | None
    conf_level: float | None
    conf_level_provenance: str | None
    p_value: str | None
    adjusted_for: tuple[str, ...] | None
    adjustment_note: str | None
    note: str | None
    inverted: bool
    provenance: str | None

    def __post_init__(self) -> None:
        known = RATIO_MEASURES + OTHER_MEASURES
        if self.measure not in known:
            raise SchemaError(f"unknown measure '{self.measure}': {nearest(self.measure, known)}")
        _mark("an effect", self.provenance, needed=self.estimate is not None)
        _mark("a confidence level", self.conf_level_provenance, needed=self.conf_level is not None)
        if self.inverted and self.measure not in RATIO_MEASURES:
            raise SchemaError(f"a {self.measure} cannot be inverted: only a ratio can.")
        _check_limits(self)

    @property
    def directed(self) -> "PublishedEffect":
        """The same effect in the direction of the convention: a ratio printed inverted is turned.

        The limits change places; the note says what was printed.
        """
        if not self.inverted or self.estimate is None:
            return replace(self, inverted=False)
        printed = f"printed inverted: {self.estimate:g}"
        low = high = None
        if self.conf_low is not None and self.conf_high is not None:
            low, high = 1.0 / self.conf_high, 1.0 / self.conf_low
            printed += f" ({self.conf_low:g} to {self.conf_high:g})"
        note = printed if self.note is None else f"{printed}; {self.note}"
        return replace(
            self,
            estimate=1.0 / self.estimate,
            conf_low=low,
            conf_high=high,
            note=note,
            inverted=False,
        )


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """What one paper printed about one comparison.

    id : our name for it, unique in a file. citation, year, doi : where it was printed.
    design_kind : from a closed list; design : the design in the compiler's words.
    population : who was studied. population_id : equal for tables that draw on the same people or
    source population; comparison_id : equal where the very same women were compared.
    sampled : was the exposure measured "before disease" or "after disease"; None where the
    question does not arise.
    cases, controls, other_groups : counts. effects : what was printed; the first is the main one.
    counts_note, dose, direction, notes, source_seen, provenance, confidence : the compiler's words
    on where the numbers come from.
    """

    id: str
    citation: str
    year: int
    doi: str | None
    design_kind: str
    design: str
    population: str
    population_id: str
    comparison_id: str | None
    sampled: str | None
    outcome: str
    exposure: str
    assay: str | None
    assay_provenance: str | None
    time_scale: str | None
    cases: PublishedGroup | None
    controls: PublishedGroup | None
    other_groups: tuple[PublishedGroup, ...]
    effects: tuple[PublishedEffect, ...]
    counts_note: str | None
    dose: str | None
    direction: str | None
    notes: str | None
    source_seen: str | None
    provenance: str
    confidence: str

    def __post_init__(self) -> None:
        for name in ("id", "citation", "population_id", "outcome", "exposure"):
            if not getattr(self, name).strip():
                raise SchemaError(f"'{name}' is empty: expected words.")
        if not 1900 <= self.year <= 2100:
            raise SchemaError(f"year = {self.year}: expected the year of publication, as in 2012.")
        if self.design_kind not in DESIGNS:
            raise SchemaError(
                f"design_kind = '{self.design_kind}': {nearest(self.design_kind, DESIGNS)}"
            )
        if self.sampled is not None and self.sampled not in TIMINGS:
            raise SchemaError(f"sampled = '{self.sampled}': expected {one_of(TIMINGS)}, or null.")
        _mark("a record", self.provenance, needed=True)

    @property
    def has_counts(self) -> bool:
        """Whether all four counts of the 2x2 table are known."""
        groups = (self.cases, self.controls)
        return all(group is not None and group.unexposed is not None for group in groups)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Exposed cases, exposed controls, unexposed cases, unexposed controls.

        Raises NotEstimableError when a count was not found.
        """
        known: list[int] = []
        for who, group in (("cases", self.cases), ("controls", self.controls)):
            if group is None or group.exposed is None or group.unexposed is None:
                raise NotEstimableError(
                    f"'{self.id}' has no full count of {who} by exposure: it was not found in a "
                    "source. Use its published effect, or leave the table out."
                )
            known += [group.exposed, group.unexposed]
        return known[0], known[2], known[1], known[3]

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The counts of the 2x2 table that are not marked as published, with their mark."""
        named = []
        for who, group in (("cases", self.cases), ("controls", self.controls)):
            if group is None:
                continue
            for what in ("exposed", "total"):
                mark = getattr(group, f"{what}_provenance")
                if mark not in (None, "published"):
                    named.append(f"{what} {who} {mark}")
        return tuple(named)

    def __repr__(self) -> str:
        counts = "counts known" if self.has_counts else "counts incomplete"
        return (
            f"PublishedTable({self.id}, {self.design_kind}, {counts}, {len(self.effects)} effects)"
        )


def select_tables(tables: Iterable[PublishedTable], ids: Sequence[str]) -> list[PublishedTable]:
    """The tables named by ``ids``, in that order.

    Raises StudyError for an unknown id, naming the nearest known one, and for an id named twice.
    """
    by_id = {table.id: table for table in tables}
    twice = sorted(name for name, times in Counter(ids).items() if times > 1)
    if twice:
        raise StudyError(f"the table '{twice[0]}' is named twice: a study counts once in a pool.")
    for name in ids:
        if name not in by_id:
            raise StudyError(f"no published table is called '{name}': {nearest(name, [*by_id])}")
    return [by_id[name] for name in ids]


def _mark(what: str, mark: str | None, *, needed: bool) -> None:
    if mark is None and not needed:
        return
    if mark not in MARKS:
        raise SchemaError(f"{what} has the provenance '{mark}': expected {one_of(MARKS)}.")


def _count(label: str, what: str, count: int | None, mark: str | None) -> None:
    _mark(f"the {what} of group '{label}'", mark, needed=count is not None)
    least = 1 if what == "total" else 0
    if count is not None and count < least:
        raise SchemaError(
            f"group '{label}' has {what} = {count}: expected a count of {least} or more."
        )


def _check_limits(effect: PublishedEffect) -> None:
    low, high, estimate = effect.conf_low, effect.conf_high, effect.estimate
    numbers = [number for number in (low, estimate, high) if number is not None]
    name = f"a published {effect.measure}"
    if not all(isfinite(number) for number in numbers):
        raise SchemaError(f"{name} is not finite: write null where nothing was printed.")
    if effect.measure in RATIO_MEASURES and any(number <= 0 for number in numbers):
        raise SchemaError(f"{name} is 0 or less: expected a ratio, not its logarithm.")
    if (low is None) != (high is None) or (low is not None and estimate is None):
        raise SchemaError(f"{name} has a limit without the other or without an estimate.")
    if (low is None) != (effect.conf_level is None):
        raise SchemaError(f"{name} needs conf_level exactly when it has limits.")
    if effect.conf_level is not None and not 0 < effect.conf_level < 1:
        raise SchemaError(f"conf_level = {effect.conf_level:g}: expected a share such as 0.95.")
    if numbers != sorted(numbers):
        raise SchemaError(f"{name} lies outside its limits: expected low <= estimate <= high.")
