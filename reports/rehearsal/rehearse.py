"""A rehearsal: the plan of a study on many draws of its twin, without and with the effect."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyses.grading import measures
from analyses.study.study import PublishedSource
from analyses.study.twin import OWN_PEOPLE
from cohort.errors import StudyError

from ..checksums import sha256_of_text
from ..sources import Document
from .own_people import own_people_twin
from .plan import LARGE, NULL, PUBLISHED, Method, Twin
from .runs import Run, Tell, grade, rerun
from .world_fit import told_twin
from .world_twin import LARGE_WORLD, world_twin

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a rehearsal is run.

    folder : where its replicates are kept. replicates : of each scenario; those of the document
    without it. workers : processes. large : women of the world in which the plan is run once at
    large; 0 leaves that out.
    """

    folder: Path
    replicates: int | None = None
    workers: int = 1
    large: int = LARGE_WORLD


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """What the plan of a study does where the truth is known.

    methods : every estimate of the plan. rows : all replicates of both scenarios, as
    ``analyses.grading.run_replicate`` gives them, against the truth that was put in. measures : of
    both, as ``analyses.grading.measures`` gives them; scenarios "null" and "published". at_large :
    the same measures of the published scenario against what the plan gives in one huge draw
    (scenario "large sample"); empty where that was not run. large : that draw's rows, one a
    method. words, estimand : what the twin is, and what the truth is the truth of.
    """

    study: str
    replicates: int
    seed: int
    methods: tuple[Method, ...]
    rows: pl.DataFrame
    measures: pl.DataFrame
    at_large: pl.DataFrame
    large: pl.DataFrame
    words: tuple[str, ...]
    estimand: str

    def value(self, scenario: str, method: str, measure: str) -> tuple[float | None, float | None]:
        """A measure of a method with its Monte Carlo error; None where it does not exist."""
        frame = self.at_large if scenario == LARGE else self.measures
        found = frame.filter(
            (pl.col("scenario") == scenario)
            & (pl.col("method") == method)
            & (pl.col("measure") == measure)
        )
        return (found["value"][0], found["mcse"][0]) if len(found) else (None, None)


def twin_of(document: Document, large: int = LARGE_WORLD) -> Twin:
    """The twin that the plan of a study is rehearsed on.

    Raises StudyError when there is none, or when it does not fit the study.
    """
    study = document.study
    if isinstance(study.source, PublishedSource):
        raise StudyError("published tables have no plan to rehearse: only studies of records have.")
    if study.twin is not None and study.twin.kind == OWN_PEOPLE:
        return own_people_twin(document)
    return world_twin(document, large)


def rehearse(document: Document, setting: Setting, progress: Progress) -> Rehearsal:
    """Rehearse a study, or finish a rehearsal that was begun in the same folder.

    Raises StudyError when the twin does not fit the study, CohortError as reading it does.
    """
    progress(f"{document.name}: making the twin")
    twin = twin_of(document, setting.large)
    plan = document.study.twin or told_twin(document.study)
    replicates = plan.replicates if setting.replicates is None else setting.replicates
    draws = sha256_of_text(f"{twin.fingerprint}|{plan.seed}")
    frames = []
    for scenario, draw in ((NULL, twin.null), (PUBLISHED, twin.published)):
        run = Run(document.name, scenario, replicates, plan.seed, draws)
        frames.append(
            grade(
                draw,
                twin.graded_in(scenario),
                run,
                folder=setting.folder / scenario,
                workers=setting.workers,
                tell=_teller(document.name, scenario, progress),
            )
        )
    _need_estimates(frames, replicates)
    progress(f"{document.name}: the plan at large")
    large = _large(twin, document.name, plan.seed, setting.folder)
    rows = pl.concat(frames)
    return Rehearsal(
        document.name,
        replicates,
        plan.seed,
        twin.methods,
        rows,
        measures(rows),
        _against(frames[1], large),
        large,
        twin.words,
        twin.estimand,
    )


def replicate_of(document: Document, scenario: str, replicate: int) -> pl.DataFrame:
    """One replicate of a rehearsal alone, "null" or "published": the rows of the whole run.

    Raises StudyError for another scenario or replicate, and as ``rehearse`` does.
    """
    if scenario not in (NULL, PUBLISHED):
        raise StudyError(f"scenario = '{scenario}': expected '{NULL}' or '{PUBLISHED}'.")
    twin = twin_of(document, 0)
    seed = (document.study.twin or told_twin(document.study)).seed
    run = Run(document.name, scenario, replicate + 1, seed)
    draw = twin.null if scenario == NULL else twin.published
    return rerun(draw, twin.graded_in(scenario), run, replicate)


def _teller(name: str, scenario: str, progress: Progress) -> Tell:
    def tell(done: int, of: int) -> None:
        progress(f"{name}: rehearsing, {scenario}, {done} of {of}")

    return tell


def _need_estimates(frames: list[pl.DataFrame], replicates: int) -> None:
    for frame in frames:
        if not frame["converged"].any():
            raise StudyError(
                f"none of {replicates} draws of the twin ('{frame['scenario'][0]}') gave an "
                f"estimate; the first says: {frame['note'][0]}"
            )


def _large(twin: Twin, name: str, seed: int, folder: Path) -> pl.DataFrame:
    if twin.large is None:
        return pl.DataFrame()
    run = Run(name, LARGE, 1, seed, twin.fingerprint)
    return grade(twin.large, twin.graded_in(PUBLISHED), run, folder=folder / "large")


def _against(rows: pl.DataFrame, large: pl.DataFrame) -> pl.DataFrame:
    """Measures of the published scenario against the values of the large draw.

    The Monte Carlo error of the bias holds that of the large draw as well.
    """
    if large.is_empty():
        return pl.DataFrame(schema=measures(rows).schema)
    values = large.filter("converged").select("method", "estimate", "std_error")
    told = rows.drop("truth").join(
        values.select("method", truth="estimate"), on="method", how="inner", maintain_order="left"
    )
    found = measures(told.with_columns(scenario=pl.lit(LARGE)))
    both = (pl.col("mcse") ** 2 + pl.col("std_error") ** 2).sqrt()
    return (
        found.join(values.select("method", "std_error"), on="method", maintain_order="left")
        .with_columns(
            mcse=pl.when(pl.col("measure") == "bias").then(both).otherwise(pl.col("mcse"))
        )
        .drop("std_error")
    )
