"""The main job on real data: the two studies we ship, from document to page."""

import hashlib
import re
from pathlib import Path

import polars as pl
import pytest

from reports.answers import run_study
from reports.html import page_html
from reports.published_page import pool_study, published_page
from reports.site import SHIPPED, build_site
from reports.sources import read_document
from reports.study_page import study_page
from tests.reports.test_pages import check_structure

DATA = SHIPPED / "data"


@pytest.fixture(scope="module")
def answers():
    return run_study(read_document(SHIPPED / "nhefs_women.toml"), lambda words: None)


@pytest.fixture(scope="module")
def page(answers) -> str:
    return page_html(study_page(answers))


def test_the_data_are_those_of_the_checksum() -> None:
    declared = (DATA / "nhefs_women.csv.sha256").read_text().split()[0]
    assert declared == hashlib.sha256((DATA / "nhefs_women.csv").read_bytes()).hexdigest()
    assert declared == read_document(SHIPPED / "nhefs_women.toml").study.source.sha256


def test_the_data_dictionary_names_every_column() -> None:
    text = (DATA / "nhefs_women.md").read_text(encoding="utf-8")
    for column in pl.read_csv(DATA / "nhefs_women.csv").columns:
        assert f"`{column}`" in text, column


def test_830_women_and_who_was_left_out(answers) -> None:
    """830 women, 104 without a number of pregnancies: counted in causaldata/nhefs, sex == 1."""
    flow = answers.cohort.describe()
    assert [830, 726, 699] == flow["persons"].to_list()
    assert 123 == flow["events"][0]


def test_missing_pregnancies_are_no_group(answers) -> None:
    frame = answers.cohort.frame
    assert 0 == frame["pregnancies"].null_count()
    assert 1 == frame["pregnancies"].min()
    assert {"1-2", "3-4", "5+"} == set(frame["pregnancy_group"])


def test_missing_codes_are_honoured(answers) -> None:
    """Code 2 is missing in six variables of the codebook; none of them may count it as yes."""
    frame = answers.cohort.frame
    for name in ("birthcontrol", "hbp", "hbpmed", "diabetes", "boweltrouble"):
        assert frame.schema[name] == pl.Boolean
        assert frame[name].null_count() == (frame[f"{name}.missing"].is_not_null()).sum() > 0
    # alcoholpy is missing where drinking is, and those women left with the incomplete ones.
    assert 0 == frame["alcoholpy"].null_count()


def test_everyone_smoked() -> None:
    """So the adjustment is for amount and years, not for yes or no."""
    assert 1 == pl.read_csv(DATA / "nhefs_women.csv")["smokeintensity"].min()


def test_entry_is_age_plus_twelve_and_late(answers) -> None:
    frame = answers.cohort.frame
    assert (frame["_entry"] == frame["age"] + 12).all()
    late = answers.ratios[1]
    assert "late entry" in late.estimates.method
    assert "age" == late.cohort.scale.name


def test_adjustment_sets_and_their_women(answers) -> None:
    sets = [name for one in answers.ratios[:2] for name in one.asked.question.adjustments]
    assert ["crude", "age", "age and smoking", "fully adjusted"] == sets
    for one in answers.ratios:
        assert {699} == set(one.estimates.frame["persons"])


def test_the_page_is_sound(page) -> None:
    check_structure(page)
    for words in ("Participants", "Table 1.", "Incidence of death", "numbers at risk",
                  "Test of proportional hazards", "Provenance", "proxy", "good to about a year",
                  "Limits", "What this does not show"):  # fmt: skip
        assert words in page, words
    assert len(page) < 600_000


def test_no_small_count_is_printed(page) -> None:
    """Every count of Table 1 is 0, at least 5, or withheld."""
    table = page[page.index("Table 1. ") : page.index("</table>", page.index("Table 1. "))]
    cells = re.findall(r'<td class="number">(\d[\d,]*)(?: \(|<)', table)
    assert len(cells) > 60
    assert all(count == 0 or count >= 5 for count in (int(c.replace(",", "")) for c in cells))


def test_the_same_bytes_again(page, answers) -> None:
    assert page == page_html(study_page(answers))


def test_published_tables() -> None:
    pooled = pool_study(read_document(SHIPPED / "published_breast.toml"))
    text = page_html(published_page(pooled))
    check_structure(text)
    random = pooled.pool.random
    words = f"{random.estimate:.2f} ({random.conf_low:.2f} to {random.conf_high:.2f})"
    assert words in text
    assert "Prediction interval" in text
    assert "printed inverted" in text or "the other way round" in text
    assert "inferred" in text
    assert "MEMORY" in text or "memory" in text
    assert random.conf_high < 1


@pytest.mark.slow
def test_the_whole_site_twice(tmp_path) -> None:
    paths = sorted(Path(SHIPPED).glob("*.toml"))
    for folder in ("one", "two"):
        built = build_site(paths, tmp_path / folder, lambda words: None)
        assert all(one.code == 0 for one in built)
    for path in sorted((tmp_path / "one").glob("*.html")):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
