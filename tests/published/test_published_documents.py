"""The shipped studies of published tables: what each pools, what it does not, and every mark shown.

Source of the pooled numbers: statsmodels' `combine_effects`, an independent computation, on log
odds ratios worked out here from the counts; 0.265 (0.196-0.358) for the six breast tables is the
evidence compilation's own pool of 2026-11-23.
"""

import html
import math
import re
import warnings

import numpy as np
import pytest

from analyses.study.study import read_study, study_from_toml, to_toml
from cohort.errors import NotEstimableError, StudyError
from reports.html import page_html
from reports.published_page import pool_study, published_page, result_of
from reports.site import SHIPPED
from reports.sources import read_document
from tests.reports.test_pages import check_structure

PATHS = sorted(SHIPPED.glob("published_*.toml"))
NAMES = [path.stem for path in PATHS]
Z = 1.959963984540054


@pytest.fixture(scope="module")
def studies():
    return {path.stem: pool_study(read_document(path)) for path in PATHS}


@pytest.fixture(scope="module")
def pages(studies):
    return {name: page_html(published_page(one)) for name, one in studies.items()}


def words_of(text: str) -> str:
    """What a reader sees."""
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def test_every_outcome_has_its_study():
    """The list of issue 6."""
    wanted = {
        "breast", "other_cancers", "systemic_sclerosis", "lupus", "rheumatoid_arthritis",
        "thyroid", "sjogren", "pbc", "multiple_sclerosis", "type_1_diabetes", "brain",
        "heart_stroke", "mortality", "presence",
    }  # fmt: skip
    assert {f"published_{name}" for name in wanted} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_whole(name, studies, pages):
    """Each says what it shows and what it cannot, reads back equal, and gives a sound page."""
    study = read_study(SHIPPED / f"{name}.toml")
    assert study == study_from_toml(to_toml(study))
    assert study.report.background
    assert study.report.not_shown
    check_structure(pages[name])
    assert "What this does not show" in pages[name]
    assert result_of(studies[name])
    for part in studies[name].parts:
        assert (part.pool is None) == bool(part.pooling.why_not)
        if part.pooling.why_not:
            assert "Not pooled: " in pages[name]


def single(part):
    """Log ratio and variance of each table of a pool, from counts or printed limits."""
    correction = part.pooling.zero_cell_correction
    found = []
    for table in part.tables:
        if part.pooling.estimate == "published":
            effect = table.effects[0].directed
            width = math.log(effect.conf_high / effect.conf_low)
            found.append((math.log(effect.estimate), (width / (2 * Z)) ** 2))
            continue
        cells = table.counts
        a, b, c, d = (one + correction for one in cells) if 0 in cells else cells
        found.append((math.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d))
    return np.array(found).T


@pytest.mark.parametrize("name", NAMES)
def test_pools_agree_with_statsmodels(name, studies):
    """Fixed and DerSimonian-Laird; where women are shared, the pool as if they were not."""
    from statsmodels.stats.meta_analysis import combine_effects

    for part in studies[name].pooled:
        y, v = single(part)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = combine_effects(y, v, method_re="dl")
            expected = other.summary_frame()
        random = part.sharing[0].pooled if part.sharing else part.pool.random
        # Where Q is below its degrees of freedom statsmodels keeps a negative tau2; it is 0 here.
        row = expected.loc["random effect" if other.tau2 > 0 else "fixed effect"]
        assert row["eff"] == pytest.approx(random.value, rel=1e-9)
        assert row["sd_eff"] == pytest.approx(random.std_error, rel=1e-9)
        assert math.exp(row["ci_low"]) == pytest.approx(random.conf_low, rel=1e-9)
        assert math.exp(row["ci_upp"]) == pytest.approx(random.conf_high, rel=1e-9)
        if not part.sharing:
            row = expected.loc["fixed effect"]
            assert row["eff"] == pytest.approx(part.pool.fixed.value, rel=1e-9)


def test_the_breast_pool_is_that_of_the_compilation(studies):
    """0.265 (0.196-0.358), random effects, crude."""
    (part,) = studies["published_breast"].parts
    assert part.pool is studies["published_breast"].pool
    with pytest.raises(NotEstimableError, match="pools none"):
        _ = studies["published_lupus"].pool
    random = part.pool.random
    got = [random.estimate, random.conf_low, random.conf_high]
    assert [0.265, 0.196, 0.358] == pytest.approx(got, abs=5e-4)
    assert "crude" == part.pooling.estimate


