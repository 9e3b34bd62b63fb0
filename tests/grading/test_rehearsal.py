"""A rehearsal: the study's own plan, where the truth is known, and what it says of a result."""

import math
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analyses import Cox
from cohort.errors import StudyError
from reports.answers import run_study
from reports.content import Page, Section
from reports.html import page_html
from reports.rehearsal.command import rehearse_study
from reports.rehearsal.plan import LARGE, NULL, PUBLISHED, Method
from reports.rehearsal.rehearse import Rehearsal, Setting, rehearse, replicate_of, twin_of
from reports.rehearsal.result import rehearsal_columns
from reports.rehearsal.section import rehearsal_section
from reports.rehearsal.world_twin import _truths
from reports.sources import read_document

from .documents import CASE_COHORT, own_study, world_study


def quiet(words: str) -> None:
    pass


@pytest.fixture(scope="module")
def sampled(tmp_path_factory) -> tuple[Rehearsal, object]:
    """The case-cohort plan on 30 draws, with a small run at large."""
    folder = tmp_path_factory.mktemp("world")
    path = world_study(folder, design="breast", estimators=CASE_COHORT, persons=16_000)
    document = read_document(path)
    setting = Setting(folder / "runs", replicates=30, large=60_000)
    return rehearse(document, setting, quiet), document


def test_the_plan_is_the_studys(sampled) -> None:
    found, _ = sampled
    assert [one.name for one in found.methods] == [
        "1 logistic, crude, yes vs no",
        "1 logistic, age, yes vs no",
        "1 Cox, crude, yes vs no",
        "1 Cox, age, yes vs no",
    ]
    rows = found.rows
    assert rows.height == 2 * 30 * 4
    truth = dict(rows.group_by("scenario").agg(pl.col("truth").unique().first()).iter_rows())
    # The document of dch2012: male cells multiply the rate of breast cancer by 0.2629.
    assert {NULL: 0.0, PUBLISHED: math.log(0.2629)} == truth


def test_no_effect_means_no_effect(sampled) -> None:
    """Within 4 Monte Carlo errors of 0 for the models that adjust for age; as many cases as before.

    The samples hold at most 89 cases and 272 women of the subcohort, some of them cases.
    """
    found, _ = sampled
    for method in found.methods:
        bias, error = found.value(NULL, method.name, "bias")
        assert abs(bias) < 4 * error + 0.03  # the confounding of this world is weak
        power = found.value(PUBLISHED, method.name, "rejection")[0]
        assert power > 0.9 > 0.3 > found.value(NULL, method.name, "rejection")[0]
    events = [
        found.value(name, found.methods[2].name, "mean events")[0] for name in (NULL, PUBLISHED)
    ]
    assert all(89 <= one < 105 for one in events)


def test_at_large_is_what_chance_goes_around(sampled) -> None:
    found, _ = sampled
    for method in found.methods:
        bias, error = found.value(LARGE, method.name, "bias")
        own = found.value(PUBLISHED, method.name, "bias")[1]
        assert error > own
        assert abs(bias) < 4 * error


def test_one_replicate_alone(sampled) -> None:
    found, document = sampled
    for scenario in (NULL, PUBLISHED):
        alone = replicate_of(document, scenario, 7)
        mine = (pl.col("scenario") == scenario) & (pl.col("replicate") == 7)
        assert_frame_equal(alone, found.rows.filter(mine))
    with pytest.raises(StudyError, match="expected 'null' or 'published'"):
        replicate_of(document, LARGE, 0)


def test_columns(sampled) -> None:
    found, _ = sampled
    columns = rehearsal_columns(found)
    row = columns.row(3, named=True)
    assert (1, "positive", "age", "yes vs no", "hazard ratio") == tuple(
        row[name] for name in ("number", "exposure", "adjustment", "contrast", "measure")
    )
    assert 0.2629 == pytest.approx(row["truth"])
    assert found.value(PUBLISHED, row["method"], "bias") == (row["bias"], row["bias_mcse"])
    assert found.value(NULL, row["method"], "rejection")[0] == row["type_1_error"]
    null = found.rows.filter((pl.col("scenario") == NULL) & (pl.col("method") == row["method"]))
    far = (null["estimate"].abs() >= -math.log(0.2629)).mean()
    assert far == row["by_chance"]
    assert "as far from 1 as 0.26" in row["meaning"]
    assert "none of 30 such studies (so at most about 10.0 %)" in row["meaning"]


