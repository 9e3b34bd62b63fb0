"""The page of a study of records: from its answers to sections, in the order of a paper."""

from typing import Any

import polars as pl

from analyses import Estimates, IncidenceRate
from analyses.grammar import parse_term
from cohort import Cohort

from . import numbers
from .answers import Answer, Answers, Together, ratios_of
from .content import Block, Listing, Page, Row, Section, Table
from .disclosure import small
from .figures import curve_figure, flow_figure, forest_figure, hazards_figure
from .hazards_check import banded_ratios, hazards_test, step_of, test_table
from .numbers import WITHHELD
from .provenance import provenance_section
from .rehearsal.rehearse import Rehearsal
from .rehearsal.result import rehearsal_columns
from .rehearsal.section import rehearsal_section
from .table_one import table_one
from .tables import (
    counts_in_words,
    label_of,
    left_out_notes,
    outcome_words,
    rates_table,
    ratios_table,
    reference_word,
    within_sentence,
)

TOO_FEW_TO_CHECK = (
    "There are too few events, or terms that cannot be estimated, to look at the hazard ratio by "
    "time."
)

HOW_TO_READ = (
    "A small p-value says that a hazard ratio changes along the time scale; the one in the table "
    "is then an average over it. A large one says that no change was seen, not that there is none."
)


def study_page(answers: Answers, rehearsal: Rehearsal | None = None) -> Page:
    """The page of a study of records, with what its plan does on its twin."""
    study = answers.study
    sections = [
        Section("Question", _question(answers)),
        Section("What was found", _found(answers)),
        Section("Methods", _methods(answers)),
        Section("Participants", _participants(answers)),
        *_rates(answers),
        Section(_ratios_title(answers), _ratios(answers, rehearsal)),
        *_rehearsal(answers, rehearsal),
        *_truth(answers),
        *_curves(answers),
        *_proportional(answers),
        *_words(answers),
        provenance_section(answers.document, answers.cohort),
    ]
    return Page(study.title, tuple(sections), study.question, _kicker(answers), _facts(answers))


def _kicker(answers: Answers) -> str:
    return "Cohort study" if answers.drawn is None else "Invented cohort: no real woman"


def _truth(answers: Answers) -> list[Section]:
    """What is true, where the persons are invented."""
    if answers.drawn is None:
        return []
    from .twin_truth import truth_section

    return [truth_section(answers, answers.drawn)]


def _facts(answers: Answers) -> tuple[tuple[str, str], ...]:
    cohort, smallest = answers.cohort, answers.study.report.smallest_cell
    facts = []
    sampled = cohort.design.sampled
    for count, words in (
        (cohort.persons, "persons in the sample" if sampled else "persons analysed"),
        (cohort.events, f"events: {outcome_words(cohort.follow_up.outcome)}"),
    ):
        facts.append((WITHHELD if small(count, smallest) else numbers.count(count), words))
    if _has_time(answers):
        unit = cohort.scale.person_time_unit + (" in the sample" if sampled else "")
        facts.append((numbers.person_time(cohort.person_time), unit))
    return tuple(facts)


def _has_time(answers: Answers) -> bool:
    """Whether anything on the page is about time; odds ratios are not."""
    ratios = any(one.measure == "hazard ratio" for one in answers.ratios)
    return ratios or bool(answers.rates or answers.curves) or not answers.ratios


def _question(answers: Answers) -> tuple[Block, ...]:
    blocks: list[Block] = list(answers.study.report.background)
    return tuple(blocks) or (answers.study.question,)


def _methods(answers: Answers) -> tuple[Block, ...]:
    """The sentences of the estimators, with the words for the exposures instead of their names."""
    sentences = [one.estimates.method for one in answers.ratios]
    sentences += [one.method for one in answers.rates.values()]
    sentences += [one.method for one in answers.curves.values()]
    items = []
    for sentence in dict.fromkeys(sentences):
        told = sentence[:1].upper() + sentence[1:]
        for exposure in answers.exposures():
            label = within_sentence(_label(answers.cohort, exposure))
            told = told.replace(f"'{exposure}'", f"'{label}'")
            told = told.replace(f"by {exposure};", f"by {label};")
        for outcome in answers.cohort.follow_up.outcomes:
            told = told.replace(f"'{outcome}'", f"'{outcome_words(outcome)}'")
        items.append(told)
    return (Listing(tuple(items)),)


