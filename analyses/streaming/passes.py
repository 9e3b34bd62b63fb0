"""The passes over the records of a part: each returns sums that are additive over parts.

A pass is a pure function of a part's columns and of small arrays, so that it can run wherever the
part is. Linear algebra is held to one thread: the order of its additions, and so the last bit of
the sums, must not depend on the machine's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..cox.influence import sums_by
from ..cox.partial_likelihood import weighted_crossproduct
from ..cox.running import up_to_and_before
from ..cox.slot_sums import risk_sums, sums_while_at_risk
from ..cox.slots import Slots
from ..parts import one_thread_each
from ..records import Codes, Floats
from ..sums_by_code import column_sums, counts_of
from .compact import Columns
from .risk_sets import SlotSums
from .slotted import stratum_of

ROWS_AT_A_TIME = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What every pass needs to know.

    names : the columns of the model. centre, scale : (p,) of each. begins : (strata + 1,) first
    slot of each. late : whether anyone enters late. count : number of slots, K. apart : (strata, p)
    by how much more than the centre the columns of each are centred, if at all.
    """

    names: tuple[str, ...]
    centre: Floats
    scale: Floats
    begins: Codes
    count: int
    late: bool
    apart: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """A pass's hazards: shift as in SlotSums; hazard, tied : (K,); careful : additions alone."""

    beta: Floats
    shift: float
    hazard: Floats
    tied: Floats
    careful: bool


def slot_sums(batches: Sequence[Columns], frame: Frame, beta: Floats, careful: bool) -> SlotSums:
    """The first pass over a part at beta (p,): sums by slot of risk, and of risk times terms.

    careful : the risk sets' own sums, by additions alone.
    """
    total = _nothing(frame)
    with one_thread_each(), np.errstate(all="ignore"):
        for batch, terms in _matrices(batches, frame):
            linear = _linear(batch, terms, beta)
            total = total.with_more(_batch_sums(batch, frame, terms, linear, careful))
    return total


def _nothing(frame: Frame) -> SlotSums:
    flat, wide = np.zeros(frame.count), np.zeros((frame.count, len(frame.names)))
    return SlotSums(
        -np.inf, flat, wide, flat, wide, flat, wide, np.zeros(len(frame.names)), 0.0, 0.0
    )


def _batch_sums(
    batch: Columns, frame: Frame, terms: Floats, linear: Floats, careful: bool
) -> SlotSums:
    shift = float(linear.max())
    linear -= shift
    weight = batch["weight"].astype(np.float64)
    risk = weight * np.exp(linear)
    past = batch["past"].astype(np.int64)
    dead = batch["death"]
    died, at, heavy = terms[dead], past[dead] - 1, weight[dead]
    flat, wide = np.zeros(frame.count), np.zeros((frame.count, len(frame.names)))
    enter = leave = (flat, wide)
    if careful:
        slots = _slots(batch, frame)
        s0, s1, *_ = risk_sums(slots, risk, terms)
        enter = (s0, s1)
    else:
        leave = _by_slot(past - 1, frame.count, risk, terms)
        if frame.late:
            enter = _by_slot(batch["first"].astype(np.int64), frame.count, risk, terms)
    dead0, dead1 = _by_slot(at, frame.count, risk[dead], died)
    return SlotSums(
        shift=shift,
        enter0=enter[0],
        enter1=enter[1],
        leave0=leave[0],
        leave1=leave[1],
        dead0=dead0,
        dead1=dead1,
        events=heavy @ died,
        value=float(heavy @ linear[dead]),
        weight=float(heavy.sum()),
    )


def _by_slot(place: Codes, count: int, mass: Floats, columns: Floats) -> tuple[Floats, Floats]:
    return counts_of(place, mass, count), column_sums(place, mass, columns, count)


def extremes(batches: Sequence[Columns], frame: Frame) -> tuple[Floats, Floats]:
    """The smallest and the largest of each term in a part, (p,) each."""
    low, high = np.full(len(frame.names), np.inf), np.full(len(frame.names), -np.inf)
    for _, terms in _matrices(batches, frame):
        low, high = np.minimum(low, terms.min(axis=0)), np.maximum(high, terms.max(axis=0))
    return low, high


