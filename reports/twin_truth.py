"""What is true in the invented world of a study, beside what its assay shows of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from analyses import Estimates
from analyses.study.study import WorldSource
from cohort import Cohort
from synthetic.cohorts import cohort_of as cohort_in
from synthetic.document.outcomes import Target
from synthetic.document.world import DEATH, World
from synthetic.revealed import CARRIER

from . import numbers
from .answers import Answer, Answers
from .content import Block, Row, Section, Table
from .invented import drawn_world
from .rehearsal.plan import regressions

if TYPE_CHECKING:
    from synthetic.cohorts import SimulatedWorld

FOUND = "positive"
QUANTITIES = {
    "odds_ratio": "Odds ratio of the test, cases against the whole cohort",
    "test_hazard_ratio": "Hazard ratio of the test, age scale, crude",
    "positive_in_cases": "Positive among cases, %",
    "positive_in_cohort": "Positive in the cohort, %",
}
RATIOS = ("odds_ratio", "test_hazard_ratio")


def truth_section(answers: Answers, drawn: "SimulatedWorld | None" = None) -> Section:
    """The true ratio, what the world is expected to show, and the study with carriage known.

    answers : of a study of an invented world. drawn : its world; drawn again without it.

    Raises StudyError as the world's document does, and whatever its estimators raise.
    """
    source = answers.study.source
    assert isinstance(source, WorldSource)
    drawn = drawn or drawn_world(answers.document, source)
    blocks: list[Block] = [_put_in(drawn.world, source.outcome)]
    expected = expected_table(drawn, source.outcome)
    if expected.rows:
        blocks.append(expected)
    rows = list(_rows(answers, drawn, source))
    if rows:
        blocks.append(_found_table(rows))
    blocks.append(assay_table(drawn, source))
    return Section("What is true here", tuple(blocks))


def _put_in(world: World, outcome: str) -> str:
    """The true ratio, in words."""
    told = world.outcomes[outcome]
    name = outcome.replace("_", " ")
    words = f"In this world, male cells multiply the rate of the outcome ({name}) by "
    words += numbers.ratio(told.chimerism)
    if told.compatible_chimerism != 1:
        words += f", and HLA-compatible ones by {numbers.ratio(told.compatible_chimerism)} more"
    elif told.chimerism == 1:
        words += ": they do nothing"
    if outcome == DEATH:
        words += "; the deaths that a diagnosis adds are not touched"
    return f"{words}. That was put in, and is conditional on every other cause in the world."


def expected_table(drawn: "SimulatedWorld", outcome: str) -> Table:
    """Each published number beside what the world was found to show in a long run."""
    rows = [
        _expected_row(one)
        for one in drawn.world.targets.values()
        if one.outcome == outcome and one.quantity in QUANTITIES
    ]
    header = ("Quantity", "Published", "Range", "Expected here")
    note = (
        "Expected in the world as it ships, without sampling error; a world that only makes a rare "
        "disease frequent takes it from the one that it extends. The range is that which "
        "counted as reached when the world was made: the published interval, or limits of the "
        "published counts."
    )
    return Table("Published, and expected in this world", header, tuple(rows), (note,))


def _expected_row(target: Target) -> Row:
    percent = target.quantity not in RATIOS
    values = (target.value, target.low, target.high, target.reached)
    told = [f"{100 * one:.1f}" if percent else numbers.ratio(one) for one in values]
    return Row((QUANTITIES[target.quantity], told[0], f"{told[1]} to {told[2]}", told[3]))


def _rows(answers: Answers, drawn: "SimulatedWorld", source: WorldSource) -> Iterator[Row]:
    """A row for each ratio of the assay, with the same ratio of true carriage."""
    known: dict[str, Cohort] = {}
    for one in answers.ratios:
        if one.asked.question.exposure != FOUND:
            continue
        scale = one.asked.follow_up or source.scale
        if scale not in known:
            known[scale] = _revealed(answers, drawn, source, scale)
        yield from _compared(one, _with_carriage(one, answers, known[scale]))


def _revealed(answers: Answers, drawn: "SimulatedWorld", source: WorldSource, scale: str) -> Cohort:
    cohort = cohort_in(drawn, source.outcome, scale=scale, design=source.design, reveal=True)
    for exclusion in answers.study.exclusions:
        cohort = cohort.restrict(exclusion.keep, exclusion.reason)
    return cohort


def _with_carriage(one: Answer, answers: Answers, cohort: Cohort) -> Estimates:
    estimator = dict(regressions(answers.study))[one.estimator]
    return estimator.estimate(cohort, replace(one.asked.question, exposure=CARRIER))


def _compared(one: Answer, carriage: Estimates) -> Iterator[Row]:
    for assay, truth in zip(_main(one.estimates), _main(carriage), strict=True):
        yield Row(
            (
                str(assay["adjustment"]),
                str(assay["measure"]),
                numbers.ratio_with_interval(
                    assay["estimate"], assay["conf_low"], assay["conf_high"]
                ),
                numbers.ratio_with_interval(
                    truth["estimate"], truth["conf_low"], truth["conf_high"]
                ),
            )
        )


def _main(estimates: Estimates) -> list[dict[str, Any]]:
    return list(estimates.frame.filter(pl.col("modifier_level").is_null()).iter_rows(named=True))


def _found_table(rows: list[Row]) -> Table:
    header = ("Adjusted for", "Measure", "Male cells found", "Male cells truly present")
    note = (
        "The same invented persons, design and models; only the exposure differs. What separates "
        "the two columns is the assay; what separates the last from the truth is chance, "
        "confounding, and that a ratio depends on what it is adjusted for."
    )
    return Table("By the assay, and by true carriage", header, tuple(rows), (note,), (0, 1))


def assay_table(drawn: "SimulatedWorld", source: WorldSource) -> Table:
    """Persons of the study's sample by true carriage and by the assay's call."""
    frame = cohort_in(
        drawn, source.outcome, scale=source.scale, design=source.design, reveal=True
    ).frame
    rows = []
    for word, carrier in (("Truly present", True), ("Truly absent", False)):
        calls = frame.filter(pl.col(CARRIER) == carrier)[FOUND]
        positive = int(calls.sum())
        share = f"{100 * positive / len(calls):.1f}" if len(calls) else numbers.NOTHING
        rows.append(Row((word, numbers.count(len(calls)), numbers.count(positive), share)))
    header = ("Male cells", "Persons", "Found by the assay", "Found, %")
    return Table("The assay in this sample", header, tuple(rows))
