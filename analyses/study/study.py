"""Studies as documents: read from TOML, written back, always the same Study."""

import re
import tomllib
from pathlib import Path

from cohort.errors import StudyError

from .codes import cast_codes
from .parts import Asked, Exclusion, Pooling, Study, Wording
from .reading import study_of
from .sources import DatasetSource, FileSource, PublishedSource, WorldSource
from .twin import Twin
from .writing import document_text

__all__ = [
    "Asked",
    "DatasetSource",
    "Exclusion",
    "FileSource",
    "Pooling",
    "PublishedSource",
    "Study",
    "Twin",
    "Wording",
    "WorldSource",
    "cast_codes",
    "read_study",
    "study_from_toml",
    "to_toml",
]


def read_study(path: str | Path) -> Study:
    """The study that a TOML file describes.

    Raises StudyError when the file is absent, is no TOML in UTF-8, or says something unknown.
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(f"there is no study document '{path}': check the path.")
    try:
        text = path.read_text(encoding="utf-8-sig")  # Some editors begin a file with a mark.
    except (UnicodeDecodeError, OSError) as error:
        raise StudyError(f"'{path.name}' cannot be read as text in UTF-8: {error}.") from None
    try:
        return study_from_toml(text)
    except StudyError as error:
        raise StudyError(f"'{path.name}': {error}") from None


def study_from_toml(text: str) -> Study:
    """The study that a text in TOML describes.

    Raises StudyError naming the section, the unknown key and the nearest known one.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"not a TOML document: {_told(str(error))}.") from None
    return study_of(document)


def _told(error: str) -> str:
    """The parser's own words, and ours for what befalls newcomers."""
    twice = re.fullmatch(r"Cannot declare \((.*?),?\) twice (\(at .*\))", error)
    if twice is not None:
        section = twice.group(1).replace("', '", ".").strip("'")
        return f"the section [{section}] stands twice {twice.group(2)}"
    if "'\\'" in error:
        return f"{error}; write paths with '/', or in single quotation marks"
    return error


def to_toml(study: Study) -> str:
    """The study as a TOML document; ``study_from_toml`` gives an equal Study back."""
    return document_text(study)
