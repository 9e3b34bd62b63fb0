"""Running sums within strata, by additions alone.

What runs over all strata, less what it was where a stratum begins, leaves a stratum of small sums
with the rounding errors of the large ones before it.
"""

import numpy as np

from ..records import Codes, Floats

MOST_STRATA_IN_A_LOOP = 256
LONG = 64
"""Slots of a stratum from which on it is worth a call of its own among very many strata."""


def running(values: Floats, begins: Codes, *, backwards: bool = False) -> Floats:
    """Running sums within strata of slot values (K,) or (K, p).

    begins : (strata + 1,) the first slot of each stratum, then K.
    """
    if begins.size == 2:
        return values[::-1].cumsum(axis=0)[::-1] if backwards else values.cumsum(axis=0)
    out = np.empty_like(values)
    way = slice(None, None, -1 if backwards else 1)
    lengths = np.diff(begins)
    alone = lengths > (0 if lengths.size <= MOST_STRATA_IN_A_LOOP else LONG)
    # Plain numbers and the bare ufunc: with 50 strata, what is around the sums is most of the work.
    edges = zip(begins[:-1][alone].tolist(), begins[1:][alone].tolist(), strict=True)
    for begin, end in edges:
        np.add.accumulate(values[begin:end][way], axis=0, out=out[begin:end][way])
    if not alone.all():
        together = np.repeat(~alone, lengths)
        out[together] = _doubled(values[together][way], lengths[~alone][way])[way]
    return out


def _doubled(values: Floats, lengths: Codes) -> Floats:
    """Running sums within many short stretches: of 2 slots, then 4, then 8, in all at once."""
    place = np.arange(len(values)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    reach = 1
    while (further := np.flatnonzero(place >= reach)).size:
        values[further] += values[further - reach]
        reach *= 2
    return values


def up_to_and_before(values: Floats, begins: Codes) -> tuple[Floats, Floats]:
    """Sums of slot values (K,) or (K, p) within strata, of the slots before each of K + 1 edges.

    The second is for edges where a record's time at risk begins: 0 where a stratum begins, where
    the first holds the sum of the stratum before it.
    """
    up_to = np.concatenate((np.zeros_like(values[:1]), running(values, begins)))
    if begins.size <= 2:
        return up_to, up_to
    before = up_to.copy()
    before[begins[:-1]] = 0.0
    return up_to, before
