"""Mistakes that newcomers make: a check tells them in words, with the code of a run."""

import zipfile

import pytest

from reports.cli import main

DOCUMENT = """
[study]
title = "Smoking and death"
question = "Do women who smoke die earlier?"

[source]
file = "women.csv"
person = "id"

[follow_up]
scale = { name = "age", unit = "years", origin = "born" }
entry = "recruited"
exit = "left"
event = { column = "cause", happened = "death", censored = ["end", "moved"], label = "death" }

[variables]
smoking = { kind = "categorical", levels = ["never", "ever"], reference = "never" }
bmi = { kind = "continuous", unit = "kg/m2", per = 5 }

[[questions]]
exposure = "smoking"
adjustments = { crude = [], bmi = ["bmi"] }

[[estimators]]
kind = "cox"

[twin]
kind = "own people"
replicates = 20
"""
HEAD = "id,born,recruited,left,cause,smoking,bmi"


def women() -> list[list[str]]:
    """200 women, of whom every sixth dies."""
    return [
        [
            f"w{i}", f"19{30 + i % 20}-03-{1 + i % 28:02d}", f"1995-{1 + i % 12:02d}-07",
            f"20{10 + i % 7:02d}-{1 + i % 11:02d}-15", ("death", "end", "moved")[min(i % 6, 2)],
            ("never", "ever")[i % 2], f"{20 + i % 13}.{i % 10}",
        ]
        for i in range(200)
    ]  # fmt: skip


def written(folder, rows, head=HEAD):
    (folder / "women.csv").write_text("\n".join([head, *map(",".join, rows)]) + "\n")


@pytest.fixture
def told(tmp_path, capsys):
    """Change the document, write it, and return what a check says and its code, run's the same."""
    written(tmp_path, women())

    def check(*changes: tuple[str, str]) -> tuple[int, str]:
        text = DOCUMENT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "small.toml").write_text(text, encoding="utf-8")
        path = tmp_path / "small.toml"
        codes = []
        for arguments in (["run", str(path), "--out", str(tmp_path / "out")], ["check", str(path)]):
            capsys.readouterr()
            with pytest.raises(SystemExit) as end:
                main(arguments)
            codes.append(end.value.code or 0)
        assert codes[0] == codes[1]
        both = capsys.readouterr()
        assert "fault" not in both.err
        return codes[1], both.out + both.err

    return check


def with_column(place, change):
    return [
        [*row[:place], change(i, row[place]), *row[place + 1 :]] for i, row in enumerate(women())
    ]


def test_nothing_is_wrong(told) -> None:
    code, words = told()
    assert 0 == code
    assert words.endswith("The study can be run.\n")


def test_an_outcome_that_nobody_has(told) -> None:
    code, words = told(
        ('"death", censored = ["end", "moved"]', '"cancer", censored = ["death", "end", "moved"]')
    )
    assert 1 == code
    assert "none of the 200 records in the model 'crude' ends with 'death'" in words
    assert "The study cannot be run." in words


def test_adjusted_for_the_exposure(told) -> None:
    code, words = told(('bmi = ["bmi"]', 'bmi = ["bmi", "smoking"]'))
    assert 2 == code
    assert "'smoking' is adjusted for in 'bmi' as well" in words
    assert "The study cannot be run." in words


def test_days_called_years(told, tmp_path) -> None:
    """Not refused, since no unit is guessed; but told."""
    rows = [[r[0], "", str(18_000 + i), str(25_000 + i), *r[4:]] for i, r in enumerate(women())]
    written(tmp_path, rows)
    code, words = told((', origin = "born"', ""))
    assert 0 == code
    assert "200 records leave after more than 150 years on 'age'" in words
    assert "are the times in years?" in words
    code, words = told((', origin = "born"', ""), ('unit = "years"', 'unit = "days"'))
    assert "150 years" not in words


def test_decimal_commas(told, tmp_path) -> None:
    written(tmp_path, with_column(6, lambda i, bmi: f'"{bmi}"'.replace(".", ",")))
    code, words = told()
    assert 3 == code
    assert "column 'bmi' holds text: 200 values have a decimal comma (rows 1, 2, 3, 4, 5" in words
    written(tmp_path, with_column(6, lambda i, bmi: '"25,1"' if i == 3 else bmi))
    assert "1 value has a decimal comma (row 4)" in told()[1]
    written(tmp_path, with_column(6, lambda i, bmi: ("?", '"2,1"')[i % 2] if i < 2 else bmi))
    assert "2 values do not read as a plain number (rows 1, 2)" in told()[1]


def test_dates_in_another_format(told, tmp_path) -> None:
    written(tmp_path, with_column(3, lambda i, left: "/".join(reversed(left.split("-")))))
    code, words = told()
    assert 3 == code
    assert "form = { dates = { left = 'DD/MM/YYYY' } } in [source]" in words
    form = ('person = "id"', "person = 'id'\nform = { dates = { left = 'DD/MM/YYYY' } }")
    assert 0 == told(form)[0]


@pytest.mark.parametrize("place", [1, 3])
def test_a_day_that_no_month_has(told, tmp_path, place) -> None:
    written(tmp_path, with_column(place, lambda i, day: f"{day[:5]}02-31" if i == 3 else day))
    code, words = told()
    assert 3 == code
    assert "1 value is no date that the calendar has, written YYYY-MM-DD (row 4)" in words


def test_day_numbers_of_a_spreadsheet(told, tmp_path) -> None:
    written(tmp_path, with_column(3, lambda i, day: str(40_000 + i)))
    code, words = told()
    assert 3 == code
    assert "Day numbers of a spreadsheet are no dates" in words


def test_a_column_twice(told, tmp_path) -> None:
    written(tmp_path, [[*row, row[6]] for row in women()], HEAD + ",bmi")
    assert (3, "'women.csv' has 1 column name twice, such as 'bmi'.\n") == told()


def test_a_spreadsheet(told, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "women.csv", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", "<a/>" * 100)
    code, words = told()
    assert 3 == code
    assert "it is a spreadsheet or an archive. Save the sheet as CSV" in words


def test_another_unicode(told, tmp_path) -> None:
    text = (tmp_path / "women.csv").read_text(encoding="utf-8")
    (tmp_path / "women.csv").write_bytes(text.encode("utf-16"))
    code, words = told()
    assert 3 == code
    assert "Declare encoding = 'utf-16'" in words
    assert 0 == told(('person = "id"', "person = 'id'\nform = { encoding = 'utf-16' }"))[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[twin]", "[[twin]]", "'twin' is a list: expected one section [twin]."),
        ("[twin]", "[twin]\nseed = 2\n[twin]", "the section [twin] stands twice (at line"),
        ('"women.csv"', r'"C:\data\women.csv"', "write paths with '/', or in single quotation"),
        ('[[estimators]]\nkind = "cox"', "[[estimators]]", "number 1 needs a kind: 'cox', 'log"),
        ('"moved"]', '"moved"], competing = ["x"]', "is a list: expected a table, { ... = ... }."),
    ],
)
def test_documents(told, old, new, words) -> None:
    code, said = told((old, new))
    assert 2 == code
    assert words in said


def test_a_code_in_another_type(told, tmp_path) -> None:
    written(tmp_path, with_column(4, lambda i, cause: str(i % 2)))
    code, words = told()
    assert 3 == code
    assert "but the declared event code is the text 'death'" in words
