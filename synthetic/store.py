"""Worlds on disk: Parquet tables in parts, a manifest, latent tables in a folder of their own.

``observed/<table>/part-00000.parquet`` is what an analysis may read; ``latent/`` holds the truth
and must be asked for. Parts hold a fixed number of persons, so that neither the chunk in which
they are computed nor the number of workers changes a byte.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import polars as pl

from cohort.errors import DesignError, StudyError

from .claimed import (
    MANIFEST,
    PARTS,
    UNFINISHED,
    as_os_error,
    claimed,
    clear,
    refuse_another,
    unclaimed,
    unwritten,
)
from .document.reading import world_from
from .document.world import World, as_document
from .generate import LATENT, OBSERVED, generate
from .sampled import draw_designs
from .truth.contrast import world_truth

ENGINE = 1
"""Raised whenever the same document and seed would give other bytes."""
PART = 131_072
COMPILING = "compiling the kernels, once on this machine"
GENERATING = "generating"
FINISHED = "already complete"
SAMPLING = "drawing the designs"
INTEGRATING = "integrating the truth"
TRUTH_PERSONS = 65_536
"""Women over whom the truth is integrated, whatever the size of the world."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a long run: what is being done, and how many of how many parts are ready."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Run:
    """How much to generate, and how: only ``persons`` and ``seed`` decide what comes out.

    persons : 1 or more. seed : 0 or more. workers : processes. chunk : persons computed together;
    it must divide 131,072.
    """

    persons: int
    seed: int
    workers: int = 1
    chunk: int = 32_768

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        if self.persons < 1 or self.seed < 0 or self.workers < 1:
            raise StudyError(
                f"persons = {self.persons}, seed = {self.seed}, workers = {self.workers}: expected "
                "at least 1, 0 and 1."
            )
        if self.chunk < 1 or PART % self.chunk:
            raise StudyError(f"chunk = {self.chunk}: expected a whole divisor of {PART:,}.")

    @property
    def parts(self) -> int:
        """Number of files in each table."""
        return -(-self.persons // PART)


def write_world(
    world: World, folder: Path, run: Run, progress: Callable[[Progress], None] | None = None
) -> Path:
    """Write a world to a folder, or finish what an interrupted run began; returns the manifest.

    A world too small for one of its designs leaves nothing behind, so that the folder takes a
    larger one; a full disk leaves the parts that were finished.

    Raises StudyError when the folder holds another world, seed or size, or anything else, and when
    it cannot be written; DesignError when a design needs more women.
    """
    report = progress or (lambda step: None)
    there = folder.exists()
    manifest = _claim(world, folder, run)
    try:
        if _finished(manifest, world):
            report(Progress(FINISHED, run.parts, run.parts))
        else:
            _complete(world, folder, run, report)
    except DesignError:
        clear(folder, keep_folder=there)
        raise
    except OSError as error:
        raise unwritten(folder, error, there) from None
    return manifest


def _complete(world: World, folder: Path, run: Run, report: Callable[[Progress], None]) -> None:
    """Write what is not there yet; the manifest says so last."""
    report(Progress(COMPILING, 0, run.parts))
    generate(world, first=0, persons=1, seed=run.seed)
    waiting = [part for part in range(run.parts) if not _marker(folder, part).exists()]
    done = run.parts - len(waiting)
    report(Progress(GENERATING, done, run.parts))
    for _ in _write_parts(as_document(world), folder, run, waiting):
        done += 1
        report(Progress(GENERATING, done, run.parts))
    report(Progress(SAMPLING, run.parts, run.parts))
    _write_designs(world, folder, run)
    report(Progress(INTEGRATING, run.parts, run.parts))
    truth = world_truth(world, persons=TRUTH_PERSONS, seed=run.seed)
    _write(truth, folder / "latent" / "truth.parquet")
    told = claimed(folder)
    libraries = {name: version(name) for name in ("numpy", "scipy", "polars", "numba")}
    told |= {"complete": True, "files": _files(folder), "libraries": libraries}
    told["document"] = as_document(world)
    _write_text(folder / MANIFEST, json.dumps(told, indent=1, sort_keys=True, default=str) + "\n")


def read_table(folder: Path, name: str) -> pl.LazyFrame:
    """One observed table of a world on disk, such as "persons" or "design_subcohort".

    Raises StudyError when there is none of that name; latent tables are not found here.
    """
    files = folder / "observed" / name
    if not files.is_dir():
        raise StudyError(f"the world in '{folder.name}' has no observed table '{name}'.")
    return pl.scan_parquet(files / "part-*.parquet")


def _claim(world: World, folder: Path, run: Run) -> Path:
    manifest = folder / MANIFEST
    told: dict[str, Any] = {
        "world": world.name,
        "fingerprint": world.fingerprint,
        "persons": run.persons,
        "seed": run.seed,
        "engine": ENGINE,
    }
    there = claimed(folder)
    if there:
        refuse_another(folder, told, there)
        return manifest
    told |= {"complete": False, "document": as_document(world)}
    text = json.dumps(told, indent=1, sort_keys=True, default=str) + "\n"
    was_there = folder.exists()
    try:
        if was_there and any(folder.iterdir()):
            raise StudyError(
                f"'{folder.name}' is not empty and holds no world: choose another folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
        _write_text(manifest, text)
    except OSError as error:
        raise unclaimed(folder, error, was_there) from None
    return manifest


def _finished(manifest: Path, world: World) -> bool:
    """Whether the folder is complete and was written from this very document, targets included."""
    told = claimed(manifest.parent)
    same = told["document"] == json.loads(json.dumps(as_document(world), default=str))
    there = all((manifest.parent / name).exists() for name in told.get("files", ()))
    return bool(told["complete"]) and same and there


def _marker(folder: Path, part: int) -> Path:
    return folder / PARTS / f"part-{part:05d}.json"


def _write_parts(
    document: dict[str, Any], folder: Path, run: Run, parts: list[int]
) -> Iterator[int]:
    if run.workers == 1 or len(parts) < 2:
        yield from (write_part(document, folder, run, part) for part in parts)
        return
    parallel = joblib.Parallel(n_jobs=run.workers, return_as="generator_unordered")
    yield from parallel(joblib.delayed(write_part)(document, folder, run, part) for part in parts)


def write_part(document: dict[str, Any], folder: Path, run: Run, part: int) -> int:
    """Compute and write one part of every table; its marker is written last."""
    world = world_from(document)
    first, last = part * PART, min((part + 1) * PART, run.persons)
    pieces = [
        generate(world, first=start, persons=min(run.chunk, last - start), seed=run.seed)
        for start in range(first, last, run.chunk)
    ]
    for place, names in (("observed", OBSERVED), ("latent", LATENT)):
        for name in names:
            frames = [getattr(piece, place)[name] for piece in pieces]
            _write(
                pl.concat(frames, rechunk=True), folder / place / name / f"part-{part:05d}.parquet"
            )
    marker = _marker(folder, part)
    marker.parent.mkdir(parents=True, exist_ok=True)
    _write_text(marker, json.dumps({"first": first + 1, "last": last}) + "\n")
    return part


def _write_designs(world: World, folder: Path, run: Run) -> None:
    tables = {name: read_table(folder, name) for name in ("persons", "enrolment", "events")}
    for name, frame in draw_designs(world, tables, run.seed).items():
        _write(frame, folder / "observed" / f"design_{name}" / "part-00000.parquet")


def _write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(UNFINISHED)
    try:
        frame.write_parquet(beside, compression="zstd", compression_level=3, row_group_size=PART)
    except pl.exceptions.PolarsError as error:
        raise as_os_error(error) from None
    beside.replace(path)


def _write_text(path: Path, text: str) -> None:
    beside = path.with_suffix(UNFINISHED)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _files(folder: Path) -> dict[str, str]:
    """BLAKE2b of every table file, by its path inside the folder."""
    found = sorted(folder.rglob("*.parquet"))
    return {path.relative_to(folder).as_posix(): _digest(path) for path in found}


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
