"""Calibration: what is possible in closed form, what the shipped presets reach, what is refused."""

from math import exp

import numpy as np
import pytest

from cohort.errors import StudyError
from synthetic.calibration.expected import expected_findings
from synthetic.calibration.feasibility import implied, true_carriage
from synthetic.calibration.fitting import calibrate, check_feasible, reached
from synthetic.document.reading import read_world, shipped_worlds
from synthetic.generate import generate
from synthetic.sampled import enrolled_with
from tests.synthetic.documents import changed, plain_document, world

PRESETS = [name for name in shipped_worlds() if read_world(name).targets]
WANTED = {
    "dch2012", "ovary2021", "endometrium2022", "brain2023", "mortality2014", "mortality2025",
    "ihd_stroke2021", "gadi2007", "gadi2008", "cis2013", "ssc_artlett1998", "sle_mosca2003",
    "sle_kekow2013", "ra_kekow2013",
}  # fmt: skip


def test_every_preset_is_there():
    assert set(PRESETS) == WANTED


@pytest.mark.parametrize(
    ("controls", "cases", "se", "sp", "expected"),
    [
        (190 / 272, 36 / 89, 1.0, 1.0, 0.293),
        (190 / 272, 36 / 89, 0.95, 0.98, 0.261),
        (190 / 272, 36 / 89, 0.90, 0.95, 0.222),
        (190 / 272, 36 / 89, 0.80, 0.95, 0.140),
        (190 / 272, 60 / 67, 1.0, 1.0, 3.70),
        (190 / 272, 60 / 67, 0.95, 0.98, 5.96),
        (190 / 272, 60 / 67, 0.90, 0.95, 58.7),
        (20 / 47, 5 / 35, 0.90, 0.95, 0.155),
        (75 / 88, 57 / 89, 0.95, 0.98, 0.235),
    ],
)
def test_implied_odds_ratios(controls, cases, se, sp, expected):
    """methods.md 4.1, the table of implied odds ratios, to its three figures."""
    told = implied(controls, cases, sensitivity=se, specificity=sp)
    assert expected == pytest.approx(told.odds_ratio, rel=0.004)


@pytest.mark.parametrize(
    ("positive", "se", "sp", "words"),
    [
        (60 / 67, 0.80, 0.95, "sensitivity of at least 0.896 is needed"),
        (75 / 88, 0.75, 0.90, "sensitivity of at least 0.852"),
        (0.02, 0.9, 0.9, "specificity of at least 0.980"),
        (0.5, 0.5, 0.5, "tells nothing"),
    ],
)
def test_impossible_tables_are_refused_with_the_reason(positive, se, sp, words):
    with pytest.raises(StudyError, match=words):
        true_carriage(positive, se, sp, "cases")


def test_a_target_beyond_the_assay_is_refused():
    """90 % positive colon cancer cases need a sensitivity of 0.90; 2e4 genomes do not give it."""
    told = world("dch2012", ("assay.genome_equivalents", 2e4))
    with pytest.raises(StudyError, match=r"'colon_cases' of world 'dch2012'.*sensitivity"):
        check_feasible(told, "colon_cases")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_reach_their_targets(name):
    """Within the range that the document states, and near what it says to have reached.

    The document's numbers come from 262,144 women, these from 16,384 others: shares may differ by
    0.03, ratios by a tenth.
    """
    told = read_world(name)
    assert told.citation
    assert told.tensions
    table = reached(told, persons=16_384, seed=1)
    for row in table.iter_rows(named=True):
        assert row["within"], row
        stated = told.targets[row["target"]].reached
        share = row["quantity"].startswith("positive")
        allowed = 0.03 if share else 0.1 * stated
        assert abs(stated - row["reached"]) < allowed, row


