"""Small worlds for tests, whole documents in Python, and changes to shipped ones."""

import copy
from datetime import date
from typing import Any

from synthetic.document.reading import resolved, world_from
from synthetic.document.world import World


def with_sources(section: dict[str, Any]) -> dict[str, Any]:
    """Every key named as assumed, so that only what a test is about can fail."""
    return {**section, "provenance": {key: "assumed: a test" for key in section}}


def plain_document() -> dict[str, Any]:
    """A world with constant hazards, one son at most, cells from birth in half of the women."""
    death = {"ages": [0], "per_100000": [2000.0]}
    told = {"breast": {"ages": [0], "per_100000": [1000.0]}, "death": death}
    return {
        "world": {"name": "plain"},
        "births": with_sources({"years": [1940, 1945], "male_fraction": 0.5}),
        "fertility": with_sources(
            {
                "childless": 0.2,
                "first_birth": 25.0,
                "first_birth_sd": 3.0,
                "ages": [16, 44],
                "progression": [0.5],
                "shortest_gap": 1.0,
                "median_gap": 2.0,
                "log_gap_sd": 0.5,
            }
        ),
        "losses": with_sources({"miscarriage": 0.1, "abortion": 0.1}),
        "acquisition": with_sources(
            {
                "son": 0.0,
                "miscarriage": 0.0,
                "abortion": 0.0,
                "transfusion": 0.0,
                "older_brother": 0.0,
                "spontaneous": 0.5,
                "transfusion_rate": 0.0,
                "loss_rate": 0.0,
                "compatible": 0.1,
                "compatible_odds_ratio": 1.0,
            }
        ),
        "level": with_sources({"median_per_million": 20, "log10_sd": 0.5}),
        "assay": with_sources(
            {
                "genome_equivalents": 1e9,
                "wells": 4,
                "amplification": 1.0,
                "contamination": 0.0,
                "positive_wells": 1,
            }
        ),
        "recruitment": with_sources(
            {
                "dates": [date(1995, 1, 1), date(1996, 12, 31)],
                "ages": [50, 60],
                "participation": 0.8,
                "free_of": ["breast"],
            }
        ),
        "leaving": with_sources({"emigration": 0.002, "end": date(2010, 12, 31)}),
        "outcomes": {name: with_sources(table) for name, table in told.items()},
        "variables": {},
        "designs": {},
    }


def changed(document: dict[str, Any] | str, *changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy of a document (or of a shipped world) with values set by dotted path."""
    copied = copy.deepcopy(resolved(document) if isinstance(document, str) else document)
    for path, value in changes:
        *tables, key = path.split(".")
        section = copied
        for table in tables:
            section = section.setdefault(table, {})
        section[key] = value
        section.setdefault("provenance", {})[key] = "assumed: a test"
    return copied


def world(document: dict[str, Any] | str, *changes: tuple[str, Any]) -> World:
    """A checked world from a changed document."""
    return world_from(changed(document, *changes))
