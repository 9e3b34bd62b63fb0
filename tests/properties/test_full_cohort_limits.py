"""A sample that is the whole cohort gives the analysis of the whole cohort."""

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analyses import BorganI, BorganII, Cox, LinYing, ModelBased, Prentice, Robust, SelfPrentice
from cohort import CaseCohort, split
from tests.properties.cohorts import QUESTION, cohort_of, estimable, tables

QUICK = settings(max_examples=20, deadline=None, derandomize=True)
SIMPLE = [Prentice(), SelfPrentice(), LinYing()]
STRATIFIED = [BorganI(), BorganII()]


def all_drawn(table, stratum):
    return CaseCohort("drawn", stratum="s" if stratum else None), table.with_columns(
        pl.lit(True).alias("drawn")
    )


def sized(design, table):
    """The size of the cohort, which is that of the sample."""
    if design.stratum is None:
        return CaseCohort("drawn", cohort_size=len(table))
    sizes = dict(table["s"].value_counts().iter_rows())
    return CaseCohort("drawn", cohort_size=sizes, stratum="s")


@QUICK
@given(tables(), st.sampled_from(SIMPLE + STRATIFIED), st.booleans())
def test_everyone_in_the_subcohort(table, weighting, late):
    """Breslow's ties, or none: the coefficients; and no variance from drawing is left."""
    design, table = all_drawn(table, isinstance(weighting, tuple(map(type, STRATIFIED))))
    design = sized(design, table)
    plain = Cox(ties="breslow", variance=ModelBased()).estimate(
        cohort_of(table, late=late), QUESTION
    )
    assume(estimable(plain))
    sampled = cohort_of(table, late=late, design=design)
    found = Cox(ties="breslow", weighting=weighting).estimate(sampled, QUESTION)
    assert found.fits[0].beta == pytest.approx(plain.fits[0].beta, rel=1e-8, abs=1e-10)
    ours = found.fits[0].covariance
    assert ours == pytest.approx(plain.fits[0].covariance, rel=1e-7, abs=1e-12)
    robust = Cox(ties="breslow", variance=Robust())
    full = robust.estimate(cohort_of(table, late=late), QUESTION).fits[0].covariance
    weighted = Cox(ties="breslow", weighting=weighting, variance=Robust())
    ours = weighted.estimate(sampled, QUESTION).fits[0].covariance
    assert ours == pytest.approx(full, rel=1e-7, abs=1e-12)


@QUICK
@given(tables(tied=False), st.sampled_from([Prentice(), LinYing()]))
def test_everyone_in_the_subcohort_without_ties(table, weighting):
    design, table = all_drawn(table, False)
    plain = Cox().estimate(cohort_of(table), QUESTION)
    assume(estimable(plain))
    sampled = cohort_of(table, design=sized(design, table))
    found = Cox(weighting=weighting).estimate(sampled, QUESTION)
    assert found.fits[0].beta == pytest.approx(plain.fits[0].beta, rel=1e-8, abs=1e-10)
    assert found.std_error == pytest.approx(plain.std_error, rel=1e-7)


@QUICK
@given(tables(least=16, most=30), st.sampled_from(SIMPLE + STRATIFIED), st.integers(0, 99))
def test_splitting_a_case_cohort_changes_nothing(table, weighting, seed):
    """Several records a person, which R's cch refuses: estimate and both variances."""
    stratified = isinstance(weighting, tuple(map(type, STRATIFIED)))
    rng = np.random.default_rng(seed)
    drawn = rng.random(len(table)) < 0.6
    drawn[-4:] = True
    design = CaseCohort("drawn", stratum="s" if stratified else None)
    cohort = cohort_of(table.with_columns(pl.Series("drawn", drawn)), design=design)
    assume(cohort.design.cohort_size is not None)
    assume(not stratified or len(set(table["s"])) == len(set(table["s"].filter(drawn))))
    pieces = split(cohort, at=[3.0, 5.0, 7.0])
    for variance in (None, Robust()):
        cox = Cox(ties="breslow", weighting=weighting, variance=variance)
        whole = cox.estimate(cohort, QUESTION)
        assume(estimable(whole))
        parts = cox.estimate(pieces, QUESTION)
        assert parts.fits[0].beta == pytest.approx(whole.fits[0].beta, rel=1e-8, abs=1e-10)
        ours = parts.fits[0].covariance
        assert ours == pytest.approx(whole.fits[0].covariance, rel=1e-7, abs=1e-12)
        assert parts.conf_low == pytest.approx(whole.conf_low, rel=1e-8)
