"""A world: everything that is true in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from hashlib import blake2b
from typing import Any

from .outcomes import Defects, Estimand, Outcome, Sampling, Target
from .sections import (
    Acquisition,
    Assay,
    Births,
    Fertility,
    Leaving,
    Level,
    Losses,
    Recruitment,
    WorldVariable,
)

DEATH = "death"
PROSE = ("note", "provenance")
DECIDING = (
    "births", "variables", "fertility", "losses", "acquisition", "level", "assay", "recruitment",
    "leaving", "outcomes", "designs", "defects",
)  # fmt: skip
"""The parts of a world that decide what is drawn from it."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A checked document. ``fingerprint`` is a hash of all that decides what is drawn from it."""

    name: str
    title: str
    description: str
    citation: tuple[str, ...]
    tensions: tuple[str, ...]
    births: Births
    variables: Mapping[str, WorldVariable]
    fertility: Fertility
    losses: Losses
    acquisition: Acquisition
    level: Level
    assay: Assay
    recruitment: Recruitment
    leaving: Leaving
    outcomes: Mapping[str, Outcome]
    designs: Mapping[str, Sampling]
    defects: Defects
    estimands: Mapping[str, Estimand]
    targets: Mapping[str, Target]

    @property
    def fingerprint(self) -> str:
        """Hash of every value that decides what is drawn; titles, sources and targets are left out.

        BLAKE2b with 16 bytes, in hexadecimal.
        """
        told = {name: _plain(getattr(self, name)) for name in DECIDING}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return blake2b(text.encode(), digest_size=16).hexdigest()


def as_document(world: World) -> dict[str, Any]:
    """The document that gives this world back: every section, keys at their defaults left out."""
    header = ("name", "title", "description", "citation", "tensions")
    told: dict[str, Any] = {"world": {name: _written(getattr(world, name)) for name in header}}
    told |= {name: _written(getattr(world, name)) for name in DECIDING}
    told |= {name: _written(getattr(world, name)) for name in ("estimands", "targets")}
    return told


def _written(value: Any) -> Any:
    if is_dataclass(value):
        kept = {}
        for told in fields(value):
            entry = getattr(value, told.name)
            default = told.name != "kind" and repr(entry) == repr(told.default)
            if entry is not None and not default and entry not in ({}, ()):
                kept[told.name] = _written(entry)
        return kept
    if isinstance(value, Mapping):
        return {key: _written(inner) for key, inner in value.items()}
    return [_written(inner) for inner in value] if isinstance(value, tuple) else value


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {
            f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in PROSE
        }
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value
