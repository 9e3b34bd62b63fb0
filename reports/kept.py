"""What a build keeps for the next: results by the hash of all that they depend on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .checksums import versions
from .files import make_folder, write_whole

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("cohort", "synthetic", "analyses", "reports")
CODE = (".py", ".toml", ".html", ".css", ".json")
DOCUMENTS = ("studies", "scenarios")
"""Folders of documents: each is a dependency of its own page alone."""


@cache
def code_fingerprint() -> str:
    """A hash of every line of the toolkit and of the versions of what it stands on."""
    told = hashlib.sha256(repr(versions()).encode())
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            inside = path.relative_to(ROOT)
            if path.suffix in CODE and inside.parts[1] not in DOCUMENTS and path.is_file():
                told.update(inside.as_posix().encode() + b"\0")
                told.update(hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()


def key_of(parts: Iterable[str | bytes]) -> str:
    """The name under which a result is kept: a hash of its parts and of the code."""
    told = hashlib.sha256(code_fingerprint().encode())
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        told.update(len(raw).to_bytes(8, "big") + raw)
    return told.hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """The results of earlier builds in one folder, each a small JSON file named by its key."""

    folder: Path

    def get(self, key: str) -> Any | None:
        """A result, or None when it is not kept or cannot be read whole."""
        try:
            held = json.loads(self._path(key).read_text(encoding="utf-8"))
            raw = json.dumps(held["result"], sort_keys=True)
            whole = hashlib.sha256(raw.encode()).hexdigest() == held["sha256"]
            return held["result"] if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep a result.

        Raises StudyError when the folder cannot be written.
        """
        make_folder(self.folder)
        raw = json.dumps(result, sort_keys=True)
        held = {"sha256": hashlib.sha256(raw.encode()).hexdigest(), "result": json.loads(raw)}
        write_whole(self._path(key), json.dumps(held, sort_keys=True))

    def forget_all_but(self, keys: Iterable[str]) -> None:
        """Remove what no page of the last build came from."""
        wanted = {self._path(key) for key in keys}
        for path in self.folder.glob("*.json"):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
