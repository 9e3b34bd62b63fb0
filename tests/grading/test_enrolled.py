"""A world drawn for its study alone gives the cohorts and samples of the whole world."""

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from cohort.errors import DesignError, StudyError
from synthetic import cohort_of, read_world, simulate_world
from synthetic.enrolled import simulate_enrolled
from synthetic.streams import Draws

WHO = (
    ("dch2012", "breast", "breast", "age"),
    ("dch2012", "colon", None, "time since recruitment"),
    ("gadi2008", "breast", None, "age"),
    ("ra_kekow2013", "rheumatoid_arthritis", None, "age"),
    ("mortality2014", "death", None, "age"),
)


@pytest.mark.parametrize(("name", "outcome", "design", "scale"), WHO)
def test_same_cohort(name, outcome, design, scale) -> None:
    """Two chunks of women and a part of a third, so that places are counted from each start."""
    world = read_world(name)
    designs = () if design is None else (design,)
    whole = simulate_world(world, persons=70_000, seed=11, designs=designs)
    some = simulate_enrolled(world, persons=70_000, seed=11, designs=designs)
    ours, theirs = (
        cohort_of(one, outcome, scale=scale, design=design, reveal=True) for one in (some, whole)
    )
    assert_frame_equal(ours.frame, theirs.frame)
    assert repr(ours.declaration) == repr(theirs.declaration)
    assert len(some.observed["persons"]) < len(whole.observed["persons"]) / 2


def test_draws_of_some() -> None:
    everyone = Draws(5, 1_003, 200)
    rows = np.array([0, 7, 8, 199])
    some = everyone.among(rows)
    assert some.uniform("x").tolist() == everyone.uniform("x")[rows].tolist()
    again = some.among(np.array([1, 3]))
    assert again.normal("y").tolist() == everyone.normal("y")[[7, 199]].tolist()
    assert everyone.among(np.array([], dtype=np.int64)).uniform("x").shape == (0,)


def test_refused_as_the_whole_world_refuses() -> None:
    world = read_world("dch2012")
    with pytest.raises(StudyError, match="persons = 0"):
        simulate_enrolled(world, persons=0, seed=1)
    with pytest.raises(StudyError, match="no design 'brest'"):
        simulate_enrolled(world, persons=10, seed=1, designs=("brest",))
    with pytest.raises(DesignError, match="add persons"):
        simulate_enrolled(world, persons=1_000, seed=1, designs=("breast",))