def test_columns_judge_what_was_found(sampled) -> None:
    """With the study's estimates, theirs is the size; by chance: the null draws beyond it."""
    found, document = sampled
    answers = run_study(document, quiet)
    frames = [one.estimates.frame for one in answers.ratios]
    columns = rehearsal_columns(found, frames)
    sizes = pl.concat(frames)["estimate"].to_list()
    assert sizes == pytest.approx(columns["size"].to_list())
    assert columns["by_chance"].is_between(0, 1).all()


def test_section_has_the_same_bytes(sampled) -> None:
    found, document = sampled
    pages = [
        page_html(Page("A page", (Section("Rehearsal", rehearsal_section(found, document.study)),)))
        for _ in range(2)
    ]
    assert pages[0] == pages[1]
    assert "Rehearsed without an effect, 30 draws" in pages[0]


def test_intervals_are_called_by_their_level(sampled) -> None:
    found, document = sampled
    assert {one.conf_level for one in found.methods} == {0.95}
    study = document.study
    at_90 = replace(found, methods=tuple(replace(one, conf_level=0.9) for one in found.methods))
    page = page_html(Page("A page", (Section("Rehearsal", rehearsal_section(at_90, study)),)))
    assert "90 % interval holds 1" in page
    assert "90 % of the intervals hold 1" in page
    assert "Every 90 % interval" in page
    assert "95 % interval" not in page
    assert "95 % coverage" not in page
    both = replace(found, methods=(*at_90.methods[:1], *found.methods[1:]))
    page = page_html(Page("A page", (Section("Rehearsal", rehearsal_section(both, study)),)))
    assert "Interval holds 1" in page
    assert "90 % or 95 % of the intervals hold 1" in page
    assert "crude (90 % interval)" in page


def test_begun_and_ended_with_other_workers(tmp_path) -> None:
    document = read_document(world_study(tmp_path, persons=2_000))
    one = rehearse(document, Setting(tmp_path / "a", 50, 1, large=0), quiet)
    two = rehearse(document, Setting(tmp_path / "b", 50, 2, large=0), quiet)
    assert_frame_equal(one.rows, two.rows)
    assert one.at_large.is_empty()
    assert "At large" not in str(rehearsal_section(one, document.study))


def test_published_sets_the_effect(tmp_path) -> None:
    twin = (
        '[twin]\nworld = "dch2012"\npersons = 4000\noutcome = "breast"\n'
        'published = { "yes vs no" = 0.5 }\n'
    )
    found = twin_of(read_document(world_study(tmp_path, persons=4_000, twin=twin)), 0)
    assert {math.log(0.5)} == set(found.truth.values())
    assert 0.5 == found.published.world.outcomes["breast"].chimerism
    assert 1.0 == found.null.world.outcomes["breast"].chimerism


def test_a_variable_of_the_world(tmp_path) -> None:
    """Truth per unit of the contrast: hrt is binary, alcohol per 10 g a day in the document."""
    for exposure in ("hrt", "alcohol"):
        document = read_document(world_study(tmp_path, persons=2_000, exposure=exposure))
        found = twin_of(document, 0)
        told = found.published.world.outcomes["breast"]
        effect = pytest.approx(math.log(told.effects[exposure]))
        assert [effect, effect] == list(found.truth.values())
        assert exposure not in found.null.world.outcomes["breast"].effects
        assert found.null.world.outcomes["breast"].chimerism == told.chimerism


@pytest.mark.parametrize(
    ("facts", "twin", "story"),
    [
        ({}, 'world = "dch2012"\npersons = 4000\noutcome = "brest"', "did you mean 'breast'"),
        (
            {},
            'world = "dch2012"\npersons = 9000\noutcome = "breast"\ndesign = "breast"',
            "the study is a full cohort, its twin a case-cohort",
        ),
        ({"exposure": "births"}, "", "effect of 'births' is not a fact of this world"),
        (
            {"design": "breast", "estimators": CASE_COHORT, "persons": 1_000},
            "",
            "too few for its design",
        ),
        ({"estimators": '[[estimators]]\nkind = "kaplan-meier"\n'}, "", "a rehearsal is of ratios"),
        (
            {},
            'world = "dch2012"\npersons = 4000\noutcome = "breast"\npublished = { "a vs b" = 2.0 }',
            "only the effect of male cells can be set",
        ),
        ({}, 'world = "ra_kekow2013"\npersons = 4000\noutcome = "rheumatoid_arthritis"',
         "cannot be asked of the twin"),
    ],
)  # fmt: skip
def test_a_twin_that_does_not_fit_is_refused(tmp_path, facts, twin, story) -> None:
    path = world_study(tmp_path, **facts, twin=f"[twin]\n{twin}\n" if twin else "")
    if "cannot be asked" in story:
        path.write_text(path.read_text().replace('"age_at_entry"', '"hrt"'), encoding="utf-8")
    with pytest.raises(StudyError, match=story):
        twin_of(read_document(path), 0)


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Rehearsal:
    folder = tmp_path_factory.mktemp("own")
    document = read_document(own_study(folder))
    return rehearse(document, Setting(folder / "runs"), quiet)


