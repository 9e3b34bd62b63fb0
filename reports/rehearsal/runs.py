"""Replicates on disk: blocks in Parquet, gone on with after a stop, the same for any workers."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from analyses.grading import Draw, Graded, run_replicate
from cohort.errors import StudyError

from ..checksums import sha256_of_text, version_of
from ..files import make_folder, write_whole
from ..kept import code_fingerprint

BLOCK = 25
"""Replicates of a block, at least: a task that costs more than sending it to a process."""
PLAN = "plan.json"
ALL_WORKERS = -1
Tell = Callable[[int, int], None]
"""Called with the replicates that are done and all of them."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario of a simulation study.

    replicates : how many. seed : of the whole study. draws : a text that changes whenever the
    draws do (the fingerprint of a world and its size, say); stored replicates of other draws are
    refused.

    Raises StudyError for impossible numbers.
    """

    study: str
    scenario: str
    replicates: int
    seed: int
    draws: str = ""

    def __post_init__(self) -> None:
        if self.replicates < 1 or self.seed < 0:
            raise StudyError(
                f"replicates = {self.replicates}, seed = {self.seed}: expected at least 1 and at "
                "least 0."
            )

    def blocks(self) -> Iterator[tuple[int, int]]:
        """First replicate and the one after the last of each block; the last takes the rest."""
        whole = max(1, self.replicates // BLOCK)
        for block in range(whole):
            last = block == whole - 1
            yield block * BLOCK, self.replicates if last else (block + 1) * BLOCK


def grade(
    draw: Draw,
    graded: Sequence[Graded],
    run: Run,
    *,
    folder: str | Path,
    workers: int = 1,
    tell: Tell | None = None,
) -> pl.DataFrame:
    """Every replicate of a scenario, from the folder where it is there, else drawn and kept.

    draw : must survive being sent to a process, when there are several. folder : holds one
    scenario. workers : processes of joblib (the backend that is open; loky without one); the bytes
    in the folder do not depend on it. Rows in the order of replicate and method, as
    ``analyses.grading.run_replicate`` gives them.

    Raises StudyError when the folder holds replicates of another plan, or for impossible workers.
    """
    if workers < 1 and workers != ALL_WORKERS:
        raise StudyError(f"workers = {workers}: expected at least 1, or -1 for all there are.")
    place = make_folder(folder)
    _claim(place, graded, run)
    wanted = [block for block in run.blocks() if not _part(place, block).is_file()]
    done = run.replicates - sum(stop - start for start, stop in wanted)
    if tell is not None:
        tell(done, run.replicates)
    for start, rows in _computed(draw, graded, run, wanted, workers):
        stop = start + rows["replicate"].n_unique()
        _write(_part(place, (start, stop)), rows)
        done += stop - start
        if tell is not None:
            tell(done, run.replicates)
    return stored(place, run)


def stored(folder: str | Path, run: Run) -> pl.DataFrame:
    """The replicates of a finished run.

    Raises StudyError when some are not there.
    """
    parts = [_part(Path(folder), block) for block in run.blocks()]
    absent = sum(not part.is_file() for part in parts)
    if absent:
        raise StudyError(
            f"{absent} of {len(parts)} parts of the scenario '{run.scenario}' are not in the "
            "folder: run it again, it goes on where it stopped."
        )
    return pl.concat([pl.read_parquet(part) for part in parts])


def rerun(draw: Draw, graded: Sequence[Graded], run: Run, replicate: int) -> pl.DataFrame:
    """One replicate alone: the same rows as in the whole run.

    Raises StudyError when the run has no such replicate.
    """
    if not 0 <= replicate < run.replicates:
        raise StudyError(f"replicate = {replicate}: the run has 0 to {run.replicates - 1}.")
    with threadpool_limits(limits=1):
        return _replicate(draw, graded, run, replicate)


def _replicate(draw: Draw, graded: Sequence[Graded], run: Run, replicate: int) -> pl.DataFrame:
    return run_replicate(
        draw,
        graded,
        study=run.study,
        scenario=run.scenario,
        replicate=replicate,
        seed=run.seed,
    )


def _block(
    draw: Draw, graded: Sequence[Graded], run: Run, block: tuple[int, int]
) -> tuple[int, pl.DataFrame]:
    # One thread of linear algebra: sums in another order would be other bytes.
    with threadpool_limits(limits=1):
        rows = [_replicate(draw, graded, run, number) for number in range(*block)]
    return block[0], pl.concat(rows)


def _computed(
    draw: Draw,
    graded: Sequence[Graded],
    run: Run,
    blocks: Sequence[tuple[int, int]],
    workers: int,
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Blocks as they are ready, in any order."""
    if workers == 1 or len(blocks) < 2:
        yield from (_block(draw, graded, run, block) for block in blocks)
        return
    parallel = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    yield from parallel(delayed(_block)(draw, graded, run, block) for block in blocks)


def _part(folder: Path, block: tuple[int, int]) -> Path:
    return folder / f"replicates-{block[0]:06d}-{block[1] - 1:06d}.parquet"


def _write(target: Path, rows: pl.DataFrame) -> None:
    """A part is whole or absent: written beside its place, then moved into it."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        rows.write_parquet(temporary, compression="zstd", statistics=False)
        os.replace(temporary, target)
    except OSError as error:
        raise StudyError(f"'{target}' cannot be written: {error.strerror}.") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _claim(folder: Path, graded: Sequence[Graded], run: Run) -> None:
    """Write down what the folder is for, or refuse one that is for something else."""
    told = asdict(run)
    told.pop("replicates")
    told["methods"] = sha256_of_text("\n".join(repr(one) for one in graded))
    told["version"] = version_of("microcohort")
    told["code"] = code_fingerprint()
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    place = folder / PLAN
    if not place.is_file():
        if any(folder.glob("replicates-*.parquet")):
            raise StudyError(f"'{folder}' holds replicates without a plan: choose an empty folder.")
        write_whole(place, text)
        return
    before = place.read_text(encoding="utf-8")
    if before == text:
        return
    try:
        old = json.loads(before)
        other = [key for key, value in told.items() if old.get(key) != value]
    except (ValueError, AttributeError):
        other = ["the plan itself"]
    raise StudyError(
        f"'{folder}' holds replicates of another plan ({', '.join(other)} differ): choose another "
        "folder, or delete this one."
    )
