"""A place of its own for the toolkit: a virtual environment in the checkout, made when needed.

Standard library only, and nothing newer than Python 3.6 can read (hence annotations in quotation
marks), so that an old Python says what is wrong instead of failing on the first line.
"""

import importlib.util
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, ".venv")
OLDEST = (3, 11)
NEEDED = (
    "numpy", "scipy", "polars", "pandas", "pyarrow", "narwhals", "statsmodels", "lifelines",
    "matplotlib", "seaborn", "jinja2", "typer", "rich", "duckdb", "pyreadstat", "numba", "joblib",
    "threadpoolctl", "docx", "typst",
)  # fmt: skip
NEEDED_FOR_TESTS = ("pytest", "xdist", "hypothesis", "ruff", "mypy")
GUARD = "MICROCOHORT_IN_ITS_OWN_ENVIRONMENT"
NOT_MADE, USAGE = 1, 2


def missing(names: "tuple[str, ...]") -> "list[str]":
    """The modules of ``names`` that this Python cannot find; nothing is imported."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def ensure(module: str, extra: str = "") -> None:
    """Return if all is installed here; else make the environment and run ``module`` there.

    extra : an extra of the project, such as "test". Ends the process when it ran elsewhere.
    """
    check_version(tuple(sys.version_info[:3]), module)
    names = NEEDED + (NEEDED_FOR_TESTS if extra == "test" else ())
    lacking = missing(names)
    if not lacking:
        return
    if os.environ.get(GUARD):
        stop(
            f"the environment in '{FOLDER}' lacks {', '.join(lacking)}: remove that folder and "
            "try again.",
            NOT_MADE,
        )
    python = prepare(extra)
    environment = dict(os.environ)
    environment[GUARD] = "yes"
    done = subprocess.call([python, "-m", module, *sys.argv[1:]], env=environment)
    raise SystemExit(done if done >= 0 else NOT_MADE)


def check_version(version: "tuple[int, ...]", module: str) -> None:
    """End the process with a story when Python is too old."""
    if version[:2] < OLDEST:
        stop(
            f"it needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is "
            f"{'.'.join(str(part) for part in version)}. Run it with a newer one, such as: "
            f"python3.12 -m {module}",
            USAGE,
        )


def prepare(extra: str) -> str:
    """Make the environment if it is not there and install the project; returns its Python."""
    python = os.path.join(FOLDER, "bin", "python")
    if os.name == "nt":
        python = os.path.join(FOLDER, "Scripts", "python.exe")
    if not os.path.isfile(python):
        _make(python)
    marker = os.path.join(FOLDER, f"microcohort-installed-{extra or 'plain'}")
    recipe = _recipe()
    if _read(marker) != recipe:
        _install(python, extra)
        with open(marker, "w", encoding="utf-8") as stream:
            stream.write(recipe)
    return python


def _make(python: str) -> None:
    if missing(("venv", "ensurepip")):
        stop(
            "this Python has no module 'venv' with pip in it, which makes the environment. On "
            "Debian or Ubuntu: apt install python3-venv; elsewhere take Python from python.org.",
            NOT_MADE,
        )
    tell(f"Making a Python environment in {FOLDER} (once).")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", FOLDER],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode or not os.path.isfile(python):
        told = made.stdout.decode("utf-8", "replace").strip()
        stop(f"the environment could not be made in '{FOLDER}':\n{told}", NOT_MADE)


def _install(python: str, extra: str) -> None:
    tell("Installing microcohort and what it needs (a few minutes, once).")
    target = ROOT + (f"[{extra}]" if extra else "")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--editable", target]
    constraints = os.path.join(ROOT, "constraints.txt")
    if os.path.isfile(constraints):
        command += ["--constraint", constraints]
    if subprocess.call(command, stdout=sys.stderr):
        stop(
            "the packages could not be installed. Without a network, or behind a proxy, pip cannot "
            "reach its index: its last lines stand above. Try again when it can.",
            NOT_MADE,
        )


def _recipe() -> str:
    """What an installation is made from: it is made again when this changes."""
    parts = [_read(os.path.join(ROOT, name)) for name in ("pyproject.toml", "constraints.txt")]
    return "\n".join(parts)


def _read(path: str) -> str:
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def tell(words: str) -> None:
    """One line on stderr."""
    sys.stderr.write(words + "\n")
    sys.stderr.flush()


def stop(words: str, code: int) -> None:
    """Say why and end."""
    tell("microcohort: " + words)
    raise SystemExit(code)
