"""Random numbers as a pure function of seed, column name and person number.

Every column of a synthetic world has its own Philox4x64-10 generator (Salmon, Moraes, Dror and
Shaw 2011, *Parallel random numbers: as easy as 1, 2, 3*), keyed by BLAKE2b(seed|name); the person
number is the counter. A draw therefore does not depend on the size of a chunk, on the order of
the columns or on the number of workers, and adding a column changes no other column.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

FloatArray = NDArray[np.float64]

DRAWS_PER_BLOCK = 4
"""Philox4x64 returns four 64-bit numbers for each value of the counter."""

SMALLEST_UNIFORM = 2.0**-54
"""Half a step of the 53-bit grid: keeps the normal quantile of a draw of exactly 0 finite."""


def stream_key(seed: int, name: str) -> NDArray[np.uint64]:
    """Two 64-bit words: BLAKE2b with a 16-byte digest of the text ``seed|name``."""
    digest = blake2b(f"{seed}|{name}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


def raw_draws(seed: int, name: str, first: int, count: int) -> NDArray[np.uint64]:
    """64-bit draws of persons ``first`` to ``first + count - 1``, shape (count,).

    Person p reads word p % 4 of block p // 4. NumPy steps the counter before it makes a block, so
    in the notation of Random123 the block is made at counter p // 4 + 1. Only the raw stream is
    used, because NumPy promises that it never changes (NEP 19), and not so its distributions.
    """
    block, offset = divmod(first, DRAWS_PER_BLOCK)
    counter = np.array([block, 0, 0, 0], dtype=np.uint64)
    generator = np.random.Philox(key=stream_key(seed, name), counter=counter)
    words: NDArray[np.uint64] = generator.random_raw(offset + count)
    return words[offset:]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """The draws of persons ``first`` to ``first + count - 1`` of one world, or of some after it.

    seed : of the world, a whole number of 0 or more.
    first : number of the first person, counted from 0.
    count : how many persons, who follow one another unless ``places`` says otherwise.
    places : (count,) rising, how far after ``first`` each person stands; None: one after another.
    """

    seed: int
    first: int
    count: int
    places: NDArray[np.int64] | None = None

    def among(self, rows: NDArray[np.int64]) -> "Draws":
        """The draws of some of these persons: rows (k,), rising, counted from 0."""
        places = rows if self.places is None else self.places[rows]
        return Draws(self.seed, self.first, len(rows), places)

    def uniform(self, name: str) -> FloatArray:
        """Uniform draws on [0, 1) of the column ``name``, shape (count,): the top 53 bits."""
        words = self._words(name)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def _words(self, name: str) -> NDArray[np.uint64]:
        if self.places is None:
            return raw_draws(self.seed, name, self.first, self.count)
        last = int(self.places[-1]) + 1 if self.count else 0
        return raw_draws(self.seed, name, self.first, last)[self.places]

    def normal(self, name: str) -> FloatArray:
        """Standard normal draws by the inverse distribution function, one uniform each."""
        quantile: FloatArray = ndtri(np.maximum(self.uniform(name), SMALLEST_UNIFORM))
        return quantile

    def exponential(self, name: str) -> FloatArray:
        """Exponential draws with mean 1 by the inverse distribution function."""
        return -np.log1p(-self.uniform(name))

    def where(self, name: str, probability: FloatArray | float) -> NDArray[np.bool_]:
        """True with the given probability, one uniform each, shape (count,)."""
        return np.asarray(self.uniform(name) < probability)
