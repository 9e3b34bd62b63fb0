"""The scenarios err in the direction, and in the order, that an earlier run of them measured.

That run drew 60 replicates (400 of scenario 13) in other worlds of the same shape: sizes may
differ, which analysis gives the lower ratio may not. Compared are the long runs that the documents
state, to which ``test_expected.py`` holds the code.
"""

from itertools import pairwise
from math import log, sqrt

import pytest

from reports.report_card.document import read_scenario, scenario_documents

PATHS = {path.stem: path for path in scenario_documents()}
ERRORS = 4.0

ORDERS = (
    ("01_parity_confounding", "crude", "adjusted for parity"),
    ("02_immortal_time", "ever a carrier, from the start", "split where carriage begins",
     "landmark at 3 years"),
    ("03_left_truncation", "age scale, entry ignored", "age scale with entry",
     "time on study, age ignored"),
    ("03_left_truncation", "age scale, entry ignored", "time on study + age at entry",
     "time on study, age ignored"),
    ("04_competing_death", "cause-specific hazard of cancer",
     "risk ratio at 20 years, read as an effect on cancer"),
    ("05_assay_misclassification", "true carriage, which nobody sees",
     "the test as if it never erred"),
    ("06_differential_assay", "the test as if it never erred", "true carriage, which nobody sees"),
    ("07_non_collapsibility", "adjusted, for the conditional ratio",
     "crude, for the marginal ratio"),
    ("08_informative_censoring", "hazard ratio given z", "crude hazard ratio"),
    ("09_missing_confounder", "complete cases", "nothing missing"),
    ("09_missing_confounder", "complete cases",
     "complete cases, weighted by one over the chance to be recorded"),
    ("10_healthy_survivor", "adjusted for frailty", "survivors only, crude"),
    ("11_reverse_causation", "no lag", "lag of 3 years"),
    ("12_time_since_birth", "with bands of time since birth", "carriage along time, birth ignored"),
    ("13_case_cohort_unweighted", "Prentice", "as a plain cohort",
     "drawn by strata, as a plain cohort"),
    ("13_case_cohort_unweighted", "Lin-Ying", "as a plain cohort"),
    ("13_case_cohort_unweighted", "Borgan II", "drawn by strata, as a plain cohort"),
    ("14_hla_modification", "women without HLA alone",
     "one ratio for everyone, read as that of women without HLA", "product of carriage and HLA"),
    ("15_mediator", "total effect, without carriage",
     "adjusted for carriage, called the effect of parity"),
    ("16_m_bias", "adjusted for everything", "not adjusted"),
    ("17_negative_control", "injury, the negative control", "cancer, crude",
     "cancer, given the unmeasured cause"),
    ("18_waning", "ratio of the first 5 years", "one ratio over 10 years",
     "one ratio over 20 years", "ratio after 5 years"),
    ("19_detection_limit", "half a copy where none is found", "the true level, which nobody sees"),
    ("20_cohort_trend", "age scale alone", "a baseline for each five years of birth"),
    ("21_winners_curse", "only what is published (p < 0.05)", "every study"),
)  # fmt: skip
"""Analyses from the lowest ratio to the highest, as measured before."""

TOWARDS = {
    "01_parity_confounding": -1, "02_immortal_time": -1, "04_competing_death": 1,
    "05_assay_misclassification": 1, "06_differential_assay": -1, "07_non_collapsibility": 1,
    "08_informative_censoring": 1, "09_missing_confounder": -1, "10_healthy_survivor": 1,
    "11_reverse_causation": -1, "12_time_since_birth": 1, "13_case_cohort_unweighted": 1,
    "14_hla_modification": 1, "15_mediator": 1, "16_m_bias": -1, "17_negative_control": -1,
    "18_waning": 1, "19_detection_limit": -1, "20_cohort_trend": -1, "21_winners_curse": -1,
}  # fmt: skip
"""Sign of the bias of every naive analysis; scenario 03 has one of each and is in ORDERS."""

DIFFERENCES = (
    ("08_informative_censoring", "risk difference at 10 years by Kaplan-Meier", -0.113, 0.01),
    ("18_waning", "difference in mean event-free time by 20 years", 0.85, 0.05),
)
"""Measured before, and how near the value of this other world must lie."""


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order[0])
def test_the_order_is_the_one_measured_before(order):
    """Each step upward is larger than 4 Monte Carlo errors of both together."""
    name, *methods = order
    told = read_scenario(PATHS[name]).expected.methods
    for lower, higher in pairwise(methods):
        step = log(told[higher].mean) - log(told[lower].mean)
        error = sqrt(told[lower].bias_error ** 2 + told[higher].bias_error ** 2)
        assert step > ERRORS * error, (lower, higher)


@pytest.mark.parametrize("name", TOWARDS)
def test_the_bias_has_the_sign_measured_before(name):
    scenario = read_scenario(PATHS[name])
    naive = [method.name for method in scenario.methods if method.kind == "naive"]
    assert naive
    for method in naive:
        told = scenario.expected.methods[method]
        assert TOWARDS[name] * told.bias > ERRORS * told.bias_error, method


def test_every_scenario_is_put_in_order():
    assert set(PATHS) == {order[0] for order in ORDERS}
    assert set(PATHS) == {*TOWARDS, "03_left_truncation"}


@pytest.mark.parametrize(("name", "method", "before", "room"), DIFFERENCES)
def test_a_difference_has_the_size_measured_before(name, method, before, room):
    told = read_scenario(PATHS[name]).expected.methods[method]
    assert before == pytest.approx(told.mean, abs=room)


def test_what_is_left_within_five_years_of_birth_is_foretold():
    """Scenario 20: linear trends in carriage and in log incidence within each birth cohort.

    The bias is the slope of log incidence times the slope of birth year on carriage: covariance
    0.03 x 25/12 (variance of a uniform of 5 years) over the mean variance of carriage.
    """
    shares = [0.5 + 0.03 * (middle - 15) for middle in (2.5, 7.5, 12.5, 17.5, 22.5, 27.5)]
    variance = sum(share * (1 - share) for share in shares) / len(shares)
    foretold = -0.09 * 0.03 * (25 / 12) / variance
    told = read_scenario(PATHS["20_cohort_trend"]).expected.methods
    found = told["a baseline for each five years of birth"]
    assert foretold == pytest.approx(found.bias, abs=ERRORS * found.bias_error)
