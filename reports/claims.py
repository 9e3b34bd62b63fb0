"""The page of claims: what the article says, what tests it, what was found, how good it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analyses.pooling.proportion import exact_proportion
from analyses.study.study import PublishedSource
from cohort.errors import CohortError

from . import numbers
from .claims_document import Claim, Claims, Test
from .claims_grade import RULES, SCALE, Effect, Grade, effect_of, grade_of
from .content import Block, Cell, Details, Listing, Page, Row, Section, Table, Tone
from .numbers import NOTHING
from .published_blocks import INFERRED, MARKS_NOTE, MEMORY, exposed, short_name
from .published_page import PooledStudy, pool_study
from .sources import read_document

TONES: dict[str, Tone] = {"moderate": "good", "low": "doubtful", "very low": "bad"}
Graded = tuple[Test, Effect, Grade]
REHEARSED_NOTE = (
    "Rehearsed: the same analysis on many draws with a known effect. Its bias is from the effect "
    "of cells that are truly there, so that errors of the assay, and an odds ratio read as a ratio "
    "of rates, are part of it."
)


def pooled_studies(paths: Sequence[Path]) -> dict[str, PooledStudy]:
    """The studies of published tables among some documents, pooled, by name.

    One that is broken is left out: its own page tells its story.
    """
    found = {}
    for path in paths:
        try:
            document = read_document(path)
            if isinstance(document.study.source, PublishedSource):
                found[document.name] = pool_study(document)
        except CohortError:
            continue
    return found


def claims_page(
    claims: Claims, pooled: Mapping[str, PooledStudy], built: Mapping[str, str]
) -> Page:
    """The page of claims.

    pooled : the studies of published tables that were built, by the name of their document; a
    claim whose study is not among them says so. built : by the name of each page of the site, to
    which links may lead, how its main estimate did in its rehearsal.

    Raises StudyError when a claim names a part, table or group that its study does not have.
    """
    graded = {
        one.name: [_graded(test, pooled[test.study]) for test in one.tests if test.study in pooled]
        for one in claims.claims
    }
    sections = [
        Section("What this page does", tuple(_foreword(claims)), "foreword"),
        Section("All claims", (_summary(claims, graded),), "all"),
        Section("How the grades are given", tuple(_rules()), "rules"),
    ]
    for place, claim in enumerate(claims.claims, start=1):
        blocks = _claim_blocks(claim, graded[claim.name], built)
        sections.append(Section(f"{place}. {claim.title}", tuple(blocks), claim.name))
    untestable = sum(bool(one.not_testable) for one in claims.claims)
    wrong = sum(bool(one.errors) for one in claims.claims)
    facts = (
        (numbers.count(len(claims.claims)), "claims"),
        (numbers.count(wrong), "told wrongly in some part"),
        (numbers.count(untestable), "without any data"),
    )
    lead = "What does a popular article claim of microchimerism, and what do published numbers say?"
    return Page("The claims, put to the test", tuple(sections), lead, "Claims", facts)


def _graded(test: Test, study: PooledStudy) -> Graded:
    effect = effect_of(test, study)
    return test, effect, grade_of(test, effect)


def _foreword(claims: Claims) -> list[Block]:
    return [
        f'The project began with an article, "{claims.article.title}". {claims.article.note}',
        "Each claim is told in our words, with the study that tests it. Every number is taken from "
        "that study when this page is made; none is typed here. Grades follow rules that are "
        "printed below; what is a judgement of ours is called so.",
    ]


def _summary(claims: Claims, graded: Mapping[str, list[Graded]]) -> Table:
    rows = []
    for place, claim in enumerate(claims.claims, start=1):
        found = graded[claim.name]
        rows.append(
            Row(
                (
                    Cell(f"{place}. {claim.title}", f"#{claim.name}"),
                    claim.claim,
                    claim.verdict,
                    _best(claim, found),
                    "yes" if claim.errors else "",
                )
            )
        )
    header = ("Claim", "What the article says", "Verdict (ours)", "Best grade", "Told wrongly")
    notes = (
        "The grade says how far the best result on a claim may be relied on, whichever way it "
        "points; the verdict says which way.",
    )
    return Table("The claims of the article", header, tuple(rows), notes, (0, 1, 2, 3, 4))


def _best(claim: Claim, found: list[Graded]) -> Cell | str:
    if claim.not_testable:
        return "not testable, no data"
    names = [grade.name for _, _, grade in found]
    if not names:
        return "its studies were not built"
    best = next((name for name in TONES if name in names), names[0])
    return Cell(best, tone=TONES.get(best, ""))


def _rules() -> list[Block]:
    rows = tuple(Row(rule) for rule in RULES)
    table = Table("Rules of grading", ("Rule", "Points"), rows, (SCALE,), (0, 1))
    return [
        "The rules are ours, in the spirit of GRADE; they are simple enough to be applied by "
        "hand, and applied here by code to the facts of the published tables.",
        table,
    ]


def _claim_blocks(claim: Claim, found: list[Graded], built: Mapping[str, str]) -> list[Block]:
    said = f"The article{' ' + claim.reference if claim.reference else ''}: {claim.claim}"
    blocks: list[Block] = [
        said,
        f"Paper likely meant: {claim.meant}.",
        f"Verdict: {claim.verdict}.",
    ]
    if claim.errors:
        blocks.append(Listing(tuple(f"Error of the article: {error}" for error in claim.errors)))
    if claim.not_testable:
        return [*blocks, f"Not testable, no data. {claim.not_testable}"]
    missing = sorted({test.study for test in claim.tests} - {test.study for test, _, _ in found})
    if missing:
        blocks.append(f"Not built, and so without numbers here: {', '.join(missing)}.")
    if found:
        blocks += [_results(found, built), *_points(found)]
    return blocks


def _results(found: list[Graded], built: Mapping[str, str]) -> Table:
    rows = []
    for test, effect, grade in found:
        page = f"{test.study}.html" if test.study in built else ""
        beside = _rehearsals(test, built)
        rows.append(
            Row(
                (
                    Cell(_named(test, effect), page),
                    _result(effect),
                    Cell(grade.name, tone=TONES.get(grade.name, "")),
                    beside[0] if beside else NOTHING,
                    test.shows,
                )
            )
        )
        rows += [Row(("the same", "", "", more, "")) for more in beside[1:]]
    header = ("Tested by", "Result, 95 % interval", "Grade", "Beside it", "Our reading")
    notes = [MARKS_NOTE]
    if any(built.get(name) for test, _, _ in found for name in test.twins):
        notes.append(REHEARSED_NOTE)
    return Table("What was found", header, tuple(rows), tuple(notes), (0, 1, 2, 3, 4))


def _rehearsals(test: Test, built: Mapping[str, str]) -> list[Cell]:
    """The studies of invented or real persons that belong to a result, those that were built."""
    cells = []
    for name in test.twins:
        if name in built:
            words = "its invented twin" if name.startswith("twin_") else "a real cohort"
            words += f", rehearsed: {built[name]}" if built[name] else ""
            cells.append(Cell(words, f"{name}.html"))
    return cells


def _named(test: Test, effect: Effect) -> str:
    if test.table:
        table = effect.tables[0]
        return f"{short_name(table)}: {table.outcome}"
    count = numbers.count(len(effect.tables))
    what = test.part or test.study.removeprefix("published_").replace("_", " ").capitalize()
    return f"{what}: {count} tables pooled"


def _result(effect: Effect) -> str:
    if effect.group is not None:
        assert effect.group.exposed is not None
        assert effect.group.total is not None
        share = exact_proportion(effect.group.exposed, effect.group.total)
        limits = f"{100 * share.conf_low:.0f} % to {100 * share.conf_high:.0f} %"
        return f"{effect.group.label}: {exposed(effect.group)}, {limits}"
    if effect.estimate is None:
        return "no numbers"
    sign = MEMORY if effect.from_memory else INFERRED if effect.inferred else ""
    limits = numbers.interval(effect.conf_low, effect.conf_high)
    return f"{effect.measure} {numbers.ratio(effect.estimate)}{sign} ({limits})"


def _points(found: list[Graded]) -> list[Block]:
    """Points by rule, a row for each graded result; the facts behind them folded away."""
    graded = [(_named(test, effect), grade) for test, effect, grade in found if grade.points]
    if not graded:
        return ["No result here is graded: see the rules."]
    rows = []
    told = []
    for name, grade in graded:
        counted = [point for point in grade.points if point.points]
        words = "; ".join(f"{one.rule} {one.points:+d} ({one.found})" for one in counted)
        indirect = "" if grade.points[-1].found == "direct" else "; indirect, and so very low"
        total = str(sum(point.points for point in counted))
        rows.append(Row((name, total, (words or "no rule gave or took a point") + indirect)))
        told.append(name)
        told += [f"    {point.rule}: {point.found}" for point in grade.points]
    table = Table("Points by rule", ("Result", "Sum", "From"), tuple(rows), (), (0, 2))
    return [table, Details("What each rule found", "\n".join(told))]
