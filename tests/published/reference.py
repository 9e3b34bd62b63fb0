"""Stored results of R, and how they are compared."""

import csv
import json
import math
from pathlib import Path

import pytest

from analyses.pooling.study_estimate import StudyEstimate

TESTS = Path(__file__).resolve().parents[1]
EVIDENCE = TESTS.parent / "analyses" / "studies" / "evidence" / "published.json"


def stored(name):
    """One stored analysis: its results and its suggested relative tolerance."""
    file = json.loads((TESTS / "reference" / "results" / f"{name}.json").read_text("utf-8"))
    return file["results"], file["suggested_rtol"]


def rows(name):
    """A stored data set as a list of dicts of text."""
    with open(TESTS / "reference" / "data" / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(value):
    """A stored number; the words Inf and -Inf of the files are infinite."""
    return {"Inf": math.inf, "-Inf": -math.inf}.get(value, value)


def same(expected, got, rtol, *, scale=0.0, what=""):
    """|got - expected| <= rtol max(|expected|, scale): the rule of the reference's README."""
    if expected is None:
        assert got is None, f"{what}: expected nothing, got {got!r}"
        return
    expected = number(expected)
    bound = pytest.approx(expected, rel=rtol, abs=rtol * scale)
    assert bound == got, f"{what}: expected {expected!r}, got {got!r}"


def studies(pairs, measure="odds ratio", **ids):
    """Studies from (value, variance)."""
    return [
        StudyEstimate(f"study {place}", measure, value, variance, **ids)
        for place, (value, variance) in enumerate(pairs)
    ]


FIVE = studies([(-1.2, 0.1), (-0.4, 0.2), (0.3, 0.05), (-0.9, 0.4), (0.1, 0.15)])