def test_own_people_have_the_effects_that_were_found(own, tmp_path) -> None:
    answers = run_study(read_document(own_study(tmp_path)), quiet)
    frame = answers.ratios[0].estimates.frame
    full = frame.filter(pl.col("adjustment") == "full")
    truth = dict(
        own.rows.filter(pl.col("scenario") == PUBLISHED).select("method", "truth").iter_rows()
    )
    for row in full.iter_rows(named=True):
        for name in ("crude", "full"):
            assert row["log_estimate"] == pytest.approx(truth[f"1 Cox, {name}, {row['contrast']}"])
    # The two without a covariate are in no draw; as many fall ill as did.
    assert 398 == own.rows["persons"].unique().item()
    events, error = own.value(PUBLISHED, "1 Cox, full, c vs a", "mean events")
    assert abs(events - full["events"][0]) < 4 * error + 0.03 * full["events"][0]


def test_own_people_are_graded_without_bias(own) -> None:
    """40 draws: within 4 Monte Carlo errors, and covered but for chance."""
    for scenario in (NULL, PUBLISHED):
        for contrast in ("b vs a", "c vs a"):
            name = f"1 Cox, full, {contrast}"
            bias, error = own.value(scenario, name, "bias")
            assert abs(bias) < 4 * error
            coverage = own.value(scenario, name, "coverage")[0]
            assert coverage > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 40)
    assert any("2 persons with a missing covariate" in one for one in own.words)


def test_published_effects_of_own_people(tmp_path) -> None:
    document = read_document(own_study(tmp_path, published='published = { "b vs a" = 3.0 }'))
    truth = twin_of(document).truth
    assert math.log(3.0) == pytest.approx(truth["1 Cox, full, b vs a"])
    assert truth["1 Cox, full, c vs a"] != pytest.approx(math.log(3.0))


@pytest.mark.parametrize(
    ("facts", "story"),
    [
        ({"weight": 'weight = "w"'}, "sampling weights"),
        ({"published": 'published = { "d vs a" = 3.0 }'}, "published 'd vs a'"),
        (
            {
                "design": '\n[design]\nkind = "case-cohort"\nsubcohort = "sub"\n'
                "cohort_size = 400\n",
                "weighting": 'weighting = "prentice"',
            },
            "a sampled design cannot be rehearsed on its own people",
        ),
    ],
)
def test_own_people_that_cannot_be_redrawn(tmp_path, facts, story) -> None:
    with pytest.raises(StudyError, match=story):
        twin_of(read_document(own_study(tmp_path, **facts)))


def test_the_command_writes_the_same_page_again(tmp_path) -> None:
    path = own_study(tmp_path)
    page = rehearse_study(path, tmp_path / "out", 30, 1, quiet)
    first = page.read_bytes()
    assert rehearse_study(path, tmp_path / "out", 30, 1, quiet).read_bytes() == first
    assert b"Rehearsed with the effect, 30 draws" in first
    parts = sorted((tmp_path / "out" / "small-rehearsal" / NULL).glob("*.parquet"))
    assert ["replicates-000000-000029.parquet"] == [one.name for one in parts]


def test_estimators_of_one_kind_have_numbers() -> None:
    from reports.rehearsal.plan import regressions

    class Two:
        estimators = (Cox(), Cox(ties="breslow"))

    assert ["Cox 1", "Cox 2"] == [word for word, _ in regressions(Two())]


def test_a_question_about_another_outcome_is_refused_in_a_world() -> None:
    """It would be held to the effect that was put into the twin's own."""
    method = Method(
        "1 Cox",
        1,
        "death",
        "positive",
        "crude",
        "yes vs no",
        "hazard ratio",
        "death",
        "Cox",
        0.95,
    )
    with pytest.raises(StudyError, match="outcome = 'death': a rehearsal in a world is of"):
        _truths(None, "breast", (method,), None)
