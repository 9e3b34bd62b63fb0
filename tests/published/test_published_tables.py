"""The shipped published tables, their reader, and the pool of the breast tables.

Sources: the evidence compilation of 2026-11-23, whose own crude odds ratios (Woolf, 1.96, rounded
to three decimals) and pools are in `data/evidence_derived.json`; they were made there from the same
counts by other code, and are compared to half a unit of the last printed digit and the 1.96.
"""

import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from analyses.estimate import SCHEMA
from analyses.pooling.pool import pool, prediction_interval
from analyses.pooling.published_pool import (
    STUDY_SCHEMA,
    crude_rows,
    pool_printed,
    pool_tables,
    printed_rows,
)
from analyses.pooling.study_estimate import (
    crude_odds_ratios,
    published_effects,
    shared_controls_covariance,
    table_of,
)
from cohort.errors import NotEstimableError, SchemaError, StudyError
from cohort.published import PublishedGroup, select_tables
from cohort.published_door import read_published
from tests.published.reference import EVIDENCE

DERIVED = json.loads(
    (Path(__file__).parent / "data" / "evidence_derived.json").read_text(encoding="utf-8")
)
TABLES = read_published(EVIDENCE)
BY_ID = {table.id: table for table in TABLES}
STUDY = tomllib.loads((EVIDENCE.parents[1] / "published_breast.toml").read_text(encoding="utf-8"))
BREAST = select_tables(TABLES, STUDY["pooling"]["tables"])
DANISH = select_tables(TABLES, ["hallum_2021_ovarian", "hallum_2022_endometrial"])


def printed(value, got):
    """Equal to what three decimals and a normal quantile of 1.96 can tell."""
    assert value == pytest.approx(got, abs=6e-4, rel=1.5e-4)


def test_all_records_are_there():
    """69 records; every known number has its mark, every unknown number is null."""
    assert 69 == len(TABLES) == len(BY_ID)
    document = json.loads(EVIDENCE.read_text(encoding="utf-8"))
    assert "null" in document["about"]
    for table in TABLES:
        for group in (table.cases, table.controls, *table.other_groups):
            if group is not None:
                assert (group.exposed is None) == (group.exposed_provenance is None)
                assert (group.total is None) == (group.total_provenance is None)


@pytest.mark.parametrize("name", sorted(DERIVED["crude"]))
def test_crude_odds_ratios_agree_with_the_compilation(name):
    """All 32 tables with counts that were computed there, three with 0.5 added."""
    expected = DERIVED["crude"][name]
    correction = 0.5 if "+0.5" in expected["method"] else None
    (got,) = crude_odds_ratios([BY_ID[name]], zero_cell_correction=correction)
    std_error = math.sqrt(got.variance)
    printed(expected["estimate"], got.estimate)
    printed(expected["ci_low"], math.exp(got.value - 1.96 * std_error))
    printed(expected["ci_high"], math.exp(got.value + 1.96 * std_error))
    assert bool(correction) == BY_ID[name].counts.count(0)


def test_only_these_tables_have_counts():
    """No count has been filled in: the computed ones are exactly those of the compilation."""
    assert set(DERIVED["crude"]) == {table.id for table in TABLES if table.has_counts}
    with pytest.raises(NotEstimableError, match=r"hallum_2021_ovarian.*no full count of cases"):
        table_of(BY_ID["hallum_2021_ovarian"])


def test_the_breast_tables_pool_to_the_published_figure():
    """0.265 (0.196 to 0.358), I2 0 %: issue 2 and the evidence compilation, section 1."""
    got = pool_tables(BREAST, method="DL")
    for one in (got.fixed, got.random):
        printed(0.265, one.estimate)
        printed(0.196, one.conf_low)
        printed(0.358, one.conf_high)
    assert 0 == got.random.heterogeneity.i2 == got.random.heterogeneity.tau2
    # Q 1.005 there, from rounded odds ratios; 1.014 from the counts.
    assert DERIVED["pools"]["breast_all_crude"]["Q"] == pytest.approx(
        got.fixed.heterogeneity.q, abs=0.01
    )
    assert prediction_interval(got.random) == got.prediction
    assert any("6 studies" in warning for warning in got.warnings)


