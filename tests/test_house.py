"""The house rules, read from the source: who may import whom, and how long anything may be.

Each rule is a function from a tree of files to its findings; small bad trees show that each can
fail. The rules are those of CONTRIBUTING.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "cohort": {"cohort"},
    "synthetic": {"cohort", "synthetic"},
    "analyses": {"cohort", "analyses"},
    "reports": {"cohort", "synthetic", "analyses", "reports"},
}
"""What each room may import of ours."""

LONGEST_FILE = 350
LONGEST_BODY = 60
MOST_ARGUMENTS = 6
LAZY = {
    *("joblib", "lifelines", "statsmodels", "matplotlib", "seaborn", "typst", "numba"),
    *("duckdb", "pyreadstat"),
}
"""Imported where they are used: slow to import, or the drivers of one door each."""

MANY_ARGUMENTS = {
    "cohort/doors.py": "the doors take a declaration's facts by name, as the design note fixes",
    "cohort/adapters/statistical.py": "a door, as above",
    "cohort/adapters/database.py": "a door, as above",
    "cohort/adapters/scanning.py": "a door, as above",
}
"""Files whose public functions may take more arguments, and why."""

FORBIDDEN_CALLS = {"print", "eval", "exec", "compile", "breakpoint", "input"}
FORBIDDEN_MODULES = {"pickle", "shelve", "dill", "cloudpickle", "joblib.externals"}


class Source:
    """One file of a tree, parsed."""

    def __init__(self, root: Path, path: Path) -> None:
        self.path = path.relative_to(root)
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    @property
    def room(self) -> str:
        return self.path.parts[0]

    @property
    def module(self) -> str:
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        return ".".join(self.path.with_suffix("").parts[:-1])

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node


def sources(root: Path) -> list[Source]:
    return [
        Source(root, path)
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def imports(source: Source, *, inside: bool = True) -> Iterator[tuple[ast.stmt, str, bool]]:
    """Each module imported, in full; whether it stands at the top of the file.

    inside : with imports inside functions. Imports for type checkers alone do not count.
    """
    typing_only = {
        id(child)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    in_functions = {id(child) for f in source.functions() for child in ast.walk(f)}
    for node in ast.walk(source.tree):
        at_top = id(node) not in in_functions
        if id(node) in typing_only or not (at_top or inside):
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name, at_top
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, name, at_top) for name in from_modules(source, node))


def from_modules(source: Source, node: ast.ImportFrom) -> Iterator[str]:
    """``from . import a`` may name a module or a thing in one: both are given."""
    base = node.module or ""
    if node.level:
        parts = source.package.split(".")
        parts = parts[: len(parts) - node.level + 1]
        base = ".".join([*parts, base]) if base else ".".join(parts)
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names)


def ours(name: str) -> str | None:
    room = name.split(".")[0]
    return room if room in ROOMS else None


def upward_imports(found: list[Source]) -> list[str]:
    return [
        f"{source.path}:{node.lineno} imports {name}"
        for source in found
        for node, name, _ in imports(source)
        if ours(name) is not None and ours(name) not in ROOMS[source.room]
    ]


def wrong_kind_of_import(found: list[Source]) -> list[str]:
    """Relative within a room, absolute between rooms, no star, no tests."""
    wrong = []
    for source in found:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom):
                if not node.level and ours(node.module or "") == source.room:
                    wrong.append(f"{source.path}:{node.lineno} imports its own room absolutely")
                if any(alias.name == "*" for alias in node.names):
                    wrong.append(f"{source.path}:{node.lineno} imports *")
                if (node.module or "").split(".")[0] == "tests":
                    wrong.append(f"{source.path}:{node.lineno} imports tests")
    return wrong


def late_imports(found: list[Source]) -> list[str]:
    """Imports inside functions, but for slow libraries, and for the top room's own commands."""
    return [
        f"{source.path}:{node.lineno} imports {name} inside a function"
        for source in found
        for node, name, at_top in imports(source)
        if not at_top and source.room != "reports" and name.split(".")[0] not in LAZY
    ]