def curvature(batches: Sequence[Columns], frame: Frame, lived: Lived) -> Floats:
    """The second pass over a part: each record's expected events weigh its terms' crossproduct.

    What the part adds to the information, (p, p).
    """
    p = len(frame.names)
    total = np.zeros((p, p))
    with one_thread_each(), np.errstate(all="ignore"):
        for batch, terms in _matrices(batches, frame):
            risk = _risk(batch, terms, lived)
            passed = _lived(batch, frame, (lived.hazard, lived.tied), lived.careful)
            total += weighted_crossproduct(terms, risk * passed)
    return total


def robust_sums(
    batches: Sequence[Columns],
    frame: Frame,
    lived: Lived,
    sums: tuple[Floats, Floats, Floats],
) -> Floats:
    """The last pass: crossproduct of score residuals, summed by cluster, (p, p).

    sums : means at events, slope and tied, each (K, p), of ``risk_sets.residual_sums``.
    Lin and Wei (1989), JASA 84:1074-1078.
    """
    means, slope, tied = sums
    p = len(frame.names)
    total = np.zeros((p, p))
    with one_thread_each(), np.errstate(all="ignore"):
        for batch, terms in _matrices(batches, frame):
            risk = _risk(batch, terms, lived)
            passed = _lived(batch, frame, (lived.hazard, lived.tied), lived.careful)
            residuals = _lived(batch, frame, (slope, tied), lived.careful)
            residuals -= terms * passed[:, None]
            residuals *= risk[:, None]
            dead = batch["death"]
            slot = batch["past"][dead].astype(np.int64) - 1
            weight = batch["weight"][dead].astype(np.float64)
            residuals[dead] += weight[:, None] * (terms[dead] - means[slot])
            cluster = batch["cluster"].astype(np.int64)
            summed = sums_by(cluster - cluster.min(), residuals)
            total += summed.T @ summed
    return total


def _lived(batch: Columns, frame: Frame, values: tuple[Floats, Floats], careful: bool) -> Floats:
    """Sums of slot values over each record's time at risk; the second value is for own ties."""
    if careful:
        lived = sums_while_at_risk(_slots(batch, frame), values[0], additions_only=True)
    else:
        up_to, before = up_to_and_before(values[0], frame.begins)
        lived = up_to[batch["past"]] - before[batch["first"]]
    dead = batch["death"]
    lived[dead] -= values[1][batch["past"][dead].astype(np.int64) - 1]
    return np.asarray(lived)


def _risk(batch: Columns, terms: Floats, lived: Lived) -> Floats:
    linear = _linear(batch, terms, lived.beta)
    return np.asarray(batch["weight"] * np.exp(linear - lived.shift))


def _linear(batch: Columns, terms: Floats, beta: Floats) -> Floats:
    linear = terms @ beta
    if "offset" in batch:
        linear += batch["offset"]
    return np.asarray(linear)


def _matrices(batches: Sequence[Columns], frame: Frame) -> Iterator[tuple[Columns, Floats]]:
    """Each batch that has records, with its standardised terms (n, p)."""
    for batch in batches:
        rows = int(batch["first"].size)
        if not rows:
            continue
        terms = np.empty((rows, len(frame.names)))
        own = None if frame.apart is None else stratum_of(batch, frame.begins)
        for begin in range(0, rows, ROWS_AT_A_TIME):
            here = slice(begin, begin + ROWS_AT_A_TIME)
            block = terms[here]
            for place, name in enumerate(frame.names):
                block[:, place] = batch[name][here]
            block -= frame.centre
            if frame.apart is not None and own is not None:
                block -= frame.apart[own[here]]
            block /= frame.scale
        yield batch, terms


def _slots(batch: Columns, frame: Frame) -> Slots:
    """The slots of a batch, as far as sums over risk sets need them."""
    none = np.empty(0, dtype=np.int64)
    return Slots(
        time=np.empty(frame.count),
        stratum=none,
        first=batch["first"].astype(np.int64),
        past=batch["past"].astype(np.int64),
        death=none,
        death_slot=none,
        deaths=none,
        rank=none,
        begins=frame.begins,
        late=frame.late,
    )
