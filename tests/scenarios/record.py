"""Measure the expected values of scenario documents in a long run and write them into them.

    python -m tests.scenarios.record REPLICATES [NAME ...]

The section ``[expected]`` stands last in a document and is replaced. A document's expected values
are measured, never typed.
"""

import sys
from math import exp
from pathlib import Path

from reports.report_card.document import Scenario, read_scenario, scenario_documents
from reports.report_card.running import Summary, run_scenario, summaries

SEED = 20261123


def expected_section(scenario: Scenario, found: list[Summary], replicates: int) -> str:
    lines = ["[expected]", f"seed = {SEED}", f"replicates = {replicates}", "", "[expected.methods]"]
    for method, one in zip(scenario.methods, found, strict=True):
        mean = exp(one.mean) if method.scale == "ratio" else one.mean
        lines.append(
            f'"{one.method}" = {{ mean = {mean:.4f}, bias = {one.bias:.4f}, '
            f"bias_error = {one.bias_error:.4f}, coverage = {one.coverage:.3f}, "
            f"coverage_error = {one.coverage_error:.3f}, seen = {one.seen} }}"
        )
    return "\n".join(lines) + "\n"


def record(path: Path, replicates: int) -> list[Summary]:
    scenario = read_scenario(path)
    found = summaries(scenario, run_scenario(scenario, replicates, SEED))
    text = path.read_text(encoding="utf-8").split("\n[expected]")[0].rstrip("\n")
    path.write_text(f"{text}\n\n{expected_section(scenario, found, replicates)}", encoding="utf-8")
    return found


if __name__ == "__main__":
    count, *names = sys.argv[1:]
    for document in scenario_documents():
        if not names or document.stem in names:
            record(document, int(count))
            sys.stdout.write(f"{document.stem}\n")
            sys.stdout.flush()
