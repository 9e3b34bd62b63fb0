"""The words that errors are made of."""

import pytest

from cohort import Binary, Categorical, Continuous, FollowUp, TimeScale
from cohort.errors import SchemaError, agreeing, counted

YEARS = TimeScale("age", unit="years")


@pytest.mark.parametrize(
    ("count", "words", "told"),
    [
        (0, "records have", "0 records have"),
        (1, "records have", "1 record has"),
        (1, "values are", "1 value is"),
        (1, "rows do", "1 row does"),
        (1, "events follow", "1 event follows"),
        (1, "sampling weights", "1 sampling weight"),
        (1, "columns", "1 column"),
        (2, "columns", "2 columns"),
        (1234, "records overlap", "1,234 records overlap"),
    ],
)
def test_a_count_agrees_with_its_words(count, words, told) -> None:
    assert told == counted(count, words)


def test_a_verb_alone() -> None:
    assert ("lacks", "lack") == (agreeing(1, "lack"), agreeing(12, "lack"))


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda: Binary("x", label=3), "variable 'x' has label = 3: expected text"),
        (lambda: Continuous("x", label=True), "variable 'x' has label = True"),
        (lambda: Categorical("x", label=("a",)), r"variable 'x' has label = \('a',\)"),
        (lambda: Continuous("x", unit=7), "variable 'x' has unit = 7"),
        (lambda: Binary("x", column=2), "variable 'x' has column = 2"),
        (lambda: Binary(3), "a variable has name = 3"),
        (lambda: Categorical("x", labels={1: 2}), "has labels that give no text for each code"),
        (lambda: Categorical("x", labels=("a", "b")), "has labels that give no text"),
        (lambda: Binary("x", missing=9), r"expected for example missing=\{9: 'refused'\}"),
        (lambda: Binary("x", missing={9: None}), r"missing = \{ 9 = 'refused' \}"),
        (lambda: FollowUp(YEARS, exit="e", event="d", label=1), "the follow-up has label = 1"),
        (lambda: FollowUp(YEARS, exit=3, event="d"), "the follow-up has exit = 3"),
        (lambda: FollowUp(YEARS, exit="e", event="d", competing=[2]), "competing that give no tex"),
    ],
)
def test_names_and_words_are_text(declare, told) -> None:
    """A label that was a number went on to the pages, or ended in an error of the language."""
    with pytest.raises(SchemaError, match=told):
        declare()
