"""The page of what is certified is what the tests declare, and the harness can fail."""

import json
import math

import numpy as np
import pytest

from tests.reference import coverage
from tests.reference.oracle import HERE, Record, agree, agree_vector, leaves, load


def test_the_page_is_up_to_date():
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(), (
        "run: python -m tests.reference.coverage"
    )


def test_all_analyses_are_listed():
    rows = coverage.analyses()
    assert len(rows) == 91
    assert {row.status for row in rows} <= set(coverage.KINDS)


def test_certified_analyses_are_stored_and_named_in_their_tests():
    for row in coverage.analyses():
        if row.tests:
            assert (HERE / "results" / f"{row.name}.json").is_file(), row.name
        for name in row.tests:
            text = (coverage.TESTS.parent / name).read_text(encoding="utf-8")
            assert row.name in text, f"{name} does not mention {row.name}"


def test_stored_data_sets_have_a_licence():
    told = (HERE / "data" / "LICENCES.md").read_text(encoding="utf-8")
    for path in (HERE / "data").glob("*.csv*"):
        name = path.name.split(".")[0]
        assert f"| {name} |" in told, f"{name} has no row in LICENCES.md"


def test_agreement_is_refused_beyond_its_bound():
    agree(1.0 + 1e-9, 1.0, 1e-8)
    agree([math.inf, math.nan, 0.0], [math.inf, math.nan, 0.0], 1e-8)
    agree(1e-10, 0.0, 1e-8, scale=1.0)
    for ours, theirs, scale in (
        (1.0 + 1e-7, 1.0, 0.0), (1e-10, 0.0, 0.0), (math.nan, 1.0, 0.0), (1.0, math.nan, 0.0),
        (math.inf, 1.0, 0.0), (1.0, math.inf, 0.0), (-math.inf, math.inf, 0.0), (2e-8, 0.0, 1.0),
    ):  # fmt: skip
        with pytest.raises(AssertionError, match="the quantity"):
            agree(ours, theirs, 1e-8, scale, what="the quantity")
    with pytest.raises(AssertionError, match="shape"):
        agree([1.0, 2.0], [1.0], 1e-8)


def test_reduced_vectors_see_a_changed_element():
    record = load("cox_mgus2_age_scale_sex_strata")
    stored = record["residuals"]["martingale"]
    assert "values" not in stored
    n = int(stored["n"].number())
    with pytest.raises(AssertionError, match="martingale"):
        agree_vector(np.zeros(n), stored, 1e-8)


def test_a_number_that_nobody_compared_is_found():
    record = load("cox_lung_breslow")
    with pytest.raises(AssertionError, match="numbers not compared"):
        record.finish({})
    for key in record.results:
        if key != "vcov":
            record[key].read()
    with pytest.raises(AssertionError, match="16 numbers not compared"):
        record.finish({})
    assert isinstance(record, Record)
    record.finish({"vcov*": "a reason"})


def test_leaves_are_numbers():
    value = json.loads('{"a": [1, null, "NaN", "text", true], "b": {"c": "-Inf"}}')
    assert sorted(leaves(value, ())) == [("a", "0"), ("a", "2"), ("b", "c")]
