"""A build keeps what it made: nothing is made twice, and a change rebuilds what depends on it."""

import re

import pytest

from reports import making, site
from reports.datasets import MissingExtra
from reports.site import KEPT, Effort, build_site
from tests.stories.test_command import DOCUMENT, people

QUIET = lambda words: None  # noqa: E731


@pytest.fixture
def studies(tmp_path):
    paths = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(people())
        (tmp_path / f"{name}.toml").write_text(DOCUMENT.replace("people.csv", f"{name}.csv"))
        paths.append(tmp_path / f"{name}.toml")
    return paths


def fresh(studies, tmp_path):
    built = build_site(studies, tmp_path / "site", QUIET)
    assert all(one.code == 0 for one in built), built
    return [one.name for one in built if one.fresh]


def test_nothing_is_made_twice(studies, tmp_path) -> None:
    assert ["one", "two"] == fresh(studies, tmp_path)
    before = (tmp_path / "site" / "one.html").read_bytes()
    (tmp_path / "site" / "one.html").unlink()
    assert [] == fresh(studies, tmp_path)
    assert before == (tmp_path / "site" / "one.html").read_bytes()


def test_changed_data_rebuild_their_study_alone(studies, tmp_path) -> None:
    fresh(studies, tmp_path)
    (tmp_path / "two.csv").write_text(people(240))
    assert ["two"] == fresh(studies, tmp_path)
    assert [] == fresh(studies, tmp_path)


def test_a_changed_document_rebuilds_its_study_alone(studies, tmp_path) -> None:
    fresh(studies, tmp_path)
    studies[0].write_text(studies[0].read_text().replace("A small study", "A study"))
    assert ["one"] == fresh(studies, tmp_path)


def test_another_version_rebuilds_all(studies, tmp_path, monkeypatch) -> None:
    fresh(studies, tmp_path)
    monkeypatch.setattr("reports.kept.code_fingerprint", lambda: "another")
    assert ["one", "two"] == fresh(studies, tmp_path)


def test_a_damaged_result_is_made_again(studies, tmp_path) -> None:
    fresh(studies, tmp_path)
    page = (tmp_path / "site" / "one.html").read_bytes()
    for path in (tmp_path / "site" / KEPT).iterdir():
        path.write_text(path.read_text().replace("A small study", "A forged one"))
    assert ["one", "two"] == fresh(studies, tmp_path)
    assert page == (tmp_path / "site" / "one.html").read_bytes()


def test_what_no_page_needs_is_forgotten(studies, tmp_path) -> None:
    fresh(studies, tmp_path)
    fresh(studies[:1], tmp_path)
    assert 1 == len(list((tmp_path / "site" / KEPT).iterdir()))


def test_a_data_file_of_another_checksum_stops_its_study_alone(studies, tmp_path) -> None:
    text = studies[1].read_text().replace('person = "id"', f'person = "id"\nsha256 = "{"0" * 64}"')
    studies[1].write_text(text)
    one, two = build_site(studies, tmp_path / "site", QUIET)
    assert (0, 3) == (one.code, two.code)
    assert "change sha256 in [source]" in two.story
    assert "Not built" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_a_study_that_needs_an_extra_is_listed(studies, tmp_path, monkeypatch) -> None:
    def absent(name):
        raise MissingExtra("data set 'survival/pbc' needs the data extra: pip install it.")

    text = studies[1].read_text().replace('file = "two.csv"', 'kind = "dataset"\ndataset = "a/b"')
    studies[1].write_text(text)
    monkeypatch.setattr("reports.datasets.dataset_frame", absent)
    one, two = build_site(studies, tmp_path / "site", QUIET)
    assert (0, 0, None) == (one.code, two.code, two.page)
    assert "needs the data extra" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_effort_is_part_of_what_is_kept(studies, tmp_path) -> None:
    document = site.read_document(studies[0])
    assert making.parts_of(document, Effort()) != making.parts_of(document, Effort(10))
    assert making.parts_of(document, Effort(10)) == making.parts_of(document, Effort(10, 2))


def test_one_draw_has_no_monte_carlo_error_and_a_page_all_the_same():
    document = site.read_document(site.SHIPPED / "nhefs_women.toml")
    made = making.make_study(document, Effort(1), QUIET)
    assert re.fullmatch(
        r"bias of the log ratio [+-]\d\.\d\d, coverage (0|100) %, power (0|100) %",
        made["rehearsed"],
    )
    assert "Rehearsal" in made["html"]
