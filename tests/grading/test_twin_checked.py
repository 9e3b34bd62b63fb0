"""``check`` holds the twin against its study: what ``rehearse`` refuses, in its words and code."""

import pytest

from cohort.errors import CohortError
from reports.built import exit_code
from reports.checking import check_study
from reports.rehearsal import world_twin
from reports.rehearsal.command import rehearse_study

from .documents import own_study, world_study

FILE = """
[study]
title = "Before the data came"
question = "Does it work?"

[source]
file = "women.csv"
person = "id"

[follow_up]
scale = { name = "age", unit = "years" }
exit = "years"
event = { column = "ill", happened = 1, competing = { 2 = "death" }, label = "illness" }

[variables]
positive = { kind = "binary" }
age_at_entry = { kind = "continuous", unit = "years" }
bmi = { kind = "continuous", unit = "kg/m2" }
coffee = { kind = "continuous", unit = "cups" }
MORE

[[questions]]
exposure = "EXPOSURE"
adjustments = { crude = [], full = ["TERM"] }
QUESTION

[[estimators]]
kind = "ESTIMATOR"

[twin]
world = "dch2012"
persons = 20_000
outcome = "breast"
TWIN
"""
WORDS = {
    "EXPOSURE": "positive", "TERM": "age_at_entry", "QUESTION": "", "ESTIMATOR": "cox",
    "TWIN": "", "MORE": "",
}  # fmt: skip


def file_study(folder, changes):
    """A study of 40 women in a file, with a twin in the world dch2012; it can be run as it is."""
    rows = [f"w{i},{i % 2},{40 + i % 17},{20 + i % 9},{i % 4},{60 + i % 11},{i % 3}"
            for i in range(40)]  # fmt: skip
    head = "id,positive,age_at_entry,bmi,coffee,years,ill"
    (folder / "women.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    text = FILE
    for word, told in (WORDS | changes).items():
        text = text.replace(word, told)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def same_refusal(path, folder) -> str:
    """What a check says of the twin, found to be what a rehearsal says."""
    with pytest.raises(CohortError) as refused:
        rehearse_study(path, folder / "out", 2, 1, lambda words: None)
    found = check_study(path)
    assert exit_code(refused.value) == found.code
    assert f"Rehearsal: {refused.value}" in found.text
    assert found.text.endswith("The study can be run, but not rehearsed.")
    return found.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"TWIN": 'design = "breast"'}, "full cohort, its twin a case-cohort: leave out"),
        ({"TWIN": 'design = "brest"'}, "did you mean 'breast'"),
        ({"TWIN": 'published = { "positive yes" = 0.5 }'}, "only the effect of male cells"),
        ({"EXPOSURE": "coffee"}, "the effect of 'coffee' is not a fact of this world"),
        ({"TERM": "coffee"}, "number 1 cannot be asked of the twin"),
        ({"QUESTION": 'outcome = "illness"'}, "no outcome 'illness' is declared"),
        ({"QUESTION": 'outcome = "death"', "MORE": ""}, "[twin] outcome = 'breast'"),
        ({"QUESTION": 'strata = ["coffee"]'}, "no variable 'coffee' is declared"),
        ({"ESTIMATOR": "kaplan-meier"}, "a rehearsal is of ratios"),
    ],
)
def test_a_world_that_does_not_fit(tmp_path, monkeypatch, changes, told) -> None:
    monkeypatch.setattr(world_twin, "CALIBRATING", 2_000)
    assert told in same_refusal(file_study(tmp_path, changes), tmp_path)


def test_exclusions_name_columns_of_the_world(tmp_path) -> None:
    path = file_study(tmp_path, {})
    more = '\n[[exclusions]]\nkeep = "coffee < 9"\nreason = "drinks more"\n'
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    with pytest.raises(CohortError) as refused:
        rehearse_study(path, tmp_path / "out", 2, 1, lambda words: None)
    found = check_study(path)
    assert f"Rehearsal: {refused.value}" in found.text
    assert 3 == exit_code(refused.value) == found.code


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"published": 'published = { "group c" = 1.5 }'}, "known: 'b vs a', 'c vs a'"),
        ({"weight": 'weight = "w"'}, "sampling weights cannot be rehearsed"),
    ],
)
def test_own_people_that_do_not_fit(tmp_path, given, told) -> None:
    assert told in same_refusal(own_study(tmp_path, **given), tmp_path)


def test_twins_that_fit(tmp_path) -> None:
    """A study is not refused for a twin that can be rehearsed, and nothing of its size is drawn."""
    found = check_study(file_study(tmp_path, {"TWIN": 'published = { "yes vs no" = 0.5 }'}))
    assert (0, True) == (found.code, found.text.endswith("The study can be run."))
    found = check_study(own_study(tmp_path, published='published = { "c vs a" = 1.5 }'))
    assert 0 == found.code
    huge = file_study(tmp_path, {"TWIN": ""})
    huge.write_text(huge.read_text(encoding="utf-8").replace("20_000", "2_000_000_000"))
    assert 0 == check_study(huge).code


def test_refused_data_are_told_first(tmp_path) -> None:
    path = file_study(tmp_path, {"EXPOSURE": "coffee"})
    data = (tmp_path / "women.csv").read_text(encoding="utf-8")
    (tmp_path / "women.csv").write_text(data.replace("w3,", "w3,9", 1), encoding="utf-8")
    found = check_study(path)
    assert 3 == found.code
    assert "is not a fact of this world" in found.text
    assert found.text.endswith("The data are refused.")


def test_a_world_study_may_name_another_world(tmp_path) -> None:
    path = world_study(tmp_path, persons=2_000, twin="""
[twin]
world = "dch2012"
persons = 12_000
outcome = "brest"
""")  # fmt: skip
    assert "did you mean 'breast'" in same_refusal(path, tmp_path)
