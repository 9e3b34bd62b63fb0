"""Parts of a study of published tables: pooled with what they share, or shown and not pooled.

Sources: pools written out in `by_hand.py`; each odds ratio from the counts in the docstrings.
"""

import math

import numpy as np
import pytest

from analyses.pooling.published_part import published_part
from analyses.study.study import Pooling
from cohort.errors import NotEstimableError, StudyError
from cohort.published import PublishedGroup, PublishedTable, select_tables
from cohort.published_door import read_published
from tests.published.by_hand import by_hand, printed
from tests.published.reference import EVIDENCE

TABLES = read_published(EVIDENCE)
DANISH = ("hallum_2021_ovarian", "hallum_2022_endometrial", "kamper_2023_brain")
SHARED = 1 / 333 + 1 / 172
"""333 exposed and 172 unexposed women of the Danish subcohort of 505 (inferred from 65.9 %)."""


def test_the_danish_cancers_by_hand():
    """Ovary 0.44 (0.29-0.68), endometrium 0.73 (0.47-1.15), brain 0.50 (0.33-0.77)."""
    pairs = [printed(one) for one in ((0.44, 0.29, 0.68), (0.73, 0.47, 1.15), (0.5, 0.33, 0.77))]
    y = np.array([one[0] for one in pairs])
    v = np.diag([one[1] for one in pairs]) + SHARED * (1 - np.eye(3))
    fixed, random = by_hand(y, v)
    tables = select_tables(TABLES, DANISH)
    part = published_part(tables, Pooling(DANISH, estimate="published", method="DL"))
    assert part.pool is not None
    assert fixed[0] == pytest.approx(part.pool.fixed.value, rel=1e-12)
    assert fixed[1] == pytest.approx(part.pool.fixed.std_error, rel=1e-12)
    assert fixed[2] == pytest.approx(part.pool.fixed.heterogeneity.q, rel=1e-12)
    assert random[0] == pytest.approx(part.pool.random.value, rel=1e-9)
    assert random[1] == pytest.approx(part.pool.random.std_error, rel=1e-9)
    assert random[2] == pytest.approx(part.pool.random.heterogeneity.tau2, rel=1e-9)
    alone, together = part.sharing
    _, independent = by_hand(y, np.diag(np.diag(v)))
    assert independent[1] == pytest.approx(alone.pooled.std_error, rel=1e-9)
    assert (0.0, 0.0) == alone.correlation
    correlations = [SHARED / math.sqrt(v[i, i] * v[j, j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert (min(correlations), max(correlations)) == pytest.approx(together.correlation)
    assert together.pooled.std_error > 1.1 * alone.pooled.std_error


def test_breast_and_colon_from_the_same_blood_by_hand():
    """36/89 and 60/67 against 190/272: Q = (difference of logs)^2 / (v1 + v2 - 2 shared)."""
    names = ("kamper_2012_colon", "kamper_2012_breast")
    shared = 1 / 190 + 1 / 82
    colon, breast = math.log(60 * 82 / (7 * 190)), math.log(36 * 82 / (53 * 190))
    v1, v2 = 1 / 60 + 1 / 7 + shared, 1 / 36 + 1 / 53 + shared
    q = (colon - breast) ** 2 / (v1 + v2 - 2 * shared)
    part = published_part(select_tables(TABLES, names), Pooling(names, why_not="opposite"))
    assert part.pool is None
    assert part.agreement is not None
    assert q == pytest.approx(part.agreement.q, rel=1e-12)
    assert "odds ratio" in part.frame["measure"].to_list()


def test_agreement_is_not_asked_where_the_answer_would_be_wrong():
    """Women shared in an unknown amount; different exposures; counts not found."""
    for names, estimate in (
        (("kamper_2014_mortality", "kamper_2025_mortality"), "published"),
        (("kekow_2013_ra", "yan_2005_nosons"), "crude"),
        (("bloch_2011_ms", "willer_2006_ms"), "crude"),
    ):
        tables = select_tables(TABLES, names)
        pooling = Pooling(names, estimate=estimate, why_not="not one question")
        assert published_part(tables, pooling).agreement is None


def test_lupus_tables_disagree():
    """log 1 against log(5 * 52 / (2 * 11)): Q = difference^2 / (v1 + v2)."""
    names = ("mosca_2003_sle", "kekow_2013_sle")
    part = published_part(select_tables(TABLES, names), Pooling(names, why_not="they disagree"))
    v1 = 1 / 11 + 1 / 12 + 1 / 11 + 1 / 12
    v2 = 1 / 5 + 1 / 2 + 1 / 11 + 1 / 52
    q = math.log(5 * 52 / (2 * 11)) ** 2 / (v1 + v2)
    assert part.agreement is not None
    assert q == pytest.approx(part.agreement.q, rel=1e-12)


def test_an_empty_cell_is_pooled_with_a_stated_correction_only():
    """Klintschar 8/17 against 1/25 and 8/21 against 0/17; Mantel-Haenszel needs none."""
    names = ("klintschar_2001_hashimoto", "klintschar_2006_hashimoto")
    tables = select_tables(TABLES, names)
    with pytest.raises(NotEstimableError, match="no exposed non-cases"):
        published_part(tables, Pooling(names))
    part = published_part(tables, Pooling(names, method="DL", zero_cell_correction=0.5))
    y = np.array([math.log(8 * 24 / (1 * 9)), math.log(8.5 * 17.5 / (0.5 * 13.5))])
    v = np.diag([1 / 8 + 1 / 9 + 1 / 1 + 1 / 24, 1 / 8.5 + 1 / 13.5 + 1 / 0.5 + 1 / 17.5])
    assert part.pool is not None
    assert part.mantel_haenszel is not None
    assert by_hand(y, v)[1][0] == pytest.approx(part.pool.random.value, rel=1e-12)
    y[1] = math.log(8.25 * 17.25 / (0.25 * 13.25))
    v[1, 1] = 1 / 8.25 + 1 / 13.25 + 1 / 0.25 + 1 / 17.25
    less = published_part(tables, Pooling(names, method="DL", zero_cell_correction=0.25))
    assert less.pool is not None
    assert by_hand(y, v)[1][0] == pytest.approx(less.pool.random.value, rel=1e-12)
    common = (8 * 24 / 42 + 8 * 17 / 38) / (1 * 9 / 42 + 0 * 13 / 38)
    assert common == pytest.approx(part.mantel_haenszel.estimate, rel=1e-12)


def test_words_that_are_not_known_are_refused():
    """As they were when a study had one pool."""
    tables = select_tables(TABLES, ("artlett_1998", "evans_1999"))
    for pooling in (Pooling(("a",), limits="wide"), Pooling(("a",), estimate="adjusted")):
        with pytest.raises(StudyError, match="expected"):
            published_part(tables, pooling)


def test_mantel_and_haenszel_only_of_different_women():
    """Their variance takes the women of each table for others: with common controls it is small."""
    cases = ((0, 6), (8, 40), (9, 35), (12, 50))
    for comparison, there in ((("same",) * 4, False), (("a", "b", "c", "d"), True)):
        tables = [
            table(name, found, of, shared)
            for name, (found, of), shared in zip("abcd", cases, comparison, strict=True)
        ]
        part = published_part(tables, Pooling(tables=tuple("abcd"), zero_cell_correction=0.5))
        assert part.pool is not None
        assert (part.mantel_haenszel is not None) == there


def table(name, found, of, comparison):
    return PublishedTable(
        name, "c", 2000, None, "case-control", "d", "p", "pop", comparison, "after disease", "o",
        "x", None, None, None, PublishedGroup("cases", found, "published", of, "published"),
        PublishedGroup("controls", 30, "published", 60, "published"), (), (), None, None, None,
        None, None, "published", "high",
    )  # fmt: skip
