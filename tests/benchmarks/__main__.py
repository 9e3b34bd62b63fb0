"""The command: python3 -m tests.benchmarks [--n N ...] [--workloads W ...] [--out FILE.md]."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from .engines import ENGINES
from .table import REQUIRED, Measured, told
from .worlds import FITS, RESAMPLES, WORKLOADS, Data, draw, landmarks, resample

HERE = Path(__file__).parent
ROUNDS = 2


def main() -> None:
    """Measure, check that all agree, write the table."""
    asked = _arguments()
    found: list[Measured] = []
    for n in asked.n:
        for workload in asked.workloads:
            if workload == "bootstrap" and n > 10_000:
                continue
            found += measured(workload, n, asked)
            Path(asked.out).write_text(told(found, ""))
    if 1_000_000 in asked.n:
        Path(asked.out).write_text(told(found, iteration()))
    wrong = [one for one in found if one.differs]
    for one in wrong:
        _say(f"{one.engine} differs from ours in {one.workload}, n = {one.n:,}: {one.error:.2g}")
    _say(asked.out)
    sys.exit(1 if any(one.engine.startswith("R") for one in wrong) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m tests.benchmarks")
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=WORKLOADS)
    parser.add_argument("--out", default="benchmarks.md")
    parser.add_argument("--budget", type=float, default=150.0, help="seconds of one process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="peers that nothing is asked about too")
    return parser.parse_args()


def measured(workload: str, n: int, asked: argparse.Namespace) -> list[Measured]:
    """Every engine on one workload, in turns: A B C A B C."""
    wanted = ["microcohort", *_peers(workload, n, asked.all)]
    runs: dict[str, list[dict]] = {engine: [] for engine in wanted}
    stopped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        if any(engine.startswith("R") for engine in wanted) and shutil.which("Rscript"):
            _write(Path(folder), draw(workload, n))
        for turn in range(ROUNDS):
            for engine in wanted:
                if engine in stopped or (turn and _slow(runs[engine])):
                    continue
                _say(f"{workload}, n = {n:,}: {engine}")
                run = _run(engine, workload, n, asked, folder)
                if isinstance(run, str):
                    stopped[engine] = run
                else:
                    runs[engine].append(run)
    return [_summary(engine, workload, n, runs, stopped) for engine in wanted]


def _slow(runs: list[dict]) -> bool:
    return bool(runs) and max(runs[0]["seconds"]) > 20


def _peers(workload: str, n: int, everyone: bool) -> list[str]:
    """Those of which a ratio is asked; the quick ones at small sizes."""
    required = list(REQUIRED.get((workload, n), {}))
    if workload == "bootstrap":
        return required
    if not everyone and n > 10_000:
        return required
    more = [name for name in ENGINES if name != "microcohort"] + ["R"]
    return list(dict.fromkeys([*required, *more]))


def _run(engine: str, workload: str, n: int, asked: argparse.Namespace, folder: str) -> dict | str:
    repeats = 5 if n <= 10_000 else 3
    if engine.startswith("R"):
        if shutil.which("Rscript") is None:
            return "R is not there"
        bare = "bare" if engine.endswith("kernel") else "public"
        few = 1 if n > 100_000 else repeats
        command = ["Rscript", str(HERE / "peer.R"), folder, workload, str(few), bare]
    else:
        code = [engine, workload, str(n), str(repeats), str(asked.threads)]
        command = [sys.executable, "-m", "tests.benchmarks.child", *code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=asked.budget, check=False
        )
    except subprocess.TimeoutExpired:
        return f"stopped at {asked.budget:g} s"
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1][:80] if done.stderr else '?'}"
    return _read(engine, done.stdout)


def _read(engine: str, text: str) -> dict | str:
    if not engine.startswith("R"):
        found = json.loads(text.strip().splitlines()[-1])
        return "not offered" if found is None else found
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    return {
        "seconds": [float(one) for one in lines["seconds"]],
        "values": [float(one) for one in lines["values"]],
        "peak": float(lines["peak"][0]),
    }


def _write(folder: Path, data: Data) -> None:
    """The data for R, as doubles."""
    for name in ("x", "entry", "exit", "event", "weight", "person", "cluster", "stratum",
                 "subcohort"):  # fmt: skip
        np.ascontiguousarray(getattr(data, name), dtype=np.float64).tofile(folder / name)
    drawn = [resample(len(data.exit), replicate) for replicate in range(FITS["R"])]
    np.concatenate(drawn).astype(np.float64).tofile(folder / "resamples")
    (folder / "size").write_text(f"{len(data.exit)} {data.size}")
    (folder / "landmarks").write_text(" ".join(f"{one:.17g}" for one in landmarks(data)))


def _summary(
    engine: str, workload: str, n: int, runs: dict[str, list[dict]], stopped: dict[str, str]
) -> Measured:
    mine = runs[engine]
    if not mine:
        return Measured(engine, workload, n, stopped=stopped.get(engine, "not run"))
    # The first call of a process is cold; the others count where there are any.
    warm = [one for run in mine for one in (run["seconds"][1:] or run["seconds"])]
    seconds = (median(run["seconds"][0] for run in mine), *warm)
    if workload == "bootstrap":
        seconds = tuple(one * RESAMPLES / FITS[engine] for one in seconds)
    ours = runs["microcohort"]
    error = apart(mine[0]["values"], ours[0]["values"]) if ours else float("nan")
    return Measured(engine, workload, n, seconds, median(run["peak"] for run in mine), error)


def apart(theirs: list[float], values: list[float]) -> float:
    """The largest difference relative to the largest of ours; not a number where any value is not,
    or where they are not equally many."""
    if len(theirs) != len(values):
        return float("nan")
    mine = np.asarray(values, dtype=float)
    return float(np.abs(np.asarray(theirs, dtype=float) - mine).max() / np.abs(mine).max())


def iteration(n: int = 1_000_000) -> str:
    """One Newton iteration beside one X'diag(w)X by BLAS."""
    from analyses import Cox, Question
    from analyses.cox.partial_likelihood import derivatives, moments

    from .engines import our_cohort
    from .worlds import NAMES

    data = draw("late entry", n)
    question = Question(exposure="x1", adjustments={"all": list(NAMES[1:])})
    fit = Cox().estimate(our_cohort("late entry", data), question).fits[0]
    x, weight = np.ascontiguousarray(fit.problem.terms), np.ones(fit.problem.terms.shape[0])
    beta = fit.beta * fit.scale
    mine, theirs = [], []
    for _ in range(5):
        begin = time.perf_counter()
        derivatives(fit.problem, moments(fit.problem, beta))
        middle = time.perf_counter()
        x.T @ (weight[:, None] * x)
        mine.append(middle - begin)
        theirs.append(time.perf_counter() - middle)
    ratio = median(mine) / median(theirs)
    return (
        f"One Newton iteration (late entry, n = {n:,}): {median(mine):.3f} s; one weighted "
        f"crossproduct X'diag(w)X: {median(theirs):.3f} s; ratio {ratio:.1f} (asked: at most 3)."
    )


def _say(words: object) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
