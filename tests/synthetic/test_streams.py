"""Draws are a pure function of seed, column and person."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic.streams import Draws, raw_draws, stream_key

MASK = 2**64 - 1


def philox4x64(counter: list[int], key: list[int]) -> list[int]:
    """Ten rounds, written from Salmon et al. (2011) section 4.3, in plain Python integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = c[0] * 0xD2E7470EE14C6C93, c[2] * 0xCA5A826395121157
        c = [(second >> 64) ^ c[1] ^ k[0], second & MASK, (first >> 64) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


def test_philox_known_answer():
    """Random123 1.14, kat_vectors, philox4x64 with 10 rounds, all zeros."""
    expected = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    assert expected == philox4x64([0, 0, 0, 0], [0, 0])


@pytest.mark.parametrize("person", [0, 1, 5, 4095, 10**6 + 3])
def test_a_person_reads_her_word_of_her_block(person):
    """The numbers are Philox4x64-10 itself at counter person // 4 + 1, in our own arithmetic."""
    key = [int(word) for word in stream_key(7, "sex")]
    expected = philox4x64([person // 4 + 1, 0, 0, 0], key)[person % 4]
    assert expected == int(raw_draws(7, "sex", person, 1)[0])


@settings(max_examples=30, deadline=None)
@given(first=st.integers(0, 3000), count=st.integers(1, 400), cut=st.integers(0, 400))
def test_chunks_do_not_matter(first, count, cut):
    cut = min(cut, count)
    whole = raw_draws(3, "gap|2", first, count)
    parts = [raw_draws(3, "gap|2", first, cut), raw_draws(3, "gap|2", first + cut, count - cut)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_columns_and_seeds_are_unrelated():
    """Correlation of 100,000 pairs: standard error 0.0032, limit 4.5 of them."""
    draws = Draws(1, 0, 100_000)
    first, second = draws.uniform("a"), draws.uniform("b")
    third = Draws(2, 0, 100_000).uniform("a")
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.0142
    assert abs(np.corrcoef(first, third)[0, 1]) < 0.0142


def test_moments():
    """Means of uniform, normal, exponential and an event, each within 4 standard errors."""
    draws = Draws(5, 0, 200_000)
    error = 200_000**-0.5
    assert abs(draws.uniform("u").mean() - 0.5) < 4 * error * 12**-0.5
    assert abs(draws.normal("n").mean()) < 4 * error
    assert abs(draws.exponential("e").mean() - 1) < 4 * error
    assert abs(draws.where("w", 0.2).mean() - 0.2) < 4 * error * 0.4
    assert draws.uniform("u").max() < 1
