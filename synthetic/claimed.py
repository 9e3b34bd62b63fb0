"""A folder claimed by a world: its manifest, and what is left of it when writing fails."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cohort.errors import StudyError

MANIFEST = "manifest.json"
PARTS = Path("latent") / "parts"
"""Where each finished part leaves its marker."""
UNFINISHED = ".unfinished"
"""The suffix of a file that is being written."""
OS_ERROR = re.compile(r"\(os error (\d+)\)")


def claimed(folder: Path) -> dict[str, Any]:
    """What the manifest in a folder says of its world; empty where there is none.

    Raises StudyError for a manifest that is no world's.
    """
    manifest = folder / MANIFEST
    if not manifest.exists():
        return {}
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        told = None
    if not (isinstance(told, dict) and {"fingerprint", "persons", "seed", "complete"} <= set(told)):
        raise StudyError(
            f"'{folder.name}' holds a {MANIFEST} that is of no world: choose another folder."
        )
    return told


def refuse_another(folder: Path, wanted: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Refuse a folder that is claimed by another world, size or seed than is wanted.

    Raises StudyError.
    """
    other = [key for key in wanted if there.get(key) != wanted[key] and key != "world"]
    if not other:
        return
    if there["complete"]:
        raise StudyError(
            f"'{folder.name}' holds another world ({', '.join(other)} differ): choose an empty "
            "folder; nothing was written."
        )
    raise StudyError(
        f"'{folder.name}' holds another world, begun and not finished ({', '.join(other)} differ; "
        f"it has --persons {there['persons']} --seed {there['seed']}): finish it with these, "
        "delete the folder, or choose an empty one; nothing was written."
    )


def clear(folder: Path, *, keep_folder: bool) -> None:
    """Remove what a world has written into its folder; the folder too, unless it is to be kept."""
    for name in ("observed", "latent"):
        shutil.rmtree(folder / name, ignore_errors=True)
    manifest = folder / MANIFEST
    for path in (manifest, manifest.with_suffix(UNFINISHED)):
        path.unlink(missing_ok=True)
    if not keep_folder and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def unclaimed(folder: Path, error: OSError, there: bool) -> StudyError:
    """Why a folder cannot be claimed. there : the folder was there before."""
    if folder.is_dir():
        (folder / MANIFEST).with_suffix(UNFINISHED).unlink(missing_ok=True)
        if not there:
            folder.rmdir()
    return StudyError(f"'{folder}' cannot be written: {error.strerror or error}.")


def unwritten(folder: Path, error: OSError, there: bool) -> StudyError:
    """Why a world cannot be written, once nothing half-written is left of it.

    there : the folder was there before.
    """
    if any((folder / PARTS).glob("part-*.json")):
        for path in folder.rglob("*" + UNFINISHED):
            path.unlink()
        kept = "The parts that were finished are kept: the same command goes on from there."
    else:
        if folder.is_dir():
            clear(folder, keep_folder=there)
        kept = "Nothing is left there."
    return StudyError(f"'{folder}' cannot be written: {error.strerror or error}. {kept}")


def as_os_error(error: Exception) -> Exception:
    """The error of the operating system that a library tells in its own; else the error itself."""
    found = OS_ERROR.search(str(error))
    if found is None:
        return error
    number = int(found.group(1))
    return OSError(number, os.strerror(number))
