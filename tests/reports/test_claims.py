"""The page of claims: numbers from the built studies, grades by the printed rules, errors named.

Expected points are worked out by hand from the rules and the facts of the published tables.
"""

import html
import re
from dataclasses import replace

import pytest

from analyses.pooling.published_part import published_part
from cohort.errors import StudyError
from cohort.published import select_tables
from reports.claims import claims_page, pooled_studies
from reports.claims_document import CLAIMS, Claim, Test, read_claims
from reports.claims_grade import RULES, effect_of, grade_of
from reports.html import page_html
from reports.site import SHIPPED
from tests.reports.test_pages import check_structure


@pytest.fixture(scope="module")
def pooled():
    return pooled_studies(sorted(SHIPPED.glob("published_*.toml")))


@pytest.fixture(scope="module")
def claims():
    return read_claims()


@pytest.fixture(scope="module")
def page(claims, pooled):
    names = {path.stem: "" for path in SHIPPED.glob("*.toml")}
    names["twin_dch2012_breast"] = "bias +0.01"
    return page_html(claims_page(claims, pooled, names))


def words_of(text: str) -> str:
    """What a reader sees, spaces as one."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_every_claim_has_a_study_or_none_can_test_it(claims, pooled):
    """Thirteen claims; one has no data; every study and twin named is shipped."""
    assert 13 == len(claims.claims)
    assert ["intuition"] == [one.name for one in claims.claims if one.not_testable]
    assert set(claims.studies()) <= set(pooled)
    for claim in claims.claims:
        for test in claim.tests:
            for twin in test.twins:
                assert (SHIPPED / f"{twin}.toml").is_file(), twin


def test_no_effect_is_typed_in_the_document():
    """Nothing in it looks like a ratio."""
    assert [] == re.findall(r"\d\.\d", CLAIMS.read_text(encoding="utf-8"))


def test_the_page_is_sound_and_links_to_the_studies(page):
    check_structure(page)
    assert 'href="published_breast.html"' in page
    assert 'href="#intuition"' in page
    assert 'id="intuition"' in page
    text = words_of(page)
    for rule, _ in RULES:
        assert rule in text
    assert "not testable, no data" in text


def test_the_errors_of_the_article_are_named(page):
    text = words_of(page)
    for words in (
        "of 2012 (online 2011), not of 2015",
        "experiment on mice, not on women",
        'not "women who had sons"',
        "pregnancies of most of these women were not known",
        "less often in the brains with Alzheimer disease",
    ):
        assert words in text, words


def test_the_breast_pool_by_hand(pooled, claims):
    """Mixed timing 1, six populations +1, agreement +1, not monotone -1: 2 points, low."""
    test = next(
        one
        for claim in claims.claims
        for one in claim.tests
        if claim.name == "breast_cancer" and one.study == "published_breast" and not one.table
    )
    effect = effect_of(test, pooled["published_breast"])
    random = pooled["published_breast"].parts[0].pool.random
    assert (random.estimate, random.conf_low) == (effect.estimate, effect.conf_low)
    grade = grade_of(test, effect)
    assert "low" == grade.name
    assert [1, 1, 1, 0, -1, 0, 0, 0, 0] == [point.points for point in grade.points]
    assert [rule for rule, _ in RULES] == [point.rule for point in grade.points]


def test_blood_before_disease_counts_more(pooled):
    """The Danish table: 2 for design, one population -1."""
    test = Test("published_breast", "", "direct", table="kamper_2012_breast")
    grade = grade_of(test, effect_of(test, pooled["published_breast"]))
    assert [2, -1, 0, 0, 0, 0, 0, 0, 0] == [point.points for point in grade.points]
    assert "very low" == grade.name


def test_a_cohort_whose_blood_was_taken_after_disease_is_no_better_than_controls(pooled):
    """Design and timing must both be right for 2 points; a series has none."""
    test = Test("published_breast", "", "direct", table="kamper_2012_breast")
    effect = effect_of(test, pooled["published_breast"])
    (table,) = effect.tables
    for changed, points in (
        (replace(table, sampled="after disease"), 1),
        (replace(table, design_kind="case-control"), 1),
        (replace(table, design_kind="case series"), 0),
    ):
        grade = grade_of(test, replace(effect, tables=(changed,)))
        assert points == grade.points[0].points


def test_memory_costs_two_points_and_shows_its_mark(pooled, page):
    """Chan 2012: after disease 1, one population -1, holds 1 -1, memory -2."""
    test = Test("published_brain", "", "direct", "Male cells in the brain", "chan_2012_brain")
    grade = grade_of(test, effect_of(test, pooled["published_brain"]))
    assert [1, -1, 0, -1, 0, 0, 0, -2, 0] == [point.points for point in grade.points]
    text = words_of(page)
    assert "0.60\N{DOUBLE DAGGER}" in text
    assert "18\N{DOUBLE DAGGER} of 26\N{DOUBLE DAGGER}" in text


def test_opposite_tables_are_not_consistent(pooled):
    """Breast and colon in one pool, as no study has it: both sides of 1, -1."""
    study = pooled["published_other_cancers"]
    names = ("kamper_2012_breast", "kamper_2012_colon")
    pooling = replace(study.parts[1].pooling, tables=names, why_not="", method="DL", title="both")
    mixed = replace(study, parts=(published_part(select_tables(study.tables, names), pooling),))
    test = Test("published_other_cancers", "", "direct")
    point = grade_of(test, effect_of(test, mixed)).points[2]
    assert -1 == point.points
    assert "both sides" in point.found


def test_indirect_results_are_very_low(pooled):
    """Whatever their points."""
    test = Test("published_breast", "", "indirect")
    assert "very low" == grade_of(test, effect_of(test, pooled["published_breast"])).name


def test_presence_and_description_are_not_graded(pooled):
    series = Test("published_presence", "", "direct", "Decades after a son", "bianchi_1996",
                  "nonpregnant with sons")  # fmt: skip
    mice = Test("published_heart_stroke", "", "direct", "Injured hearts of mice", "kara_2012_heart")
    for test, name in ((series, "presence, not graded"), (mice, "no numbers, not graded")):
        assert name == grade_of(test, effect_of(test, pooled[test.study])).name


def test_numbers_follow_the_study(claims, pooled, page):
    """With two breast tables fewer the page says another number."""
    study = pooled["published_breast"]
    fewer = study.tables[:4]
    pooling = replace(study.parts[0].pooling, tables=tuple(table.id for table in fewer))
    part = published_part(fewer, pooling)
    said = f"{part.pool.random.estimate:.2f}"
    claim = replace(claims.claims[0], tests=(Test("published_breast", "", "direct"),))
    changed = {"published_breast": replace(study, parts=(part,), tables=fewer)}
    text = words_of(page_html(claims_page(replace(claims, claims=(claim,)), changed, {})))
    assert f"pooled odds ratio {said}" in text
    assert f"pooled odds ratio {said}" not in words_of(page)


def test_a_broken_document_is_left_out(tmp_path):
    """And a study of records is not pooled."""
    broken = tmp_path / "published_broken.toml"
    broken.write_text("[study]\n")
    paths = [broken, SHIPPED / "nhefs_women.toml", SHIPPED / "published_breast.toml"]
    assert ["published_breast"] == list(pooled_studies(paths))


def test_a_study_that_failed_is_told(claims):
    """No numbers, no link, no crash."""
    text = page_html(claims_page(claims, {}, {}))
    assert "Not built, and so without numbers here: published_breast." in words_of(text)
    assert "published_breast.html" not in text


@pytest.mark.parametrize(
    ("test", "story"),
    [
        (Test("published_lupus", "", "direct", "Male cell in blood"), "did you mean 'Male cells"),
        (Test("published_lupus", "", "direct", "Male cells in blood"), "has no pool"),
        (Test("published_breast", "", "direct", table="gadi_2009"), "did you mean 'gadi_2008'"),
        (Test("published_breast", "", "direct", table="gadi_2008", group="all"), "has no group"),
    ],
)
def test_what_a_study_does_not_have_is_refused(test, story, pooled):
    with pytest.raises(StudyError, match=story):
        effect_of(test, pooled[test.study])


def test_documents_that_say_something_unknown_are_refused(tmp_path):
    """Unknown keys and choices, neither tests nor a reason, a name twice."""
    with pytest.raises(StudyError, match="either"):
        Claim("a", "A", "it is so", "none", "unknown")
    with pytest.raises(StudyError, match="directness"):
        Test("a", "b", "roughly")
    with pytest.raises(StudyError, match="needs the table"):
        Test("a", "b", "direct", group="c")
    head = '[article]\ntitle = "A"\nnote = "B"\n'
    claim = (
        '[[claims]]\nname = "a"\ntitle = "A"\nclaim = "b"\nmeant = "c"\nverdict = "d"\n'
        'not_testable = "e"\n'
    )
    path = tmp_path / "claims.toml"
    for text, story in (
        (head + claim + claim, "named twice"),
        (head + claim + 'effect = "f"\n', "unknown key 'effect'"),
        ("title =", "cannot be read as TOML"),
    ):
        path.write_text(text)
        with pytest.raises(StudyError, match=story):
            read_claims(path)
    with pytest.raises(StudyError, match="cannot be read"):
        read_claims(tmp_path / "absent.toml")


def test_the_twin_tells_how_it_did(page):
    assert "its invented twin, rehearsed: bias +0.01" in words_of(page)
    assert words_of(page).count("Rehearsed: the same analysis on many draws") == 1


def test_every_twin_of_a_result_is_told(claims, page):
    twins = {name for claim in claims.claims for test in claim.tests for name in test.twins}
    for name in twins:
        assert f'href="{name}.html"' in page
