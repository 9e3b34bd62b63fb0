"""Read a world's document: TOML, what it extends, every key checked."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cohort.errors import StudyError, nearest, one_of

from .checks import check_world
from .fields import read_section
from .outcomes import (
    Defects,
    DifferentialAssay,
    Estimand,
    InformativeCensoring,
    Missingness,
    Outcome,
    ReverseCausation,
    Sampling,
    Target,
    UnmeasuredConfounding,
)
from .sections import (
    VARIABLE_KINDS,
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
from .world import World

WORLDS = Path(__file__).parent.parent / "worlds"
HEADER = ("name", "title", "description", "citation", "extends", "outcomes", "tensions")
SINGLE: Mapping[str, Any] = {
    "births": Births,
    "fertility": Fertility,
    "losses": Losses,
    "acquisition": Acquisition,
    "level": Level,
    "assay": Assay,
    "recruitment": Recruitment,
    "leaving": Leaving,
}
SWITCHES: Mapping[str, Any] = {
    "informative_censoring": InformativeCensoring,
    "reverse_causation": ReverseCausation,
    "differential_assay": DifferentialAssay,
    "unmeasured_confounding": UnmeasuredConfounding,
}
SECTIONS = ("world", *SINGLE, "variables", "outcomes", "designs", "defects", "estimands", "targets")


def shipped_worlds() -> tuple[str, ...]:
    """Names of the worlds that come with the toolkit."""
    return tuple(sorted(path.stem for path in WORLDS.glob("*.toml")))


def read_world(source: str | Path) -> World:
    """Read and check a world: the name of one that is shipped, or the path of a TOML file.

    Raises StudyError that names the section and key of the first fault.
    """
    return world_from(resolved(source))


def resolved(source: str | Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The whole document, with what it extends merged below it.

    Tables are merged key by key; a list or a number replaces the one below. above : the documents
    that led here.

    Raises StudyError for a document that does not exist, is not TOML, or extends itself.
    """
    path = _path(source)
    if path.resolve() in above:
        raise StudyError(f"world '{path.name}' extends itself.")
    above = (*above, path.resolve())
    with path.open("rb") as file:
        try:
            own = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise StudyError(f"world '{path.name}' is not valid TOML: {error}.") from error
    parent = own.get("world", {}).get("extends")
    if parent is None:
        return own
    beside = path.parent / f"{parent}.toml"
    return merged(resolved(beside if beside.exists() else parent, above), own)


def _path(source: str | Path) -> Path:
    if isinstance(source, Path) or source.endswith(".toml"):
        path = Path(source)
        if not path.exists():
            raise StudyError(f"there is no world document '{path.name}'.")
        return path
    if source not in shipped_worlds():
        raise StudyError(f"there is no world '{source}': {nearest(source, shipped_worlds())}")
    return WORLDS / f"{source}.toml"


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two documents in one: tables key by key, anything else from the one above."""
    both = dict(below)
    for key, value in above.items():
        inner = both.get(key)
        tables = isinstance(value, Mapping) and isinstance(inner, Mapping)
        both[key] = merged(dict(inner or {}), value) if tables else value
    return both


def world_from(document: Mapping[str, Any]) -> World:
    """A checked world from a resolved document, for documents made or changed in memory.

    Raises StudyError as ``read_world`` does.
    """
    world = _build(document)
    check_world(world)
    return world


def _build(document: Mapping[str, Any]) -> World:
    for key in document:
        if key not in SECTIONS:
            raise StudyError(
                f"the document has the unknown section [{key}]: {nearest(key, SECTIONS)}"
            )
    lacking = [key for key in ("world", *SINGLE, "outcomes") if key not in document]
    if lacking:
        raise StudyError(f"the document lacks the section {one_of(lacking)}.")
    header = document["world"]
    for key in header:
        if key not in HEADER:
            raise StudyError(f"[world] has the unknown key '{key}': {nearest(key, HEADER)}")
    single = {name: read_section(kind, document[name], name) for name, kind in SINGLE.items()}
    kept = header.get("outcomes")
    named = {n: t for n, t in document["outcomes"].items() if kept is None or n in kept}
    for name in kept or ():
        if name not in named:
            raise StudyError(
                f"[world] outcomes: no '{name}'; {nearest(name, [*document['outcomes']])}"
            )
    return World(
        name=str(header.get("name", "")),
        title=str(header.get("title", "")),
        description=str(header.get("description", "")),
        citation=tuple(header.get("citation", ())),
        tensions=tuple(header.get("tensions", ())),
        variables=_variables(document.get("variables", {})),
        outcomes=_many(Outcome, named, "outcomes"),
        designs=_many(Sampling, document.get("designs", {}), "designs"),
        estimands=_many(Estimand, document.get("estimands", {}), "estimands"),
        targets=_many(Target, document.get("targets", {}), "targets"),
        defects=_defects(document.get("defects", {})),
        **single,
    )


def _many(kind: Any, tables: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    read = {name: read_section(kind, table, f"{where}.{name}") for name, table in tables.items()}
    return MappingProxyType(read)


def _variables(tables: Mapping[str, Any]) -> Mapping[str, WorldVariable]:
    read: dict[str, WorldVariable] = {}
    for name, table in tables.items():
        kind = table.get("kind")
        if kind not in VARIABLE_KINDS:
            raise StudyError(
                f"[variables.{name}] kind = {kind!r}: expected {one_of([*VARIABLE_KINDS])}."
            )
        read[name] = read_section(VARIABLE_KINDS[kind], table, f"variables.{name}")
    return MappingProxyType(read)


def _defects(table: Mapping[str, Any]) -> Defects:
    known = ("missing", *SWITCHES)
    for key in table:
        if key not in known:
            raise StudyError(f"[defects] has the unknown key '{key}': {nearest(key, known)}")
    missing = _many(Missingness, table.get("missing", {}), "defects.missing")
    switched = {
        name: read_section(kind, table[name], f"defects.{name}")
        for name, kind in SWITCHES.items()
        if name in table
    }
    return Defects(missing=missing, **switched)
