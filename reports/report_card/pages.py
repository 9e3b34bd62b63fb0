"""The pages of the report card: one of all scenarios, and one for each."""

from collections.abc import Sequence

from .. import numbers
from ..content import Block, Cell, Details, Figure, Listing, Page, Row, Section, Table
from .document import Method
from .lollipop import Stick, lollipop_plot
from .result import (
    ScenarioResult,
    bias_verdict,
    coverage_verdict,
    on_scale,
)
from .running import Summary
from .world_words import cohort_words, model_words, world_table

KIND_WORDS = {
    "naive": "naive",
    "right": "right",
    "shown": "its own estimand",
    "oracle": "oracle",
}
CARD = "report-card"
"""Name of the page of all scenarios, without the suffix."""
MONTE_CARLO = (
    "In brackets the Monte Carlo standard error (Morris, White and Crowther 2019, table 6). Bias "
    "is on the log scale for ratios."
)
READING = (
    "Each scenario is an invented world in which the truth is known. Its naive analysis and the "
    "right one are run on the same draws and compared with the estimand each is read as. A method "
    "is not good or bad in itself: it is right for a question in a world.",
    "No bias seen: within 3 Monte Carlo errors, or within a tenth of the spread of estimates. An "
    "interval does as it says when it holds the truth in 93 to 97 % of draws, with room for the "
    "Monte Carlo error of the few replicates shown here.",
)


def page_name(result: ScenarioResult) -> str:
    """The name of a scenario's page, without the suffix."""
    return f"scenario-{result.scenario.name.replace('_', '-')}"


def report_card_page(results: Sequence[ScenarioResult]) -> Page:
    """Every method of every scenario, each cell leading to its numbers."""
    rows: list[Row] = []
    for result in results:
        title = f"{_number(result)} {result.scenario.head.title}"
        rows.append(Row((Cell(title, f"{page_name(result)}.html"), "", "", "", "", ""), "group"))
        rows += [
            _card_row(result, place, method, one)
            for place, (method, one) in enumerate(result.methods)
        ]
    header = ("Method", "Kind", "Truth", "Mean estimate", "Bias", "95 % interval holds the truth")
    card = Table("Methods by scenario", header, tuple(rows), (MONTE_CARLO,), (0, 1, 4, 5))
    waiting = tuple(
        Cell(f"{result.scenario.head.title}: {text}", f"{page_name(result)}.html")
        for result in results
        for text in result.scenario.head.waiting
    )
    sections = [Section("How to read it", READING), Section("The report card", (card,))]
    if waiting:
        told = "These right analyses are not graded, because no estimator here makes them yet."
        sections.append(Section("Waiting", (told, Listing(waiting))))
    return Page(
        "Report card",
        tuple(sections),
        "Which analysis gives the right answer in which world, and which does not?",
        "Scenarios",
        _facts(results),
    )


def _facts(results: Sequence[ScenarioResult]) -> tuple[tuple[str, str], ...]:
    methods = [pair for result in results for pair in result.methods]
    right = [one for method, one in methods if method.kind == "right"]
    good = sum(bias_verdict(one).tone == "good" for one in right)
    held = sum(coverage_verdict(one).tone == "good" for one in right)
    fewest = min((result.replicates for result in results), default=0)
    return (
        (numbers.count(len(results)), "scenarios"),
        (numbers.count(len(methods)), "methods graded"),
        (f"{good} of {len(right)}", "right analyses without bias"),
        (f"{held} of {len(right)}", "right analyses whose intervals hold"),
        (numbers.count(fewest), "draws of each"),
    )


def _number(result: ScenarioResult) -> str:
    return result.scenario.name.split("_")[0]


def _card_row(result: ScenarioResult, place: int, method: Method, one: Summary) -> Row:
    link = f"{page_name(result)}.html#{_anchor(place)}"
    return Row(
        (Cell(method.name, link), KIND_WORDS[method.kind], *_graded_cells(method, one, link)),
        "level",
    )


def _anchor(place: int) -> str:
    return f"method-{place + 1}"


def _graded_cells(method: Method, one: Summary, link: str = "") -> tuple[str | Cell, ...]:
    bias, coverage = bias_verdict(one), coverage_verdict(one)
    return (
        numbers.ratio(method.truth) if method.scale == "ratio" else numbers.error(method.truth),
        _value(method, one.mean),
        Cell(f"{_with_error(one.bias, one.bias_error)}: {bias.words}", link, bias.tone),
        Cell(f"{numbers.probability(one.coverage)}: {coverage.words}", link, coverage.tone),
    )


def _value(method: Method, value: float) -> str:
    shown = on_scale(method, value)
    return numbers.ratio(shown) if method.scale == "ratio" else numbers.error(shown)


def _with_error(value: float, error: float) -> str:
    return f"{numbers.bias(value)} ({numbers.error(error)})"


def scenario_page(result: ScenarioResult) -> Page:
    """One scenario: what it teaches, its world, and how the naive and the right analysis do."""
    scenario = result.scenario
    head = scenario.head
    sections = [
        Section("What it teaches", tuple(head.teaches)),
        Section(
            "How the methods do",
            (_methods_table(result), *_lollipop(result), _precision_table(result)),
        ),
        Section("The analyses", (_analyses(result),)),
        Section("The world", _world(result)),
        Section("A long run", _long_run(result)),
    ]
    if head.waiting:
        told = "Right analyses that no estimator here makes yet:"
        sections.append(Section("Waiting", (told, Listing(head.waiting))))
    sections.append(
        Section("The document", (Details("The scenario document, whole", scenario.text),))
    )
    facts = (
        (numbers.count(head.persons), "persons drawn"),
        (numbers.count(result.replicates), "draws"),
        (numbers.count(len(scenario.methods)), "methods"),
    )
    kicker = f"Scenario {_number(result)}"
    return Page(head.title, tuple(sections), head.question, kicker, facts)


