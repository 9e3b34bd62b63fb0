"""A scenario run and judged: what each method's bias and coverage amount to."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, sqrt
from pathlib import Path
from typing import Literal

from .document import Method, Scenario, read_scenario
from .running import Summary, run_scenario, summaries

BUILD_SEED = 20130917
"""Seed of the replicates of a page; the documents' long runs have another, and stay apart."""
BUILD_REPLICATES = 100
Progress = Callable[[int, int], None]
Tone = Literal["good", "doubtful", "bad"]

BIAS_ERRORS, BIAS_SHARE = 3.0, 0.10
"""A bias within 3 Monte Carlo errors, or within a tenth of the spread of estimates, is none."""
SOME_BIAS = 0.5
"""Up to this share of the spread of estimates a bias is some, beyond it large."""
NOMINAL, LOWEST_COVERAGE, POOR_COVERAGE = 0.95, 0.93, 0.85


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement in words, with a colour that says the same."""

    words: str
    tone: Tone


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioResult:
    """A scenario with what its replicates showed, one summary a method in the document's order."""

    scenario: Scenario
    replicates: int
    seed: int
    summaries: tuple[Summary, ...]

    @property
    def methods(self) -> list[tuple[Method, Summary]]:
        """Each method with its summary."""
        return list(zip(self.scenario.methods, self.summaries, strict=True))


def build_scenario(
    path: Path, replicates: int = BUILD_REPLICATES, progress: Progress | None = None
) -> ScenarioResult:
    """Run a scenario document: the same document and replicates give the same result.

    progress : called with the replicates done and all of them.

    Raises StudyError for a document that cannot be read as it stands, and what its cohorts or
    estimators refuse.
    """
    scenario = read_scenario(path)
    rows = run_scenario(scenario, replicates, BUILD_SEED, progress=progress)
    return ScenarioResult(scenario, replicates, BUILD_SEED, summaries(scenario, rows))


def bias_verdict(one: Summary) -> Verdict:
    """Whether there is a bias, and how large it is beside the spread of estimates."""
    size = abs(one.bias)
    if one.seen < 2:
        return Verdict("too few estimates", "doubtful")
    if size <= max(BIAS_ERRORS * one.bias_error, BIAS_SHARE * one.empirical):
        return Verdict("no bias seen", "good")
    way = "high" if one.bias > 0 else "low"
    if size <= SOME_BIAS * one.empirical:
        return Verdict(f"a little too {way}", "doubtful")
    return Verdict(f"too {way}", "bad")


def coverage_verdict(one: Summary) -> Verdict:
    """Whether the 95 % interval holds the truth as often as it says, given the replicates."""
    if one.seen < 2:
        return Verdict("too few estimates", "doubtful")
    room = max(NOMINAL - LOWEST_COVERAGE, 3 * sqrt(NOMINAL * (1 - NOMINAL) / one.seen))
    if abs(one.coverage - NOMINAL) <= room:
        return Verdict("as it says", "good")
    if one.coverage > NOMINAL:
        return Verdict("too often", "doubtful")
    return Verdict("too seldom", "doubtful" if one.coverage >= POOR_COVERAGE else "bad")


def on_scale(method: Method, value: float) -> float:
    """A mean or a truth as a reader knows it: ratios back from the log scale."""
    return exp(value) if method.scale == "ratio" else value
