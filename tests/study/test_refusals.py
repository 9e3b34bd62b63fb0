"""What a study document may not say: each refusal names the place and the nearest known word."""

import polars as pl
import pytest

from analyses import Cox, Prentice
from analyses.study.study import cast_codes, read_study, study_from_toml
from cohort import CaseCohort
from cohort.errors import CohortError, StudyError

GOOD = """
[study]
title = "Tumour histology and relapse in Wilms tumour"
question = "Does unfavourable histology raise the rate of relapse?"

[source]
file = "nwtco.csv"
person = "seqno"

[follow_up]
scale = { name = "time since diagnosis", unit = "days" }
exit = "edrel"
event = { column = "rel", happened = 1, label = "relapse" }

[design]
kind = "case-cohort"
subcohort = "in.subcohort"
cohort_size = 4028

[variables]
histology.kind = "categorical"
histology.column = "histol"
histology.reference = 1
histology.labels = { 1 = "favourable", 2 = "unfavourable" }
stage = { kind = "categorical", levels = [1, 2, 3, 4], reference = 1 }
age = { kind = "continuous", unit = "months", per = 12, missing = { 999 = "not asked" } }

[[exclusions]]
keep = "edrel > 0"
reason = "no follow-up time"

[[questions]]
exposure = "histology"
adjustments = { crude = [], "stage and age" = ["stage", "age"] }

[[estimators]]
kind = "cox"
weighting = "prentice"
"""


def test_the_document_of_the_design_note() -> None:
    """house.md 2.5: labels' keys are text in TOML, yet reference 1 is among 1 and 2."""
    study = study_from_toml(GOOD)
    histology = study.variables[0]
    assert {1: "favourable", 2: "unfavourable"} == dict(histology.labels)
    assert CaseCohort("in.subcohort", 4028) == study.design
    assert (Cox(weighting=Prentice()),) == study.estimators
    assert {999: "not asked"} == dict(study.variables[2].missing)
    assert "relapse" == study.follow_up.outcome


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title =", "titel =", ["[study]", "'titel'", "'title'"]),
        ("[follow_up]", "[followup]", ["'followup'", "'follow_up'"]),
        ('person = "seqno"', 'persn = "seqno"', ["[source]", "'persn'", "'person'"]),
        ("happened = 1", "hapened = 1", ["'event' in [follow_up]", "'hapened'", "'happened'"]),
        ('unit = "days"', 'unitt = "days"', ["'scale' in [follow_up]", "'unitt'", "'unit'"]),
        ('unit = "days"', 'unit = "hours"', ["[follow_up]", "hours", "'days'"]),
        ('"case-cohort"', '"casecohort"', ["[design]", "casecohort", "'case-cohort'"]),
        ("cohort_size = 4028", 'cohort_size = "all"', ["[design]", "cohort_size", "text"]),
        ('"continuous"', '"continous"', ["[variables] age", "'continuous'"]),
        ("per = 12", "per = -1", ["[variables] age", "per"]),
        ("per = 12", 'per = "12"', ["'per' in [variables] age", "text", "a number"]),
        ("keep =", "kep =", ["[[exclusions]] number 1", "'kep'", "'keep'"]),
        ('exposure = "histology"', 'exposure = "histolgy"', ["number 1", "'histology'"]),
        ('["stage", "age"]', '["stage", "ages"]', ["[[questions]] number 1", "'ages'", "'age'"]),
        ('["stage", "age"]', '"stage"', ["[[questions]] number 1", "adjustments"]),
        ('"prentice"', '"prentise"', ["[[estimators]] number 1", "'prentice'"]),
        ('kind = "cox"', 'kind = "coxx"', ["[[estimators]] number 1", "'cox'"]),
        ('kind = "cox"', 'kind = "kaplan-meier"', ["weighting", "kaplan-meier"]),
        ('kind = "cox"', 'kind = "cox"\nties = "efrom"', ["ties", "'efron'"]),
        ("[[estimators]]", "[[estimatorss]]", ["'estimatorss'", "'estimators'"]),
        ('exit = "edrel"', "exit = 3", ["exit", "a whole number", "text"]),
        ("[study]", "[study", ["not a TOML document"]),
        *(
            ('person = "seqno"', f'person = "seqno"\nsha256 = "{given}"', ["[source]", told])
            for given, told in (
                ("0cf9156a19", "sha256 has 10 characters: expected all 64 hexadecimal digits"),
                ("0" * 63 + "x", "64 characters, of which some are no hexadecimal digits"),
                ("", "sha256 has 0 characters"),
            )
        ),
    ],
)
def test_unknown_words(old: str, new: str, told: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(StudyError) as refusal:
        study_from_toml(GOOD.replace(old, new, 1))
    for words in told:
        assert words in str(refusal.value)


@pytest.mark.parametrize("section", ["study", "source", "follow_up"])
def test_absent_sections(section: str) -> None:
    blocks = GOOD.split("\n\n")
    kept = [block for block in blocks if not block.strip().startswith(f"[{section}]")]
    assert len(kept) < len(blocks)
    with pytest.raises(StudyError, match=section):
        study_from_toml("\n\n".join(kept))


def test_questions_and_estimators_are_needed() -> None:
    with pytest.raises(StudyError, match="at least one"):
        study_from_toml(GOOD[: GOOD.index("[[questions]]")])


def test_codes_take_the_type_of_their_column() -> None:
    """A text column holds "1": the codes written as numbers become text, and the other way."""
    study = study_from_toml(GOOD)
    schema = {"histol": pl.String(), "stage": pl.Int64(), "age": pl.Float64(), "rel": pl.Int64()}
    histology, stage, age = cast_codes(study, schema).variables
    assert ("1", {"1": "favourable", "2": "unfavourable"}) == (
        histology.reference,
        dict(histology.labels),
    )
    assert (1, 2, 3, 4) == stage.levels
    assert {999: "not asked"} == dict(age.missing)


def test_labels_alone_are_settled_by_the_column() -> None:
    text = GOOD.replace("histology.reference = 1", 'histology.reference = "1"')
    study = study_from_toml(text)
    assert "1" == study.variables[0].reference
    cast = cast_codes(study, {"histol": pl.Int64()})
    assert 1 == cast.variables[0].reference
    assert {1: "favourable", 2: "unfavourable"} == dict(cast.variables[0].labels)


def test_files_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(StudyError, match="no study document"):
        read_study(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes("[study]\ntitle = 'ö'".encode("latin-1"))
    with pytest.raises(StudyError, match="UTF-8"):
        read_study(tmp_path / "latin.toml")


def test_every_refusal_is_of_the_tree() -> None:
    assert issubclass(StudyError, CohortError)
