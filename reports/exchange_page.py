"""The end of an exchange between owners: its estimates in JSON, and as a page."""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from analyses.federated.coordinator import Federated
from analyses.federated.messages import Opening
from analyses.federated.tasks import document_hash

from . import numbers
from .checksums import version_of
from .content import Block, Details, Listing, Page, Row, Section, Table
from .numbers import NOTHING, WITHHELD
from .sources import Document

ESTIMATES = "estimates.json"
WHAT_IT_IS = (
    "The sites kept their records. Each sent the coordinator sums over all its persons: the "
    "log-likelihood, its slope and its curvature, and the squares that its variance is made of. "
    "Added up, they are those of one Cox regression of all records with a separate baseline "
    "hazard at each site, and so are the estimates."
)
NOT_SHOWN = (
    "Baseline hazards, curves and tests of proportional hazards need event times, which stayed "
    "at the sites: each can run them on its own records.",
    "A person whose records stand at two sites counts as two persons.",
    "Whether the sites recorded exposure, confounders and outcome in the same way is not seen in "
    "sums: compare what each site's own check tells.",
)


def estimates_json(document: Document, found: Federated) -> str:
    """The estimates with every digit, and what they were made from."""
    told: dict[str, Any] = {
        "study": document.study.title,
        "document": document_hash(document.study),
        "microcohort": version_of("microcohort"),
        "sites": list(found.sites),
        "rounds": found.rounds,
        "estimates": [
            {"method": one.method, "rows": one.frame.to_dicts()} for one in found.estimates
        ],
    }
    return json.dumps(_finite(told), allow_nan=False, indent=1, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON knows no infinity: an infinite limit is written as the word."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "infinite"
    return None if isinstance(value, float) and value != value else value


def exchange_page(
    document: Document, found: Federated, openings: Sequence[Sequence[Opening]]
) -> Page:
    """The page of an exchange; openings : by site, in the order of its models."""
    study = document.study
    words: list[Section] = []
    if study.report.limitations:
        words.append(Section("Limits", (Listing(study.report.limitations),)))
    sections = (
        Section("Question", tuple(study.report.background) or (study.question,)),
        Section("Methods", (WHAT_IT_IS, Listing(tuple(one.method for one in found.estimates)))),
        Section("Sites", (_sites(found, openings),)),
        Section("Hazard ratios", tuple(_table(one.frame) for one in found.estimates)),
        *words,
        Section("What this does not show", (Listing((*study.report.not_shown, *NOT_SHOWN)),)),
        Section("Provenance", _provenance(document, found)),
    )
    return Page(study.title, sections, study.question, "Cohort study between owners")


def _sites(found: Federated, openings: Sequence[Sequence[Opening]]) -> Table:
    """How many persons and events each site has in the first model."""
    by_site = zip(found.sites, openings, strict=True)
    rows = tuple(
        Row((site, _count(models[0].persons), _count(models[0].events))) for site, models in by_site
    )
    note = "Of the first model. A count of too few persons is withheld by the site itself."
    return Table("The sites", ("Site", "Persons", "Events"), rows, (note,))


def _count(count: int | None) -> str:
    return WITHHELD if count is None else numbers.count(count)


def _table(frame: pl.DataFrame) -> Table:
    rows = tuple(
        Row(
            (
                str(row["variable"]),
                str(row["contrast"])
                + ("" if row["modifier_level"] is None else f" ({row['modifier_level']})"),
                str(row["adjustment"]),
                _count(row["events"]),
                numbers.ratio(row["estimate"]),
                numbers.interval(row["conf_low"], row["conf_high"]),
                numbers.p_value(row["p_value"]),
                str(row["variance"] or NOTHING),
                str(row["note"] or ""),
            )
        )
        for row in frame.iter_rows(named=True)
    )
    level = numbers.level(frame["conf_level"][0])
    header = (
        "Variable", "Contrast", "Adjusted for", "Events", "Hazard ratio", f"{level} interval", "p",
        "Variance", "Note",
    )  # fmt: skip
    return Table("All estimates", header, rows, (), (0, 1, 2, 7, 8))


def _provenance(document: Document, found: Federated) -> tuple[Block, ...]:
    rows = (
        Row(("The study document, what it says (SHA-256)", document_hash(document.study))),
        Row(("microcohort, the same at every site", version_of("microcohort"))),
        Row(("Rounds of sums", str(found.rounds))),
    )
    table = Table("What the estimates were made from", ("What", "Which"), rows, (), (0, 1))
    return (table, Details("The study document, whole", document.text))