def _found(answers: Answers) -> tuple[Block, ...]:
    """The last adjustment set of each exposure, in sentences made from the numbers."""
    items = []
    several = len({one.outcome for one in answers.ratios}) > 1
    for exposure, together in _each_ratio(answers):
        frame = together.frame
        of = f" of {outcome_words(frame['outcome'][0])}" if several else ""
        last = frame["adjustment"].to_list()[-1]
        for row in frame.iter_rows(named=True):
            if row["adjustment"] != last or row["modifier_level"] is not None:
                continue
            name = _label(answers.cohort, exposure)
            name = name[:1].upper() + name[1:]
            if row["estimate"] is None:
                items.append(f"{name}, {row['contrast']}: not estimable ({row['note']}).")
                continue
            level = numbers.level(row["conf_level"])
            limits = numbers.interval(row["conf_low"], row["conf_high"])
            items.append(
                f"{name}, {row['contrast']} ({last}): {row['measure']}{of} "
                f"{numbers.ratio(row['estimate'])}, {level} interval {limits}; "
                f"{_reading(row['conf_low'], row['conf_high'], row['measure'])}."
            )
    return (Listing(tuple(items)),) if items else ("No hazard ratio was asked for.",)


def _each_ratio(answers: Answers) -> list[tuple[str, Together]]:
    """Every exposure with its answers, as they stand together."""
    return [
        (exposure, together)
        for exposure in answers.exposures()
        for together in ratios_of(answers, exposure)
    ]


def _ratios_title(answers: Answers) -> str:
    measures = {one.estimates.frame["measure"][0] for one in answers.ratios}
    if measures == {"odds ratio"}:
        return "Odds ratios"
    return "Hazard ratios and odds ratios" if "odds ratio" in measures else "Hazard ratios"


def _reading(low: float | None, high: float | None, measure: str) -> str:
    if low is None or high is None:
        return "the likelihood sets no limit on one side, or on both"
    lower, higher = ("lower odds", "higher ones")
    side = "odds"
    if measure == "hazard ratio":
        lower, higher, side = "a lower rate", "a higher one", "rate"
    if low <= 1 <= high:
        return (
            f"the data are compatible with {lower} (down to {numbers.ratio(low)} times) and "
            f"with {higher} (up to {numbers.ratio(high)} times)"
        )
    way = "higher" if low > 1 else "lower"
    article = "a " if side == "rate" else ""
    return f"the whole interval lies on the side of {article}{way} {side}"


def _label(cohort: Cohort, exposure: str) -> str:
    labels = {variable.name: label_of(variable) for variable in cohort.variables}
    return labels.get(exposure, exposure)


def _participants(answers: Answers) -> tuple[Block, ...]:
    cohort, smallest = answers.cohort, answers.study.report.smallest_cell
    names = answers.study.report.table_1 or tuple(one.name for one in cohort.variables)
    grouped = [one for one in answers.exposures() if reference_word(cohort, one) is not None]
    exposure = grouped[0] if grouped else None
    return (flow_figure(cohort, smallest), table_one(cohort, exposure, names, smallest))


def _rates(answers: Answers) -> list[Section]:
    smallest = answers.study.report.smallest_cell
    per = [one.per for one in answers.study.estimators if isinstance(one, IncidenceRate)]
    tables = tuple(
        rates_table(estimates, answers.cohort, per[-1], smallest)
        for estimates in answers.rates.values()
    )
    return [Section("Rates", tables)] if tables else []


def _rehearsal(answers: Answers, rehearsal: Rehearsal | None) -> list[Section]:
    """The plan of the study where the truth is known."""
    if rehearsal is None:
        return []
    return [Section("Rehearsal", rehearsal_section(rehearsal, answers.study))]


def _ratios(answers: Answers, rehearsal: Rehearsal | None) -> tuple[Block, ...]:
    blocks: list[Block] = []
    smallest = answers.study.report.smallest_cell
    for exposure, together in _each_ratio(answers):
        mine, frame = list(together.answers), together.frame
        table = ratios_table(frame, answers.cohort, smallest)
        left_out = left_out_notes(frame, answers.cohort, smallest)
        told = (*table.notes, *_adjusted_for(mine), *left_out)
        if together.others:
            told = (*told, mine[0].estimates.method)
        if rehearsal is not None:
            blocks.append(_graded(rehearsal, together, exposure))
        blocks.append(Table(table.caption, table.header, table.rows, told, table.text_columns))
        blocks.append(forest_figure(frame, answers.cohort, smallest))
    return tuple(blocks) or ("No ratio was asked for.",)


