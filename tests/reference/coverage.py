"""Write COVERAGE.md: which of R's 91 stored analyses the tests certify, and to what extent.

Run ``python -m tests.reference.coverage`` from the top of the repository. A test keeps the page up
to date. What is certified is declared beside the tests, in tables named CERTIFIES:
``{analysis: {pattern of numbers left out: reason}}``; `ELSEWHERE` holds the same for tests that
declare it in words alone.
"""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from tests.reference.oracle import load

HERE = Path(__file__).parent
TESTS = HERE.parent
PAGE = HERE / "COVERAGE.md"

PARTS = {"the rest": "compared in parts, without an account of every number"}
ELSEWHERE: dict[str, tuple[str, dict[str, str]]] = {
    "cmle_midp_exact_roots": ("tests/published/test_exact.py", {}),
    "twobytwo_exact_oswego": (
        "tests/published/test_exact.py",
        {"fisher limits": "R's own root finding is good to 1e-3; exact roots are certified"},
    ),
    "meta_bcg": (
        "tests/published/test_pooling_reference.py",
        {"EB": "the file shows it to be equal to PM"},
    ),
    "meta_loghr_pignon": ("tests/published/test_pooling_reference.py", {}),
    "mantel_haenszel_strata": ("tests/published/test_mantel_haenszel.py", PARTS),
    "clogit_infert": ("tests/designs/test_nested_reference.py", PARTS),
    "clogit_bdendo_missing": ("tests/designs/test_nested_reference.py", PARTS),
    "ncc_samuelsen_nwtco": ("tests/designs/test_nested_reference.py", PARTS),
    "lexis_occup_byhand": ("tests/cohort/test_splitting.py", {}),
}
"""Certified by tests that keep their own account: the test file, and what it leaves out."""

PLANNED: dict[str, str] = {
    "aareg_lung": "additive hazards regression is not built",
    "apc_lungDK": "age-period-cohort models are not built",
    "cox_ridge_frailty": "ridge penalties and frailty are left for later (DESIGN.md)",
    "edge_glm_separation_zero": "generalised linear models are statsmodels' own",
    "survreg_lung_all": "parametric models are lifelines' own",
    "tobit_tobin": "censored Gaussian regression is not built",
    "royston_parmar_lung": "flexible parametric models are not built",
    "survfit_turnbull_interval": "interval censoring is not built",
    "relsurv_colrec": "relative survival is not built",
}
"""Why some analyses are not certified yet; the others simply wait for their part."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """One stored analysis: where it is certified, and what is left out with which reason."""

    name: str
    topic: str
    title: str
    tests: tuple[str, ...]
    left: tuple[tuple[str, str], ...]

    @property
    def status(self) -> str:
        if not self.tests:
            return "not yet"
        return "partly" if self.left else "certified"


def declared() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Every declaration of the tests: analysis to (test file, what is left out)."""
    found: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "CERTIFIES" not in text:
            continue
        name = path.relative_to(TESTS.parent).as_posix()
        for analysis, left in _table(ast.parse(text)).items():
            found.setdefault(analysis, []).append((name, left))
    for analysis, (name, left) in ELSEWHERE.items():
        if analysis not in found:
            found[analysis] = [(name, left)]
    return found


def _table(tree: ast.Module) -> dict[str, dict[str, str]]:
    """The CERTIFIES of a file, names of constants replaced by their text."""
    constants: dict[str, str] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            constants[node.targets[0].id] = node.value.value
        if node.targets[0].id == "CERTIFIES" and isinstance(node.value, ast.Dict):
            return {
                str(ast.literal_eval(key)): _reasons(value, constants)
                for key, value in zip(node.value.keys, node.value.values, strict=True)
                if key is not None
            }
    return {}


def _reasons(node: ast.expr, constants: dict[str, str]) -> dict[str, str]:
    if not isinstance(node, ast.Dict):
        raise ValueError("CERTIFIES holds a table of reasons for each analysis")
    return {
        str(ast.literal_eval(key)): (
            constants[value.id] if isinstance(value, ast.Name) else str(ast.literal_eval(value))
        )
        for key, value in zip(node.keys, node.values, strict=True)
        if key is not None
    }


def analyses() -> list[Analysis]:
    """All stored analyses of the index with what is declared of them.

    A number is left out when every test that declares the file leaves it out, and shown by the
    first pattern that says why.
    """
    index = json.loads((HERE / "index.json").read_text(encoding="utf-8"))
    found = declared()
    strange = set(found) - {one["id"] for one in index}
    if strange:
        raise ValueError(f"declared, but not in the index: {sorted(strange)}")
    rows = []
    for one in index:
        entries = found.get(one["id"], [])
        left = left_by_all(one["id"], [reasons for _, reasons in entries]) if entries else {}
        tests = tuple(dict.fromkeys(name for name, _ in entries))
        rows.append(
            Analysis(one["id"], one["topic"], one["title"], tests, tuple(sorted(left.items())))
        )
    return sorted(rows, key=lambda row: (row.topic, row.name))


def left_by_all(name: str, entries: list[dict[str, str]]) -> dict[str, str]:
    """The patterns, with reasons, of the numbers that every declaration leaves out."""
    if len(entries) == 1:
        return entries[0]
    record = load(name)
    everything = set(record.left({}))
    shared = set.intersection(*(everything - set(record.left(each)) for each in entries))
    reasons: dict[str, str] = {}
    for each in entries:
        for pattern, reason in each.items():
            hit = shared - set(record.left({pattern: reason}))
            if hit:
                reasons[pattern] = reason
                shared -= hit
    return reasons


def page() -> str:
    """The text of COVERAGE.md."""
    rows = analyses()
    count = {kind: sum(row.status == kind for row in rows) for kind in KINDS}
    lines = [
        "# What is certified against R",
        "",
        f"{len(rows)} stored analyses (R 4.2.2, survival 3.5-3 and others): "
        f"{count['certified']} certified, {count['partly']} partly, {count['not yet']} not yet. "
        "This page is made by `python -m tests.reference.coverage`; a test keeps it up to date.",
        "",
        "Certified: every number of the file agrees to the file's tolerance, but for those that no "
        "file compares (`NEVER` in oracle.py: counts of iterations, data, numbers derived from "
        "compared ones). Partly: the numbers named are left out, for the reason given.",
        "",
        "| analysis | topic | state | tests | left out, and why |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        left = "; ".join(f"`{pattern}`: {reason}" for pattern, reason in row.left)
        if row.status == "not yet":
            left = PLANNED.get(row.name, "")
        tests = ", ".join(f"`{name.removeprefix('tests/')}`" for name in row.tests)
        lines.append(f"| {row.name} | {row.topic} | {row.status} | {tests} | {left} |")
    return "\n".join(lines) + "\n"


KINDS = ("certified", "partly", "not yet")

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
