"""Stored analyses of R: read, compared, and every number of a file accounted for.

A `Record` remembers which of its numbers were compared. ``finish`` fails when a number was neither
compared nor left out with a reason, so that "certified" cannot mean "looked at in part".
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import polars as pl

HERE = Path(__file__).parent
WORDS = {"NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}
REDUCED = {"n", "sum", "sumsq", "index_weighted_sum", "min", "max"}

NEVER = {
    "*iterations": "the path to the optimum is no result",
    "*coef_with_R_default_stopping*": "where R stops early; the optimum itself is compared",
    "*aic": "twice the parameters less twice the log-likelihood, which is compared",
    "*bic_R_uses_nevent": "made of the log-likelihood, which is compared",
    "*.means.*": "means of the columns, used as input of the curves at the means",
    "*concordance.tied.y": "ties in time are no comparable pairs",
    "*concordance.tied.xy": "ties in time are no comparable pairs",
    "*nrow": "the length of a table",
    "*df.z": "made of the coefficient and its standard error, which are compared",
    "*wald_test.test": "printed by R to two digits; its p-value is compared instead",
    "*input.*": "the data of the analysis",
}
"""Numbers of no file that are compared, and why. "df." stands for a data frame's columns."""


@dataclass(eq=False)
class Node:
    """A part of a stored result, which knows its place and marks what was read."""

    value: object
    path: tuple[str, ...]
    seen: set[tuple[str, ...]]

    def __getitem__(self, key: str | int) -> "Node":
        return Node(self.value[key], (*self.path, str(key)), self.seen)

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.value)

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def read(self) -> object:
        """The value, with all numbers in it marked as read."""
        self.seen.update(leaves(self.value, self.path))
        return self.value

    def number(self) -> float:
        return number(self.read())

    def array(self) -> np.ndarray:
        """Numbers as an array: a list, a list of rows, or a named vector in R's order."""
        value = self.read()
        return np.array(_deep(list(value.values()) if isinstance(value, dict) else value), float)

    def matrix(self) -> np.ndarray:
        """A matrix stored with row and column names."""
        self["data"].read()
        return np.array(_deep(self.value["data"]), dtype=float)

    def column(self, name: str) -> np.ndarray:
        """A column of a stored data frame."""
        return self["columns"][name].array()


def number(value: object) -> float:
    """A stored number: null is NaN, the words are what they say."""
    if value is None:
        return math.nan
    return WORDS[value] if isinstance(value, str) else float(value)


def _deep(value: object) -> object:
    return [_deep(one) for one in value] if isinstance(value, list) else number(value)


def leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of all numbers in a stored value; texts and missing values are none."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from leaves(one, (*path, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from leaves(one, (*path, str(place)))
    elif type(value) in (int, float) or (isinstance(value, str) and value in WORDS):
        yield path


@dataclass(eq=False)
class Record:
    """A stored analysis: its results, its tolerance, and what of it has been read."""

    name: str
    rtol: float
    results: Node
    all: set[tuple[str, ...]] = field(default_factory=set)

    def __getitem__(self, key: str) -> Node:
        return self.results[key]

    def left(self, reasons: Mapping[str, str]) -> list[str]:
        """Numbers neither read nor left out by a pattern on their dotted paths."""
        patterns = [*NEVER, *reasons]
        unread = sorted(".".join(path) for path in self.all - self.results.seen)
        framed = [name.replace(".columns.", ".df.") for name in unread]
        return [
            name
            for name, as_frame in zip(unread, framed, strict=True)
            if not any(
                fnmatch(name, p) or fnmatch("." + name, p) or fnmatch(as_frame.rsplit(".", 1)[0], p)
                for p in patterns
            )
        ]

    def finish(self, reasons: Mapping[str, str]) -> None:
        """Fail when a number was not compared and no reason is declared for leaving it out."""
        left = self.left(reasons)
        assert not left, f"{self.name}: {len(left)} numbers not compared, such as {left[:8]}"


def load(name: str) -> Record:
    """A stored analysis by its name."""
    stored = json.loads((HERE / "results" / f"{name}.json").read_text("utf-8"))
    results = stored["results"]
    return Record(
        name, stored["suggested_rtol"], Node(results, (), set()), set(leaves(results, ()))
    )


def data(name: str) -> pl.DataFrame:
    """A stored data set: empty fields are missing, whole numbers are whole."""
    return pl.read_csv(HERE / "data" / f"{name}.csv", infer_schema_length=None)


def agree(ours: object, theirs: object, rtol: float, scale: object = 0.0, what: str = "") -> None:
    """Every |ours - theirs| <= rtol max(|theirs|, scale), infinities and NaN in the same places.

    The rule of the reference's README; scale is the standard error for a coefficient and the
    largest element for a vector of residuals.
    """
    if isinstance(theirs, Node):
        what = what or theirs.name
        theirs = theirs.array() if isinstance(theirs.value, (list, dict)) else theirs.number()
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    assert a.shape == b.shape, f"{what}: shape {a.shape} for {b.shape}"
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= rtol * np.maximum(np.abs(b), np.asarray(scale, dtype=float))
    near &= np.isfinite(a) & np.isfinite(b)
    bad = ~(near | (a == b) | (np.isnan(a) & np.isnan(b)))
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0]) if a.ndim else ()
        raise AssertionError(
            f"{what}{list(place) if place else ''}: ours {a[place]!r}, theirs {b[place]!r}, "
            f"{int(bad.sum())} of {a.size} differ by more than {rtol:g}"
        )


def agree_vector(ours: object, theirs: Node, rtol: float) -> None:
    """A vector against one that was stored whole or reduced to its sums and ends."""
    x = np.asarray(ours, dtype=float)
    i = np.arange(1, x.size + 1)
    size = float(np.abs(x).max())
    checks = {
        "n": (x.size, 0.0),
        "sum": (x.sum(), np.abs(x).sum()),
        "sumsq": (x @ x, x @ x),
        "index_weighted_sum": (i @ x, i @ np.abs(x)),
        "min": (x.min(), size),
        "max": (x.max(), size),
    }
    for key, (value, scale) in checks.items():
        agree(value, theirs[key], rtol, scale)
    ends = {"first10": x[:10], "last5": x[-5:], "values": x}
    for key, part in ends.items():
        if key in theirs:
            agree(part, theirs[key], rtol, size)
