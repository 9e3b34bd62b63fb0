"""Measures of Morris, White and Crowther (2019), Stat Med 38:2074, table 6, on values by hand."""

import math

import numpy as np
import polars as pl
import pytest

from analyses.grading import MEASURES, SCHEMA, measures
from cohort.errors import QuestionError


def rows_of(estimates, errors, truth, *, method="one", scenario="s", replicate=None):
    """Rows with 95 % Wald intervals; an estimate of None did not converge."""
    z = 1.959963984540054
    count = len(estimates)
    there = [one is not None for one in estimates]
    both = list(zip(estimates, errors, strict=True))
    return pl.DataFrame(
        {
            "study": ["a study"] * count,
            "scenario": [scenario] * count,
            "method": [method] * count,
            "replicate": list(range(count)) if replicate is None else replicate,
            "seed": [0] * count,
            "scale": ["log"] * count,
            "truth": [truth] * count,
            "estimate": estimates,
            "std_error": [se if ok else None for se, ok in zip(errors, there, strict=True)],
            "conf_low": [None if b is None else b - z * s for b, s in both],
            "conf_high": [None if b is None else b + z * s for b, s in both],
            "p_value": [
                None if b is None else math.erfc(abs(b / s) / math.sqrt(2)) for b, s in both
            ],
            "events": [10] * count,
            "persons": [100] * count,
            "converged": there,
            "note": [None] * count,
        },
        schema=SCHEMA,
    )


def told(frame, measure, method="one"):
    found = frame.filter((pl.col("measure") == measure) & (pl.col("method") == method))
    return found["value"][0], found["mcse"][0], found["n"][0]


ROWS = rows_of([-1.0, -0.5, 0.0, 0.5], [0.2, 0.3, 0.4, 0.5], -0.5)
"""Errors -0.5, 0, 0.5, 1. Intervals: (-1.39, -0.61) (-1.09, 0.09) (-0.78, 0.78) (-0.48, 1.48)."""


def test_hand_values() -> None:
    found = measures(ROWS)
    s = math.sqrt((0.75**2 + 0.25**2 + 0.25**2 + 0.75**2) / 3)
    assert (0.25, s / 2, 4) == pytest.approx(told(found, "bias"))
    assert (s, s / math.sqrt(6), 4) == pytest.approx(told(found, "empirical SE"))
    squares = np.array([0.04, 0.09, 0.16, 0.25])
    mean, variance = 0.135, float(np.sum((squares - 0.135) ** 2) / 3)
    model = math.sqrt(mean)
    assert (model, math.sqrt(variance / (16 * mean)), 4) == pytest.approx(told(found, "model SE"))
    relative = math.sqrt(variance / (16 * mean**2) + 1 / 6)
    assert (100 * (model / s - 1), 100 * model / s * relative, 4) == pytest.approx(
        told(found, "relative error in model SE")
    )
    spread = math.sqrt(np.sum((np.array([0.25, 0, 0.25, 1]) - 0.375) ** 2) / 3)
    assert (0.375, spread / 2, 4) == pytest.approx(told(found, "MSE"))
    # -0.5 lies in the second and third interval; the mean estimate, -0.25, in those two and the
    # fourth; only -1 / 0.2 rejects.
    assert (0.5, 0.25, 4) == pytest.approx(told(found, "coverage"))
    assert (0.75, math.sqrt(0.75 * 0.25 / 4), 4) == pytest.approx(
        told(found, "bias-eliminated coverage")
    )
    assert (0.25, math.sqrt(0.25 * 0.75 / 4), 4) == pytest.approx(told(found, "rejection"))
    assert (0.0, math.sqrt(2 / 5 * 3 / 5 / 5), 1) == pytest.approx(told(found, "type S"))
    value, error, n = told(found, "type M")
    assert (2.0, None, 1) == (value, error, n)
    assert (10.0, 0.0, 4) == told(found, "mean events")
    assert (-0.25, s / 2, 4) == pytest.approx(told(found, "mean estimate"))


def test_without_an_estimate() -> None:
    """Two of six did not converge: counted, and in the worst case they miss the truth."""
    both = rows_of([-1.0, -0.5, 0.0, 0.5, None, None], [0.2, 0.3, 0.4, 0.5, 1.0, 1.0], -0.5)
    found = measures(both)
    assert (4 / 6, math.sqrt(4 / 6 * 2 / 6 / 6), 6) == pytest.approx(told(found, "convergence"))
    assert (2 / 6, math.sqrt(2 / 6 * 4 / 6 / 6), 6) == pytest.approx(
        told(found, "coverage, worst case")
    )
    assert told(found, "coverage") == told(measures(ROWS), "coverage")
    assert (0.25, 4) == (told(found, "bias")[0], told(found, "bias")[2])


def test_nothing_converged() -> None:
    found = measures(rows_of([None, None], [1.0, 1.0], 0.0))
    none_of_two = math.sqrt(2 / 6 * 4 / 6 / 6)
    assert (0.0, none_of_two, 2) == pytest.approx(told(found, "convergence"))
    assert (None, None, 0) == told(found, "bias")
    assert (None, None, 0) == told(found, "coverage")
    assert (0.0, none_of_two, 2) == pytest.approx(told(found, "coverage, worst case"))