@pytest.mark.parametrize("name", ["breast_blood_crude", "autoimmune_rheum_male_blood_crude"])
def test_other_pools_of_the_compilation(name):
    """Four blood tables; seven rheumatic ones, where tau2 is 0.94. From rounded inputs there."""
    expected = DERIVED["pools"][name]
    estimates = crude_odds_ratios(select_tables(TABLES, expected["ids"]))
    for method, key in (("FE", "fixed"), ("DL", "random")):
        got = pool(estimates, method=method)
        for value, ours in zip(
            expected[key], (got.estimate, got.conf_low, got.conf_high), strict=True
        ):
            assert value == pytest.approx(ours, rel=2e-3)
    assert expected["I2_pct"] == pytest.approx(got.heterogeneity.i2, abs=0.1)
    assert expected["tau2"] == pytest.approx(got.heterogeneity.tau2, abs=2e-3)


def test_odds_and_hazard_ratios_of_one_cohort_are_not_pooled():
    """The compilation pooled them "naively" (0.48); here that is refused."""
    ids = DERIVED["pools"]["DCH_cancers_excl_colon_published"]["ids"]
    with pytest.raises(SchemaError, match="hazard ratio, odds ratio"):
        pool_printed(select_tables(TABLES, ids))


def test_the_inverted_paper_is_turned_and_says_so():
    """Dhimolea 2013 printed 4.75 (2.34 to 9.69) for normal against cancer: 0.21 (0.10 to 0.43)."""
    table = BY_ID["dhimolea_2013"]
    effect = table.effects[0]
    assert (4.75, 2.34, 9.69) == (effect.estimate, effect.conf_low, effect.conf_high)
    assert effect.inverted
    turned = effect.directed
    assert (1 / 4.75, 1 / 9.69, 1 / 2.34) == pytest.approx(
        (turned.estimate, turned.conf_low, turned.conf_high)
    )
    assert not turned.inverted
    assert turned.directed == turned
    assert "printed inverted: 4.75 (2.34 to 9.69)" in turned.note
    for frame in (crude_rows([table]), printed_rows([table])):
        assert all(1 > estimate for estimate in frame["estimate"])
        assert frame["note"].str.contains("printed").all()
    # The counts give the odds ratio that was printed.
    assert 4.75 == pytest.approx(1 / crude_rows([table])["estimate"][0], abs=5e-3)
    assert 1 == sum(effect.inverted for one in TABLES for effect in one.effects)


def test_what_is_not_published_is_marked_in_the_rows():
    """Inferred counts of four breast tables; the remembered odds ratio of Gadi 2008."""
    frame = crude_rows(BREAST)
    inferred = frame.filter(frame["note"].str.contains("inferred").fill_null(False))
    assert {
        "gadi_nelson_2007",
        "gadi_2010_breast_tissue",
        "dhimolea_2013",
        "kamper_2012_breast",
    } == set(inferred["study"])
    remembered = printed_rows([BY_ID["gadi_2008"]])["note"][0]
    assert "estimate memory" in remembered
    assert "exposed cases memory" in crude_rows([BY_ID["chan_2012_brain"]])["note"][0]


def test_rows_have_the_columns_of_estimates():
    """The house's columns, and the study before them; two rows a study and two pools."""
    frame = pool_tables(BREAST).frame
    assert ["study", *SCHEMA] == frame.columns == list(STUDY_SCHEMA)
    assert 2 * len(BREAST) + 2 == len(frame)
    assert 939 == frame["persons"][-1]
    assert 400 == frame["events"][-1]


def test_rows_that_cannot_be_estimated_stay_with_a_reason():
    """Unknown counts; an empty cell keeps its exact one-sided limit."""
    frame = crude_rows([BY_ID["hallum_2021_ovarian"], BY_ID["kuroki_2002_ss"]])
    assert [None, None] == frame["estimate"][:2].to_list()
    assert "not found" in frame["note"][0]
    assert "empty cell" in frame["note"][1]
    assert math.inf == frame["conf_high"][2]
    assert "one-sided 97.5 %" in frame["note"][2]
    with pytest.raises(NotEstimableError, match="kuroki_2002_ss"):
        pool_tables([BY_ID["kuroki_2002_ss"], BY_ID["endo_2002_ss"]])


def test_every_printed_effect_becomes_one_row():
    """All tables: rows are positive, limits enclose, measures are named."""
    frame = printed_rows(TABLES)
    effects = [one for table in TABLES for one in table.effects if one.estimate is not None]
    assert len(effects) == len(frame)
    known = frame.filter(frame["conf_low"].is_not_null())
    assert (known["conf_low"] <= known["estimate"]).all()
    assert (known["estimate"] <= known["conf_high"]).all()
    assert frame["measure"].null_count() == 0


