"""Each scenario does what its document says, and the right analyses pass the statistical gates.

The expected values come from a long run (``python -m tests.scenarios.record``), whose seed is not
that of these tests, and are held within 4 Monte Carlo errors of both runs together.
"""

from functools import cache
from math import exp, log, sqrt

import pytest

from reports.report_card.document import read_scenario, scenario_documents
from reports.report_card.running import run_scenario, summaries

SEED = 4711
FEW, MANY = 40, 1000
ERRORS = 4.0
GATED = 300
"""Cases that a world needs for the gates of bias and coverage."""

PATHS = {path.stem: path for path in scenario_documents()}
by_document = pytest.mark.parametrize("name", PATHS)


@cache
def run(name, replicates):
    scenario = read_scenario(PATHS[name])
    return scenario, summaries(scenario, run_scenario(scenario, replicates, SEED))


def hold_to_the_long_run(name, replicates):
    scenario, found = run(name, replicates)
    assert 0 == sum(one.failed for one in found)
    for method, one in zip(scenario.methods, found, strict=True):
        told = scenario.expected.methods[method.name]
        room = ERRORS * sqrt(one.bias_error**2 + told.bias_error**2)
        assert told.bias == pytest.approx(one.bias, abs=room), method.name
        # A share of 0 in the long run need not be 0 in truth: 1 in its replicates at most.
        share = min(max(told.coverage, 1 / told.seen), 1 - 1 / told.seen)
        spread = share * (1 - share) * (1 / one.seen + 1 / told.seen)
        assert told.coverage == pytest.approx(one.coverage, abs=ERRORS * sqrt(spread)), method.name


@by_document
def test_a_short_run_agrees_with_the_long_one(name):
    hold_to_the_long_run(name, FEW)


@pytest.mark.slow
@by_document
def test_another_long_run_agrees_with_the_long_one(name):
    hold_to_the_long_run(name, MANY)


@pytest.mark.slow
@by_document
def test_right_analyses_pass_the_gates(name):
    """House rule: bias within 3 Monte Carlo errors or a tenth of the empirical standard error;
    coverage 93 to 97 %."""
    scenario, found = run(name, MANY)
    for method, one in zip(scenario.methods, found, strict=True):
        if method.kind == "naive" or method.not_gated or one.events < GATED:
            continue
        if method.kind == "shown" and name == "20_cohort_trend":
            continue
        assert abs(one.bias) <= max(3 * one.bias_error, 0.1 * one.empirical), method.name
        assert 0.93 <= one.coverage <= 0.97, method.name


@by_document
def test_the_long_run_passes_the_gates(name):
    """The numbers that the document itself states."""
    scenario = read_scenario(PATHS[name])
    for method in scenario.methods:
        told = scenario.expected.methods[method.name]
        if method.kind != "right":
            continue
        empirical = told.bias_error * sqrt(told.seen)
        assert abs(told.bias) <= max(3 * told.bias_error, 0.1 * empirical), method.name
        assert 0.93 <= told.coverage <= 0.97, method.name


@by_document
def test_the_mean_and_the_bias_of_a_document_agree(name):
    scenario = read_scenario(PATHS[name])
    for method in scenario.methods:
        told = scenario.expected.methods[method.name]
        if method.scale == "ratio":
            assert told.mean == pytest.approx(method.truth * exp(told.bias), abs=2e-4)
        else:
            assert told.mean == pytest.approx(method.truth + told.bias, abs=2e-4)


MEASURED_BEFORE = (
    ("01_parity_confounding", "crude", log(0.5) - 0.08),
    ("02_immortal_time", "ever a carrier, from the start", log(0.19)),
    ("02_immortal_time", "landmark at 3 years", log(0.571)),
    ("03_left_truncation", "age scale, entry ignored", log(0.42)),
    ("03_left_truncation", "time on study, age ignored", log(0.67)),
    ("04_competing_death", "risk ratio at 20 years, read as an effect on cancer", log(1.25)),
    ("05_assay_misclassification", "the test as if it never erred", log(0.384)),
    ("06_differential_assay", "the test as if it never erred", log(0.70)),
    ("07_non_collapsibility", "crude, for the marginal ratio", log(0.643)),
    ("08_informative_censoring", "crude hazard ratio", log(0.637)),
    ("09_missing_confounder", "complete cases", log(0.5) - 0.24),
    ("10_healthy_survivor", "survivors only, crude", log(1.53)),
    ("11_reverse_causation", "no lag", log(0.73)),
    ("12_time_since_birth", "carriage along time, birth ignored", log(0.5) + 0.077),
    ("13_case_cohort_unweighted", "as a plain cohort", log(0.35) + 0.113),
    ("13_case_cohort_unweighted", "drawn by strata, as a plain cohort", log(0.35) + 0.212),
    ("14_hla_modification", "one ratio for everyone, read as that of women without HLA", 0.34),
    ("15_mediator", "adjusted for carriage, called the effect of parity", -0.09),
    ("15_mediator", "total effect, without carriage", -0.577),
    ("16_m_bias", "adjusted for everything", log(0.62)),
    ("17_negative_control", "cancer, crude", log(0.766)),
    ("17_negative_control", "injury, the negative control", log(0.750)),
    ("18_waning", "ratio of the first 5 years", log(0.40)),
    ("18_waning", "one ratio over 10 years", log(0.69)),
    ("18_waning", "one ratio over 20 years", log(0.83)),
    ("19_detection_limit", "half a copy where none is found", -0.5 - 0.129),
    ("20_cohort_trend", "age scale alone", -0.20),
    ("20_cohort_trend", "a baseline for each five years of birth", -0.007),
    ("21_winners_curse", "only what is published (p < 0.05)", -0.65),
)
"""What an earlier run of the catalogue, in other worlds of the same shape, gave on the log scale;
60 replicates each, with Monte Carlo errors of about 0.02 (two of 0.01 and less)."""


@pytest.mark.parametrize(("name", "method", "before"), MEASURED_BEFORE)
def test_size_and_direction_are_those_measured_before(name, method, before):
    """Within 0.07 on the log scale: the worlds are not the same, their lesson is."""
    told = read_scenario(PATHS[name]).expected.methods[method]
    assert before == pytest.approx(log(told.mean), abs=0.07)
