"""What a report was made from: checksums of files, versions of programs, the code's commit."""

import hashlib
import platform
from importlib import metadata
from pathlib import Path

from cohort.doors import existing_file

PACKAGES = ("microcohort", "numpy", "scipy", "polars", "matplotlib", "jinja2")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal.

    Raises SchemaError when there is no such file, or it may not be read.
    """
    existing_file(Path(path))
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    """The SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def versions() -> list[tuple[str, str]]:
    """Python and the packages that the numbers and pictures depend on."""
    found = [("Python", platform.python_version())]
    return found + [(name, version_of(name)) for name in PACKAGES]


def version_of(name: str) -> str:
    """The version of a package; our own stands in pyproject.toml when it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
    if name == "microcohort":
        return _own_version()
    return "not installed"


def _own_version() -> str:
    import tomllib

    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    if not project.is_file():
        return "unknown"
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