def _graded(rehearsal: Rehearsal, together: Together, exposure: str) -> Table:
    """Beside each estimate, what the same analysis does where the truth is known."""
    first = together.answers[0]
    frame = rehearsal_columns(rehearsal, [one.estimates.frame for one in together.answers])
    rows = []
    for row in frame.filter(
        pl.col("exposure") == exposure,
        pl.col("measure") == first.measure,
        pl.col("outcome") == first.outcome,
        pl.col("estimator") == first.estimator,
    ).iter_rows(named=True):
        words = [_with_error(row, name) for name in ("bias", "coverage", "power")]
        rows.append(Row((row["contrast"], row["adjustment"], *words, row["meaning"])))
    level = numbers.level(first.estimates.frame["conf_level"][0])
    header = (
        "Contrast", "Adjusted for", "Bias (log scale)", f"Coverage of {level} intervals", "Power",
        "What an estimate of this size means",
    )  # fmt: skip
    note = "Measured on the twin of the study; Monte Carlo standard errors in brackets."
    return Table(
        f"The same analyses, rehearsed: {first.measure}", header, tuple(rows), (note,), (0, 1, 5)
    )


def _with_error(row: dict[str, Any], name: str) -> str:
    value, error = row[name], row[f"{name}_mcse"]
    if value is None:
        return numbers.NOTHING
    return f"{value:.3f}" + ("" if error is None else f" ({error:.3f})")


def _adjusted_for(answers: list[Answer]) -> list[str]:
    """For each adjustment set, in words, what it adjusts for and on which time scale."""
    told = []
    for one in answers:
        cohort = one.cohort
        known = [variable.name for variable in cohort.variables]
        for name, terms in one.asked.question.adjustments.items():
            words = []
            for term in terms:
                parsed = parse_term(term, known)
                label = " by ".join(within_sentence(_label(cohort, part)) for part in parsed.names)
                spline = " (spline)" if "rcs(" in term or "ns(" in term else ""
                words.append(label + spline)
            if one.measure == "hazard ratio":
                adjusted = numbers.listed(words) or "nothing besides the time scale"
                told.append(f"{name}: adjusted for {adjusted}; time scale: {cohort.scale.name}.")
            else:
                told.append(f"{name}: adjusted for {numbers.listed(words) or 'nothing'}.")
    return list(dict.fromkeys(told))


def _curves(answers: Answers) -> list[Section]:
    smallest = answers.study.report.smallest_cell
    blocks: list[Block] = []
    for exposure, curve in answers.curves.items():
        blocks.append(curve_figure(curve, answers.cohort, exposure, smallest))
    return [Section("Survival", tuple(blocks))] if blocks else []


def _proportional(answers: Answers) -> list[Section]:
    if not any(one.measure == "hazard ratio" for one in answers.ratios):
        return []
    return [Section("Proportional hazards", _hazards(answers))]


def _hazards(answers: Answers) -> tuple[Block, ...]:
    """The test, and the ratio in bands, for the last question that has fits of its own scale."""
    blocks: list[Block] = []
    for exposure in answers.exposures():
        mine = [
            one
            for one in answers.ratios
            if one.asked.question.exposure == exposure
            and one.asked.follow_up is None
            and one.measure == "hazard ratio"
        ]
        # Of the study's own outcome, where it was asked about.
        mine = [one for one in mine if one.outcome == one.cohort.follow_up.outcome] or mine
        if mine:
            blocks += _hazards_of(mine[-1].estimates, mine[-1].cohort, exposure, answers)
    return tuple(blocks) or (TOO_FEW_TO_CHECK,)


def _hazards_of(
    estimates: Estimates, cohort: Cohort, exposure: str, answers: Answers
) -> list[Block]:
    adjustment = str(estimates.frame["adjustment"][-1])
    if cohort.design.sampled or adjustment not in estimates.models:
        return [
            "A test of proportional hazards is not offered for a sampled design: the risk sets "
            "of the sample are not those of the cohort."
        ]
    test = hazards_test(estimates, adjustment)
    if test is None:
        return [TOO_FEW_TO_CHECK]
    blocks: list[Block] = [HOW_TO_READ, test_table(estimates, adjustment, cohort, exposure)]
    smallest = answers.study.report.smallest_cell
    label, step = step_of(cohort, exposure, estimates)
    ratios = banded_ratios(test, estimates.fit(adjustment), exposure, label, step)
    counts = [float(band.events) for one in ratios for band in one.bands]
    mine = estimates.frame.filter(pl.col("exposure") == exposure)
    # The bands add up to the events of their model.
    total = counts_in_words(mine, cohort, "events", smallest)[adjustment]
    if ratios and total != WITHHELD and not any(small(count, smallest) for count in counts):
        blocks.append(hazards_figure(ratios, cohort))
    return blocks


def _words(answers: Answers) -> list[Section]:
    report = answers.study.report
    sections = []
    if report.limitations:
        sections.append(Section("Limits", (Listing(report.limitations),)))
    if report.not_shown:
        sections.append(Section("What this does not show", (Listing(report.not_shown),)))
    return sections