def test_lupus_is_null_or_positive_by_the_assay_alone():
    """Same lives and hazard ratio in both; the documents differ in assay and eligibility."""
    null, positive = read_world("sle_mosca2003"), read_world("sle_kekow2013")
    assert null.acquisition == positive.acquisition
    assert null.outcomes["lupus"].chimerism == positive.outcomes["lupus"].chimerism
    assert null.assay != positive.assay


def _target(quantity: str, value: float, fitted: str) -> dict:
    return {
        "quantity": quantity, "outcome": "breast", "value": value, "low": value - 0.05,
        "high": value + 0.05, "fitted": fitted, "provenance": {"value": "assumed: a test"},
    }  # fmt: skip


def test_bisection_finds_the_parameter():
    """A perfect assay and constant hazards, from birth: a share of 0.6 are odds of 1.5 at entry.

    Half the hazard of 0.01 lets carriers stay free of the disease exp(0.005 * 53.4) times as often
    to the mean age at entry, so that the odds at birth are that much lower.
    """
    document = changed(plain_document(), ("acquisition.odds_ratio", 1.0))
    document["targets"] = {
        "cohort": _target("positive_in_cohort", 0.6, "acquisition.odds_ratio"),
        "cases": _target("test_hazard_ratio", 0.5, "outcomes.breast.chimerism"),
    }
    fitted = calibrate(document, persons=8000, seed=2)
    # 5,000 enrolled women: standard error of the share 0.007, of the log odds 0.028.
    assert fitted["acquisition"]["odds_ratio"] == pytest.approx(1.5 * exp(-0.005 * 53.4), rel=0.1)
    assert fitted["outcomes"]["breast"]["chimerism"] == pytest.approx(0.5, rel=0.01)
    told = world(fitted)
    found = expected_findings(told, "breast", persons=8000, seed=2)
    assert found.positive_in_cohort == pytest.approx(0.6, abs=1e-3)
    assert found.carriage == pytest.approx(found.positive_in_cohort, abs=1e-3)


def test_a_target_out_of_range_is_refused():
    document = plain_document()
    document["targets"] = {"x": _target("positive_in_cases", 0.9999, "outcomes.breast.chimerism")}
    with pytest.raises(StudyError, match=r"'x'.*cannot be reached.*runs from"):
        calibrate(document, persons=2000, seed=2, rounds=1)
    document["targets"] = {"x": _target("positive_in_case", 0.5, "outcomes.breast.chimerism")}
    with pytest.raises(StudyError, match="quantity: expected"):
        calibrate(document, persons=2000, seed=2, rounds=1)


def _shares(positive: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    share = positive[chosen].mean()
    return share, np.sqrt(share * (1 - share) / chosen.sum())


@pytest.mark.parametrize(
    ("name", "outcome", "window"),
    [("dch2012", "breast", 0.0), ("dch2012", "colon", 0.0), ("gadi2007", "breast", 5.0)],
)
def test_expected_findings_are_those_of_drawn_events(name, outcome, window):
    """Shares of positive samples among cases and others in 80,000 women, within 4 errors."""
    told = read_world(name)
    found = expected_findings(told, outcome, persons=32_768, seed=3)
    tables = generate(told, first=0, persons=80_000, seed=4).observed
    lazy = {key: frame.lazy() for key, frame in tables.items()}
    women = enrolled_with(told, lazy, outcome).join(tables["samples"], on="person")
    positive = women["positive"].to_numpy()
    before = women["before"].fill_null(1e9).to_numpy()
    case = before <= window if window else women["happened"].to_numpy() & (before > 1e8)
    assert case.sum() > 100
    for chosen, expected in (
        (case, found.positive_in_cases),
        (before > 1e8, found.positive_in_cohort),
    ):
        share, error = _shares(positive, chosen)
        assert abs(expected - share) < 4 * error, (expected, share, error)
    per_woman = case.sum() / (before > 1e8).sum()
    assert abs(per_woman - found.cases_per_woman) < 5 * np.sqrt(case.sum()) / (before > 1e8).sum()