def test_no_pool_mixes_what_must_stay_apart(studies):
    """One measure; colon with no other cancer; nothing from memory; no meta-analysis."""
    for study in studies.values():
        for part in study.pooled:
            ids = {table.id for table in part.tables}
            assert "kamper_2012_colon" not in ids
            assert "li_2025_meta" not in ids
            assert 1 == len({part.pool.fixed.measure, part.pool.random.measure})
            for table in part.tables:
                assert not any(mark.endswith("memory") for mark in table.doubtful)
                if part.pooling.estimate == "published":
                    assert "memory" != table.effects[0].provenance


def test_every_number_from_memory_is_marked(studies, pages):
    """Counts, group sizes and effects with that provenance carry the double dagger."""
    seen = 0
    for name, study in studies.items():
        text = words_of(pages[name])
        for table in study.tables:
            for group in (table.cases, table.controls, *table.other_groups):
                if group is None:
                    continue
                for number, mark in (
                    (group.exposed, group.exposed_provenance),
                    (group.total, group.total_provenance),
                ):
                    if mark == "memory":
                        assert f"{number}\N{DOUBLE DAGGER}" in text, (table.id, number)
                        seen += 1
            for effect in table.effects:
                if effect.provenance == "memory" and effect.estimate is not None:
                    assert f"{effect.estimate:.2f}\N{DOUBLE DAGGER}" in text, table.id
                    seen += 1
        if "\N{DOUBLE DAGGER}" in text:
            assert "from memory: not seen in a source" in text
    assert 8 == seen  # four counts of Chan, three group sizes of Nelson 2007, Gadi 2008's 0.29


def test_an_odds_ratio_made_of_remembered_counts_is_marked(pages):
    """Chan 2012: 19/33 against 18/26 is 0.603."""
    assert "0.60\N{DOUBLE DAGGER}" in words_of(pages["published_brain"])


def test_inferred_counts_are_marked(pages):
    """Kekow 2013: 5 of 16 and 2 of 54 from percentages."""
    text = words_of(pages["published_lupus"])
    assert "5\N{DAGGER} of 16" in text
    assert "2\N{DAGGER} of 54" in text


def test_shared_women_are_told_on_the_page(pages):
    """The Danish pool beside the one as if independent."""
    text = words_of(pages["published_other_cancers"])
    assert "What sharing the comparison women changes" in text
    assert "As if independent" in text
    assert "pooled with a correlation of 0.18 to 0.19" in text
    assert "hallum_2021_ovarian" not in text.split("Sources of the tables")[0]
    assert "NEGATIVE CONTROL OUTCOME" in text


def test_tables_without_numbers_say_so(pages):
    """No count was found for amounts in systemic sclerosis, nor for the mice."""
    assert "printed no ratio" in words_of(pages["published_systemic_sclerosis"])
    assert "experiment on mice" in words_of(pages["published_heart_stroke"])


DOCUMENT = """
[study]
title = "Two pools"
question = "Are they told apart?"
[source]
kind = "published"
file = "published.json"
"""


def test_several_pools_need_titles_of_their_own():
    """Else a page would have two sections of one name."""
    one = '[[pooling]]\ntitle = "A"\ntables = ["a"]\n'
    two = study_from_toml(DOCUMENT + one + one.replace("A", "B"))
    assert ["A", "B"] == [part.title for part in two.pooling]
    assert two == study_from_toml(to_toml(two))
    for text in (one + one, one + '[[pooling]]\ntables = ["b"]\n'):
        with pytest.raises(StudyError, match="title of its own"):
            study_from_toml(DOCUMENT + text)
    with pytest.raises(StudyError, match=r"\[\[pooling\]\]"):
        study_from_toml(DOCUMENT)


def test_a_table_named_twice_in_a_pool_is_refused(tmp_path):
    """Though it may stand in two parts of a study."""
    file = SHIPPED / "evidence" / "published.json"
    (tmp_path / "published.json").write_bytes(file.read_bytes())
    path = tmp_path / "twice.toml"
    path.write_text(DOCUMENT + '[pooling]\ntables = ["gadi_2008", "gadi_2008"]\n')
    with pytest.raises(StudyError, match="named twice"):
        pool_study(read_document(path))
