"""The house style of numbers (CONTRIBUTING.md, rule 9 and the style page): two decimals, three
figures below 0.1, p never 0.000 and never stars."""

import pytest

from reports import numbers


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2.0649, "2.06"),
        (0.1, "0.10"),
        (0.0996, "0.0996"),
        (0.09996, "0.100"),
        (0.00012345, "0.000123"),
        (12.345, "12.35"),
        (0.0, "0"),
        (float("inf"), "infinity"),
        (1e6, "> 1,000"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_ratios(value: float | None, words: str) -> None:
    assert words == numbers.ratio(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "< 0.001"),
        (0.00099, "< 0.001"),
        (0.001, "0.0010"),
        (0.01234, "0.012"),
        (0.0996, "0.10"),
        (0.5, "0.50"),
        (0.995, "> 0.99"),
        (1.0, "> 0.99"),
        (None, "–"),
    ],
)
def test_p_values(value: float | None, words: str) -> None:
    assert words == numbers.p_value(value)


def test_intervals_and_counts() -> None:
    assert "1.87 to 2.27" == numbers.interval(1.8704, 2.2745)
    assert "2.06 (1.87 to 2.27)" == numbers.ratio_with_interval(2.06, 1.87, 2.27)
    assert "0 to infinity" == numbers.interval(0.0, float("inf"))
    assert "–" == numbers.interval(None, 2.0)
    assert "20,000" == numbers.count(20_000)
    assert "12.5 %" == numbers.share(1, 8)
    assert "–" == numbers.share(0, 0)
    assert "95 %" == numbers.level(0.95)
    assert "99.9 %" == numbers.level(0.999)


def test_rates_and_measurements() -> None:
    assert "15.8" == numbers.rate(15.824)
    assert "9.92" == numbers.rate(9.919)
    assert "1,234" == numbers.rate(1234.4)
    assert "0" == numbers.rate(0.0)
    assert "24.6" == numbers.measurement(24.58)
    assert "0.48" == numbers.measurement(0.4849)
    assert "a, b and c" == numbers.listed(["a", "b", "c"])
    assert "0.00" == numbers.difference(-0.001)