def _methods_table(result: ScenarioResult) -> Table:
    rows = tuple(
        Row(
            (method.name, KIND_WORDS[method.kind], *_graded_cells(method, one)), name=_anchor(place)
        )
        for place, (method, one) in enumerate(result.methods)
    )
    header = ("Method", "Kind", "Truth", "Mean estimate", "Bias", "95 % interval holds the truth")
    notes = (
        MONTE_CARLO,
        f"Seed {result.seed}; every method analyses the same draws.",
        "Mean estimate of a ratio: the exponential of the mean log ratio.",
    )
    return Table("Methods", header, rows, notes, (0, 1, 4, 5))


def _precision_table(result: ScenarioResult) -> Table:
    rows = tuple(
        Row(
            (
                method.name,
                numbers.error(one.empirical),
                numbers.error(one.model),
                numbers.probability(one.rejection),
                numbers.count(round(one.events)) if one.seen else numbers.NOTHING,
                numbers.count(one.seen),
            )
        )
        for method, one in result.methods
    )
    header = (
        "Method", "Spread of estimates", "Standard error told", "No effect rejected (p < 0.05)",
        "Events", "Draws",
    )  # fmt: skip
    notes = ["The spread is the standard deviation of the estimates over the draws."]
    failed = sum(one.failed for one in result.summaries)
    if failed:
        notes.append(f"{failed} analyses gave no estimate and are counted in none of these.")
    if any(method.published is not None for method in result.scenario.methods):
        notes.append("Draws of a method that sees only published results: those published.")
    return Table("Precision", header, rows, tuple(notes))


def _lollipop(result: ScenarioResult) -> tuple[Figure, ...]:
    sticks = [
        Stick(
            method.name,
            one.bias,
            one.bias - 1.96 * one.bias_error,
            one.bias + 1.96 * one.bias_error,
            method.kind != "naive",
        )
        for method, one in result.methods
        if one.seen > 1 and method.scale == "ratio"
    ]
    if not sticks:
        return ()
    rows = [
        Row((one.label, numbers.bias(one.bias), numbers.bias(one.low), numbers.bias(one.high)))
        for one in sticks
    ]
    header = ("Method", "Bias of the log ratio", "Lower limit", "Upper limit")
    data = Table("Bias of the log ratio with its Monte Carlo limits", header, tuple(rows))
    caption = (
        "Bias of each method on the log scale, with 95 % Monte Carlo limits; diamonds are naive "
        "analyses."
    )
    if len(sticks) < len(result.methods):
        caption += " Methods that give no ratio, or no estimate, are in the table alone."
    told = "; ".join(f"{one.label} {numbers.bias(one.bias)}" for one in sticks)
    alt = f"Lollipop plot of the bias: {told}."
    return (Figure(caption, lollipop_plot(sticks), alt, data),)


def _analyses(result: ScenarioResult) -> Table:
    rows = tuple(
        Row(
            (
                method.name,
                cohort_words(result.scenario.cohorts[method.cohort]),
                model_words(method),
                f"{_truth(method)}: {method.truth_from}",
            )
        )
        for method in result.scenario.methods
    )
    header = ("Method", "Cohort", "Model", "What is true, and where that is known from")
    return Table("What each method does, and against what it is graded", header, rows, (),
                 (0, 1, 2, 3))  # fmt: skip


def _truth(method: Method) -> str:
    return numbers.ratio(method.truth) if method.scale == "ratio" else numbers.error(method.truth)


def _world(result: ScenarioResult) -> tuple[Block, ...]:
    recipe = result.scenario.recipe
    blocks: list[Block] = [
        f"{numbers.count(result.scenario.head.persons)} persons are drawn, column after column; "
        "expressions are in SQL. Every number is chosen for the lesson and taken from no registry.",
        world_table(recipe),
    ]
    if recipe.keep is not None:
        blocks.append(f"Only those with {recipe.keep.text} can be in the study.")
    return tuple(blocks)


def _long_run(result: ScenarioResult) -> tuple[Block, ...]:
    expected = result.scenario.expected
    if expected is None:
        return ("No long run has been recorded for this scenario yet.",)
    rows = []
    for method, one in result.methods:
        told = expected.methods.get(method.name)
        if told is None:
            continue
        mean = numbers.ratio(told.mean) if method.scale == "ratio" else numbers.error(told.mean)
        rows.append(
            Row((method.name, mean, _with_error(told.bias, told.bias_error),
                 _with_error(one.bias, one.bias_error), numbers.probability(told.coverage)))
        )  # fmt: skip
    words = (
        f"The document states what {numbers.count(expected.replicates)} draws with seed "
        f"{expected.seed} gave; the tests hold other draws to it within 4 Monte Carlo errors."
    )
    header = ("Method", "Mean, long run", "Bias, long run", "Bias here", "Coverage, long run")
    return (words, Table("The long run", header, tuple(rows), (MONTE_CARLO,)))
