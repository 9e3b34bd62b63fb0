"""Scenario documents: all 21 are there, each is read, and a fault in one is told."""

import tomllib

import pytest

from cohort.errors import StudyError
from reports.report_card.document import read_scenario, scenario_documents, scenario_of
from reports.report_card.people import cohorts_of

CATALOGUE = (
    "parity_confounding", "immortal_time", "left_truncation", "competing_death",
    "assay_misclassification", "differential_assay", "non_collapsibility",
    "informative_censoring", "missing_confounder", "healthy_survivor", "reverse_causation",
    "time_since_birth", "case_cohort_unweighted", "hla_modification", "mediator", "m_bias",
    "negative_control", "waning", "detection_limit", "cohort_trend", "winners_curse",
)  # fmt: skip


def test_the_catalogue_is_whole():
    expected = [f"{place:02d}_{name}" for place, name in enumerate(CATALOGUE, start=1)]
    assert expected == [path.stem for path in scenario_documents()]


@pytest.mark.parametrize("path", scenario_documents(), ids=lambda path: path.stem)
def test_each_has_a_naive_analysis_and_a_right_one_or_says_what_is_lacking(path):
    scenario = read_scenario(path)
    kinds = {method.kind for method in scenario.methods}
    assert "naive" in kinds
    assert "right" in kinds or scenario.head.waiting
    assert scenario.expected is not None
    assert scenario.expected.replicates >= 1000
    assert set(scenario.expected.methods) == {method.name for method in scenario.methods}


TEXT = """
[scenario]
title = "A title"
question = "A question?"
teaches = ["A sentence."]
persons = 100
[world]
columns = [
    { name = "carrier", draw = "bernoulli", probability = 0.5 },
    { name = "exit", draw = "time", baseline = { kind = "exponential", rate = 0.1 } },
    { name = "event", draw = "is", value = "exit > 0" },
]
[variables]
carrier = { kind = "binary" }
[cohorts.all]
scale = { name = "time", unit = "years" }
exit = "exit"
event = "event"
[[methods]]
name = "crude"
kind = "naive"
cohort = "all"
exposure = "carrier"
estimator = { kind = "cox" }
truth = 1.0
truth_from = "built in"
"""


def test_the_document_that_the_faults_below_are_made_of_is_read():
    scenario = scenario_of(tomllib.loads(TEXT), "title")
    assert "crude" == scenario.methods[0].name


@pytest.mark.parametrize(
    ("was", "becomes", "story"),
    [
        ('cohort = "all"', 'cohort = "al"', "asks for the cohort 'al': did you mean 'all'?"),
        ('exit = "exit"', 'exit = "exot"', "names the column 'exot': did you mean 'exit'?"),
        ('event = "event"', 'event = "event"\nkeep = "exot > 3"', "keep names 'exot'"),
        ('kind = "naive"', 'kind = "nave"', "is 'nave': did you mean 'naive'?"),
        ('kind = "cox"', 'kind = "coks"', "has kind = 'coks'"),
        ('kind = "cox"', 'kind = "logistic", weighting = "prentice"', "has no weighting"),
        ('kind = "cox"', 'kind = "cox", weighting = "prentise"', "did you mean 'prentice' or"),
        ("persons = 100", "people = 100", "unknown key 'people'"),
        ("truth = 1.0", "", "lacks 'truth'"),
        ("[variables]", "[variable]", "unknown key 'variable'"),
        ("carrier = {", "carryer = {", "reads the column 'carryer': did you mean 'carrier'?"),
        ("estimator = {", "# {", "needs estimator ="),
        ("[[methods]]", '[expected]\nseed = 1\nreplicates = 1\nmethods = { crud = { mean = 1.0, '
         "bias = 0.0, bias_error = 0.0, coverage = 0.9, coverage_error = 0.0, seen = 1 } }\n"
         "[[methods]]", "[expected] names the method 'crud': did you mean 'crude'?"),
    ],
)  # fmt: skip
def test_a_fault_is_told(was, becomes, story):
    text = TEXT.replace(was, becomes, 1)
    assert text != TEXT
    with pytest.raises(StudyError) as told:
        scenario_of(tomllib.loads(text), "title")
    assert story in str(told.value)


def test_a_file_that_is_absent_or_not_toml_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"no scenario document 'nowhere\.toml'"):
        read_scenario(tmp_path / "nowhere.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("[scenario", encoding="utf-8")
    with pytest.raises(StudyError, match=r"'bad\.toml' is not TOML"):
        read_scenario(bad)


def test_a_sample_by_a_level_that_is_none_is_refused():
    text = TEXT.replace(
        'event = "event"\n[[',
        'event = "event"\nsample = { design = "case-cohort", size = { maybe = 5 }, '
        'stratum = "carrier" }\n[[',
    )
    with pytest.raises(StudyError, match="names the level 'maybe' of 'carrier'"):
        cohorts_of(scenario_of(tomllib.loads(text), "title"), 1)


def test_a_stratified_sample_is_drawn_as_the_document_says():
    text = TEXT.replace(
        'event = "event"\n[[',
        'event = "event"\nsample = { design = "case-cohort", size = { no = 7, yes = 5 }, '
        'stratum = "carrier" }\n[[',
    ).replace('value = "exit > 0"', 'value = "exit > 10"')
    cohort = cohorts_of(scenario_of(tomllib.loads(text), "title"), 1)["all"]
    drawn = cohort.frame.filter("_subcohort").group_by("carrier").len()
    assert {(False, 7), (True, 5)} == set(drawn.iter_rows())