def test_one_replicate_has_no_spread() -> None:
    found = measures(rows_of([0.3], [0.1], 0.0))
    assert (0.3, None, 1) == told(found, "bias")
    assert told(found, "empirical SE")[:2] == (None, None)


def test_no_effect_has_no_sign_and_no_size() -> None:
    found = measures(rows_of([-1.0, 1.0, 0.0], [0.2, 0.2, 0.2], 0.0))
    assert (None, None, 0) == told(found, "type S")
    assert (None, None, 0) == told(found, "type M")
    assert 2 / 3 == pytest.approx(told(found, "rejection")[0])


def test_wrong_signs() -> None:
    """Of three that reject, one has the wrong sign; their mean size is 1.0 against 0.5."""
    found = measures(rows_of([-1.0, 1.0, -1.0, 0.1], [0.2] * 4, -0.5))
    assert (1 / 3, math.sqrt(2 / 27), 3) == pytest.approx(told(found, "type S"))
    assert (2.0, 0.0, 3) == pytest.approx(told(found, "type M"))


def test_relative_precision_is_paired() -> None:
    """By replicate, whatever the order of the rows, and only where both have an estimate."""
    one = rows_of([0.0, 1.0, 2.0, 4.0, 9.0], [1.0] * 5, 0.0)
    two = rows_of([None, 2.0, 1.0, 0.5, 0.0], [1.0] * 5, 0.0, method="two",
                  replicate=[4, 3, 2, 1, 0])  # fmt: skip
    a, b = np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 0.5, 1.0, 2.0])
    ratio = a.var(ddof=1) / b.var(ddof=1)
    found = measures(pl.concat([one, two]))
    value, error, n = told(found, "relative precision", "two")
    assert (100 * (ratio - 1), 4) == (pytest.approx(value), n)
    # Perfectly correlated: the ratio of spreads is known without error.
    assert pytest.approx(0.0, abs=1e-4) == error
    assert found.filter(pl.col("measure") == "relative precision")["method"].to_list() == ["two"]
    turned = measures(pl.concat([one, two]), reference="two")
    assert 100 * (1 / ratio - 1) == pytest.approx(told(turned, "relative precision")[0])


def test_every_measure_is_listed_once() -> None:
    both = pl.concat([ROWS, rows_of([1.0, 2.0, 0.5], [1.0] * 3, -0.5, method="two")])
    assert list(MEASURES) == measures(both).filter(pl.col("method") == "two")["measure"].to_list()


def test_refused() -> None:
    with pytest.raises(QuestionError, match="did you mean 'one'"):
        measures(ROWS, reference="ones")
    with pytest.raises(QuestionError, match="between 0 and 1"):
        measures(ROWS, level=5)


def repeated(studies: int, replicates: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Measures of many simulation studies of two correlated normal estimators."""
    rng = np.random.default_rng(20190401)
    found = []
    for study in range(studies):
        shared = rng.normal(size=replicates)
        parts = []
        for method, own, wrong in (("one", 0.2, 1.0), ("two", 0.3, 0.9)):
            estimate = 0.4 + 0.15 * shared + own * rng.normal(size=replicates)
            spread = math.hypot(0.15, own)
            se = wrong * spread * np.sqrt(rng.chisquare(60, replicates) / 60)
            parts.append(
                rows_of(estimate.tolist(), se.tolist(), 0.5, method=method, scenario=str(study))
            )
        found.append(pl.concat(parts))
    all_of_them = measures(pl.concat(found))
    over = all_of_them.group_by("method", "measure").agg(
        sd=pl.col("value").std(), mean=pl.col("mcse").mean(), n=pl.col("value").count()
    )
    return all_of_them, over


GIVEN = (
    "bias", "empirical SE", "model SE", "relative error in model SE", "MSE", "coverage",
    "bias-eliminated coverage", "rejection", "type M", "relative precision",
)  # fmt: skip


@pytest.mark.parametrize(
    ("studies", "tolerance"),
    [(150, 0.25), pytest.param(1_000, 0.12, marks=pytest.mark.slow)],
)
def test_monte_carlo_errors_are_the_spread_over_studies(studies: int, tolerance: float) -> None:
    """The mean MCSE is the standard deviation of the measure over repeated studies.

    The SD over k studies has a relative error of about 1 / sqrt(2 k): 0.058 and 0.022; the
    tolerance is about 4 to 5 of these.
    """
    _, over = repeated(studies, 120)
    for row in over.iter_rows(named=True):
        if row["measure"] in GIVEN and row["n"] == studies:
            assert row["mean"] == pytest.approx(row["sd"], rel=tolerance), row


def test_a_share_of_all_or_none_has_an_error() -> None:
    """10 of 10: that of 12 of 14, sqrt(12/14 * 2/14 / 14) (Agresti and Coull 1998)."""
    found = measures(rows_of([0.0] * 10, [1.0] * 10, 0.0))
    expected = math.sqrt(12 / 14 * 2 / 14 / 14)
    assert (1.0, expected, 10) == pytest.approx(told(found, "coverage"))
    assert (0.0, expected, 10) == pytest.approx(told(found, "rejection"))