def test_shared_controls_by_hand():
    """Breast and colon share 190 and 82 controls: covariance 1/190 + 1/82, and the pool widens."""
    tables = [BY_ID["kamper_2012_breast"], BY_ID["kamper_2012_colon"]]
    estimates = crude_odds_ratios(tables)
    covariance = shared_controls_covariance(tables, estimates)
    assert 1 / 190 + 1 / 82 == pytest.approx(covariance[0, 1], rel=1e-14)
    assert 1 / 36 + 1 / 53 + 1 / 190 + 1 / 82 == pytest.approx(covariance[0, 0], rel=1e-12)
    naive = pool(estimates, method="FE")
    correlated = pool(estimates, method="FE", covariance=covariance)
    assert correlated.std_error > naive.std_error
    assert any("as if independent" in warning for warning in naive.warnings)
    assert any("correlation of 0.16" in warning for warning in correlated.warnings)


def test_danish_hazard_ratios_share_a_subcohort():
    """333 and 172 women of the 505: pooled with that covariance the interval widens."""
    estimates = published_effects(DANISH)
    covariance = shared_controls_covariance(DANISH, estimates)
    assert 1 / 333 + 1 / 172 == pytest.approx(covariance[0, 1], rel=1e-14)
    naive, correlated = pool_printed(DANISH), pool_printed(DANISH, covariance=covariance)
    assert correlated.fixed.std_error > naive.fixed.std_error
    assert any("dch_505" in warning for warning in naive.warnings)
    assert naive.prediction is None
    assert None is naive.frame["persons"][-1]


def test_shared_controls_that_differ_are_refused():
    """Mortality in the 272 has other "controls" (the living); the order of estimates matters."""
    tables = [BY_ID["kamper_2012_breast"], BY_ID["kamper_2014_mortality"]]
    with pytest.raises(SchemaError, match="other control counts"):
        shared_controls_covariance(tables, crude_odds_ratios(tables))
    with pytest.raises(SchemaError, match="same order"):
        shared_controls_covariance(tables, crude_odds_ratios(tables[::-1]))
    unknown = [BY_ID["hallum_2021_ihd"], BY_ID["hallum_2021_stroke"]]
    with pytest.raises(NotEstimableError, match="unknown or 0"):
        shared_controls_covariance(unknown, published_effects(unknown))


def test_the_inverted_paper_is_pooled_turned():
    """Printed 4.75 (2.34 to 9.69): log(1/4.75), error from the width of the turned limits."""
    (got,) = published_effects([BY_ID["dhimolea_2013"]])
    assert -math.log(4.75) == pytest.approx(got.value, rel=1e-14)
    assert math.log(9.69 / 2.34) / 3.919927969 == pytest.approx(math.sqrt(got.variance), rel=1e-9)


def test_effects_without_limits_are_not_pooled():
    """Lambert 2004 printed 9.3 without limits; Mosca printed nothing."""
    for name in ("lambert_2004_mmc", "mosca_2003_sle"):
        with pytest.raises(NotEstimableError, match="no printed effect with limits"):
            published_effects([BY_ID[name]])


def test_unknown_methods_are_refused():
    """A fixed effect is always there; the method names the random effects."""
    for method in ("FE", "reml"):
        with pytest.raises(SchemaError, match="unknown method of random effects"):
            pool_tables(BREAST, method=method)


def test_tables_are_selected_by_id():
    """In order; an unknown id names the nearest; twice is refused."""
    assert STUDY["pooling"]["tables"] == [table.id for table in BREAST]
    with pytest.raises(StudyError, match="did you mean 'gadi_2008'"):
        select_tables(TABLES, ["gadi_2009"])
    with pytest.raises(StudyError, match="named twice"):
        select_tables(TABLES, ["gadi_2008", "gadi_2008"])


def test_the_study_document_names_the_shipped_file():
    """`[source] file` is seen from the folder of the document."""
    named = EVIDENCE.parents[1] / STUDY["source"]["file"]
    assert "published" == STUDY["source"]["kind"]
    assert EVIDENCE == named


def test_a_group_knows_its_unexposed():
    """By subtraction, and unknown when a count is."""
    assert 30 == PublishedGroup("cases", 5, "published", 35, "published").unexposed
    assert PublishedGroup("cases", None, None, 35, "published").unexposed is None


def test_repr_is_one_line():
    """For people: the id, the design, whether counts are known."""
    assert "PublishedTable(gadi_2008, case-control, counts known, 1 effects)" == repr(
        BY_ID["gadi_2008"]
    )


def test_counts_are_in_the_order_of_the_two_by_two_table():
    """Exposed cases 14 of 54, exposed controls 25 of 45 (Gadi 2008, abstract)."""
    assert (14, 25, 40, 20) == table_of(BY_ID["gadi_2008"]).cells
    assert np.array_equal((14, 25, 40, 20), BY_ID["gadi_2008"].counts)
