"""``python3 -m tests``: what CI runs, on a bare machine with only Python and pip.

Arguments go to pytest. Ends with the exit code of the first that fails.
"""

import os
import subprocess
import sys

from reports.environment import ROOT, ensure, tell

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
)


def main() -> int:
    """Lint, types, tests, in this order."""
    pytest = ("pytest", "-n", str(min(os.cpu_count() or 1, 4)), *sys.argv[1:])
    for command in (*CHECKS, pytest):
        tell("$ " + " ".join(command))
        code = subprocess.call([sys.executable, "-m", *command], cwd=ROOT)
        if code:
            return code
    return 0


if __name__ == "__main__":
    ensure("tests", "test")
    raise SystemExit(main())
