"""The words that errors are made of."""

import pytest

from cohort.errors import agreeing, counted


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