def import_circles(found: list[Source]) -> list[str]:
    """Circles among imports at the top of files."""
    modules = {source.module: source for source in found}
    graph = {
        name: sorted({m for _, m, _ in imports(source, inside=False) if m in modules and m != name})
        for name, source in modules.items()
    }
    done: set[str] = set()
    circles = []

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            circles.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for other in graph[name]:
                visit(other, [*path, name])
            done.add(name)

    for name in graph:
        visit(name, [])
    return circles


def long_files(found: list[Source]) -> list[str]:
    return [
        f"{source.path} has {lines} lines"
        for source in found
        if (lines := source.text.count("\n")) > LONGEST_FILE
    ]


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(body) > 1:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def long_functions(found: list[Source]) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name} has {length} lines"
        for source in found
        for function in source.functions()
        if (length := body_length(function)) > LONGEST_BODY
    ]


def arguments_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args
    names = [a.arg for a in [*given.posonlyargs, *given.args, *given.kwonlyargs]]
    return [name for name in names if name not in ("self", "cls")]


def many_arguments(found: list[Source]) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name} takes {count} arguments"
        for source in found
        for function in source.functions()
        if (count := len(arguments_of(function))) > MOST_ARGUMENTS
        and str(source.path) not in MANY_ARGUMENTS
    ]


def swallowing_arguments(found: list[Source]) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name} takes **{function.args.kwarg.arg}"
        for source in found
        for function in source.functions()
        if function.args.kwarg is not None
    ]


def forbidden_calls(found: list[Source]) -> list[str]:
    """print, eval, pickle and the like below reports."""
    wrong = []
    for source in found:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                allowed = source.room == "reports" and name == "print"
                if name in FORBIDDEN_CALLS and not allowed:
                    wrong.append(f"{source.path}:{node.lineno} calls {name}")
        for node, name, _ in imports(source):
            if any(name == m or name.startswith(m + ".") for m in FORBIDDEN_MODULES):
                wrong.append(f"{source.path}:{node.lineno} imports {name}")
    return wrong


def public_methods(node: ast.ClassDef) -> list[str]:
    return [
        one.name
        for one in node.body
        if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
    ]


def estimators_with_more(found: list[Source]) -> list[str]:
    """A class with ``estimate(self, cohort, ...)`` is an estimator, and that is all it does."""
    return [
        f"{source.path}:{node.lineno} {node.name} has {', '.join(methods)}"
        for source in found
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        and "estimate" in (methods := public_methods(node))
        and takes_a_cohort(node)
        and methods != ["estimate"]
    ]


def takes_a_cohort(node: ast.ClassDef) -> bool:
    return any(
        isinstance(one, ast.FunctionDef)
        and one.name == "estimate"
        and "cohort" in arguments_of(one)
        for one in node.body
    )


def loose_dataclasses(found: list[Source]) -> list[str]:
    """Dataclasses are frozen and slotted; with a frame or an array inside also eq=False."""
    wrong = []
    for source in found:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            for mark in node.decorator_list:
                text = ast.unparse(mark)
                if not text.startswith("dataclass"):
                    continue
                where = f"{source.path}:{node.lineno} {node.name}"
                if "frozen=True" not in text or "slots=True" not in text:
                    wrong.append(f"{where} is not frozen and slotted")
                if holds_arrays(node) and "eq=False" not in text:
                    wrong.append(f"{where} holds arrays and compares by value")
    return wrong


ARRAYS = re.compile(r"\b(NDArray|ndarray|Floats|Flags|Codes|DataFrame|pl\.Series)\b")


def holds_arrays(node: ast.ClassDef) -> bool:
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
    return any(
        ARRAYS.search(ast.unparse(one.annotation)) and "Callable" not in ast.unparse(one.annotation)
        for one in fields
    )


def undocumented(found: list[Source]) -> list[str]:
    """Every file and every public function or class says what it is."""
    wrong = [
        f"{source.path} has no docstring" for source in found if not ast.get_docstring(source.tree)
    ]
    for source in found:
        for node in source.tree.body:
            named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                wrong.append(f"{source.path}:{node.lineno} {node.name} has no docstring")
    return wrong


