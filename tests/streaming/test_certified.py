"""R's numbers again, from files: the certification of the core with every row streamed.

The tests of tests/reference are run as they are, but each fit's rows of estimates, which they
compare with R's coefficients, standard errors, limits and p-values, come from a streamed fit of
the same records in three files.
"""

import itertools
from dataclasses import replace

import pytest

from tests.reference import fits, test_cox_cohorts, test_cox_lung, test_cox_validate
from tests.streaming.parts import streamed

# Each test, its arguments, and how many models it fits.
TESTS = [
    (test_cox_cohorts.test_pbc_on_the_age_scale, (), 6),
    (test_cox_cohorts.test_mgus_on_the_age_scale_by_sex, (), 3),
    (test_cox_cohorts.test_retinopathy, (), 3),
    (test_cox_cohorts.test_heart_transplants, (), 5),
    (test_cox_cohorts.test_recurrent_bladder_tumours, (), 14),
    (test_cox_cohorts.test_values_measured_again_in_pbc, (), 3),
    (test_cox_cohorts.test_split_follow_up_and_a_coefficient_for_each_period, (), 8),
    (test_cox_lung.test_main_model, ("efron",), 4),
    (test_cox_lung.test_main_model, ("breslow",), 4),
    (test_cox_lung.test_strata, (), 5),
]


@pytest.mark.parametrize(
    ("test", "given", "models"), TESTS, ids=lambda one: getattr(one, "__name__", "")
)
def test_r_from_files(test, given, models, monkeypatch, tmp_path):
    in_memory = fits.fitted
    counter = itertools.count()
    from_files = []

    def fitted(cox, cohort, question, names=(), model=0):
        one = in_memory(cox, cohort, question, names, model)
        frame = streamed(cox, cohort, question, tmp_path / str(next(counter))).frame
        begin = sum(len(m.columns.comparisons) for m in before(cohort, question, model))
        from_files.append(one)
        return replace(one, rows=frame[begin : begin + len(one.rows)])

    for module in (fits, test_cox_cohorts, test_cox_lung, test_cox_validate):
        if hasattr(module, "fitted"):
            monkeypatch.setattr(module, "fitted", fitted)
    test(*given)
    assert len(from_files) == models


def before(cohort, question, model):
    return list(fits.prepared(cohort, question))[:model]
