"""What was measured, as Markdown: medians, ratios, what is asked of us and whether it is met."""

import os
import platform
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

REQUIRED: dict[tuple[str, int], dict[str, float]] = {
    ("bootstrap", 10_000): {"R": 12, "R, bare kernel": 3, "lifelines": 100},
    ("right-censored", 1_000_000): {"survival (Rust)": 6, "R": 12, "lifelines": 5},
    ("late entry", 1_000_000): {"survival (Rust)": 8, "R": 20},
    ("weights and clusters", 100_000): {"survival (Rust)": 8, "R": 100},
    ("weights and clusters", 1_000_000): {"survival (Rust)": 8},
    ("counting process", 100_000): {"survival (Rust)": 8, "R": 25},
    ("counting process", 1_000_000): {"survival (Rust)": 8},
    ("50 strata", 1_000_000): {"survival (Rust)": 4, "R": 10},
    ("Prentice", 1_000_000): {"survival (Rust)": 5, "R": 150},
    ("proportional hazards", 100_000): {"R": 5},
    ("Kaplan-Meier", 1_000_000): {
        "R": 5, "survival (Rust)": 5, "lifelines": 5, "scikit-survival": 5,
    },
    ("Kaplan-Meier, late entry", 1_000_000): {"R": 5, "survival (Rust)": 5, "lifelines": 5},
    ("Aalen-Johansen", 1_000_000): {"R": 5, "scikit-survival": 5},
}  # fmt: skip
"""How many times faster than each peer we are to be."""
SAME = 1e-5
"""Relative to the largest of ours: peers that stop early agree to five digits."""
MEMORY = 1_000_000
"""From this size on, our peak memory is to be below every peer's."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine on one workload. peak : bytes beyond the data. error : the largest difference of
    its values from ours, relative to the largest of ours. stopped : why there is no number."""

    engine: str
    workload: str
    n: int
    seconds: tuple[float, ...] = ()
    peak: float = 0.0
    error: float = 0.0
    stopped: str = ""

    @property
    def calls(self) -> int:
        """Of how many calls the median is."""
        return len(self.seconds[1:] or self.seconds)

    @property
    def median(self) -> float:
        """Median seconds, the first call of each process left out where there are others."""
        return median(self.seconds[1:] or self.seconds)

    @property
    def differs(self) -> bool:
        """Whether its values are others than ours, or not numbers."""
        return not self.stopped and not self.error <= SAME


def told(found: list[Measured], iteration: str) -> str:
    """The whole report."""
    lines = [
        "# Speed and memory beside the peers",
        "",
        "Medians of calls in turns on one machine, in seconds, from data in memory to estimates "
        "with their variance. Ratio: their median over ours. Calls: how many the median is of; the "
        "first call of a process is told beside it and counts only where it was the only one. Peak "
        "memory is beyond the data, in MiB, of the process. Coefficients (or curves at nine times, "
        "or test statistics) are compared, variances are not: an engine that differs from ours by "
        "more than 1e-5 of the largest is said to differ, and gets no ratio. The 1 asked at "
        "n = 10,000 is the rule that no peer's public call is quicker. The bootstrap is 500 fits: "
        "ours by two processes, their start included in the first call; R's time is 25 times that "
        "of 20 resamples, lifelines' 500 times that of one, each in one process as they come.",
        "",
        *(f"- {line}" for line in _machine()),
        "",
        iteration,
        "",
        "| workload | n | engine | first call | median | calls | ratio | asked | met | peak MiB |",
        "|:---|---:|:---|---:|---:|---:|---:|---:|:---|---:|",
    ]
    for one in found:
        lines.append(_row(one, found))
    return "\n".join([*lines, ""])


def _row(one: Measured, found: list[Measured]) -> str:
    head = f"| {one.workload} | {one.n:,} | {one.engine} |"
    if one.stopped:
        asked = REQUIRED.get((one.workload, one.n), {}).get(one.engine)
        return f"{head} {one.stopped} | | | | {'' if asked is None else f'{asked:g}'} | | |"
    mine = next(
        (other for other in found if other.engine == "microcohort" and other.seconds
         and (other.workload, other.n) == (one.workload, one.n)), None,
    )  # fmt: skip
    if one.differs and one.engine != "microcohort":
        apart = "not numbers" if one.error != one.error else f"differs by {one.error:.1g}"
        return f"{head} {one.seconds[0]:.3f} | {one.median:.3f} | {one.calls} | {apart} | | | |"
    ratio = one.median / mine.median if mine is not None else float("nan")
    asked = REQUIRED.get((one.workload, one.n), {}).get(one.engine)
    if asked is None and one.n == 10_000 and one.engine not in ("microcohort", "R, bare kernel"):
        asked = 1.0
    met = "" if asked is None else "yes" if ratio >= asked else "NO"
    if one.n >= MEMORY and one.engine != "microcohort" and mine is not None:
        met += "" if one.peak > mine.peak else " (memory: NO)"
    ratio_word = "" if one.engine == "microcohort" else f"{ratio:.1f}"
    return (
        f"{head} {one.seconds[0]:.3f} | {one.median:.3f} | {one.calls} | {ratio_word} | "
        f"{'' if asked is None else f'{asked:g}'} | {met} | {one.peak / 2**20:.0f} |"
    )


def _machine() -> list[str]:
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    names = ("microcohort", "numpy", "scipy", "polars", "survival", "lifelines", "statsmodels",
             "scikit-survival", "greenwood")  # fmt: skip
    seen = []
    for name in names:
        try:
            seen.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return [
        f"{date.today().isoformat()}; {model}, {os.cpu_count()} cores",
        f"Python {platform.python_version()}; {', '.join(seen)}",
    ]