RULES = [
    upward_imports,
    wrong_kind_of_import,
    late_imports,
    import_circles,
    long_files,
    long_functions,
    many_arguments,
    swallowing_arguments,
    forbidden_calls,
    estimators_with_more,
    loose_dataclasses,
    undocumented,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house(rule):
    findings = rule(sources(ROOT))
    assert not findings, "\n".join(findings)


def test_all_rooms_are_seen():
    seen = sources(ROOT)
    assert {source.room for source in seen} == set(ROOMS)
    assert len(seen) > 60


def test_exceptions_still_exist():
    paths = {str(source.path) for source in sources(ROOT)}
    assert set(MANY_ARGUMENTS) <= paths


LINES = "\n".join("    x = 1" for _ in range(61))
DOC = '"""A file."""\n'
BAD_TREES = [
    (upward_imports, {"cohort/a.py": "from analyses.cox.fit import CoxFit\n"}),
    (upward_imports, {"analyses/a.py": "import synthetic.life\n"}),
    (upward_imports, {"synthetic/a.py": "def f():\n    from analyses import Cox\n"}),
    (upward_imports, {"analyses/a.py": "from reports import numbers\n"}),
    (wrong_kind_of_import, {"analyses/a.py": "from analyses.cox.fit import CoxFit\n"}),
    (wrong_kind_of_import, {"analyses/a.py": "from .fit import *\n"}),
    (late_imports, {"analyses/a.py": "def f():\n    import scipy\n"}),
    (
        import_circles,
        {
            "cohort/a.py": "from .b import f\n",
            "cohort/b.py": "from . import c\n",
            "cohort/c.py": "from .a import g\n",
        },
    ),
    (long_files, {"cohort/a.py": "x = 1\n" * 351}),
    (long_functions, {"cohort/a.py": f"def f():\n{LINES}\n"}),
    (long_functions, {"cohort/a.py": f'class A:\n  def f(self):\n    """Doc."""\n{LINES}\n'}),
    (many_arguments, {"cohort/a.py": "def f(a, b, c, d, e, *, g, h):\n    pass\n"}),
    (swallowing_arguments, {"reports/a.py": "def f(**facts):\n    pass\n"}),
    (forbidden_calls, {"analyses/a.py": "print(1)\n"}),
    (forbidden_calls, {"cohort/a.py": "eval('1')\n"}),
    (forbidden_calls, {"reports/a.py": "import pickle\n"}),
    (
        estimators_with_more,
        {
            "analyses/a.py": "class A:\n    def estimate(self, cohort, question): ...\n"
            "    def plot(self): ...\n"
        },
    ),
    (loose_dataclasses, {"cohort/a.py": "@dataclass\nclass A:\n    x: int\n"}),
    (
        loose_dataclasses,
        {"cohort/a.py": "@dataclass(frozen=True, slots=True)\nclass A:\n    x: pl.DataFrame\n"},
    ),
    (undocumented, {"cohort/a.py": "x = 1\n"}),
    (undocumented, {"cohort/a.py": '"""A file."""\ndef f():\n    pass\n'}),
]


@pytest.mark.parametrize(("rule", "files"), BAD_TREES, ids=lambda one: getattr(one, "__name__", ""))
def test_each_rule_can_fail(rule, files, tmp_path):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert rule(sources(tmp_path))


GOOD = '''"""A file."""

from dataclasses import dataclass

from cohort.errors import CohortError

from .b import g


@dataclass(frozen=True, slots=True)
class A:
    """An estimator."""

    level: float = 0.95

    def estimate(self, cohort, question):
        """One method."""
        import lifelines

        return g(lifelines)
'''


def test_a_good_tree_passes(tmp_path):
    for name, text in {"analyses/a.py": GOOD, "analyses/b.py": DOC}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert not [finding for rule in RULES for finding in rule(sources(tmp_path))]
