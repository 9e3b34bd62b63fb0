"""A coordinator refuses, by name, a site that stops, lies, or sends what no sum can be."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analyses import Cox, LinYing, Question
from analyses.federated.coordinator import Federated, Round, coordinate, opening_message
from cohort import CaseCohort
from cohort.errors import DesignError, SchemaError, StudyError
from tests.federated.exchanges import (
    VERSION,
    exchange,
    lung_sites,
    lung_study,
    sites_of,
    wilms,
    wilms_study,
)

PLAN = lung_study(Question(exposure="sex", adjustments={"model": ["age"]}))
BAD = "site 3"


@pytest.fixture(scope="module")
def held() -> list[Round]:
    """Four rounds between the four sites of lung: the opening and three of sums."""
    return exchange(PLAN, sites_of(PLAN, lung_sites()), 4)


def spoiled(held: list[Round], place: int, change) -> list[Round]:
    """The exchange up to a round in which the answer of one site is another."""
    last = held[place]
    answers = tuple(change(one) if one.site == BAD else one for one in last.answers)
    return [*held[:place], replace(last, answers=answers)]


def sums(**changes):
    return lambda one: replace(one, sums=(replace(one.sums[0], **changes),))


def start(**changes):
    def change(one):
        opening = one.openings[0]
        starts = (replace(opening.starts[0], **changes),)
        return replace(one, openings=(replace(opening, starts=starts),))

    return change


def opening(**changes):
    return lambda one: replace(one, openings=(replace(one.openings[0], **changes),))


def head(**changes):
    return lambda one: replace(one, head=replace(one.head, **changes))


SQUARE = ((1.0, 0.0), (0.0, 1.0))
REFUSED = [
    (0, head(version="9.9"), "answers with microcohort 9.9"),
    (0, head(protocol=2), "protocol 2"),
    (0, head(document="f" * 64), "another study document"),
    (1, head(round=0), "answers round 0, expected round 1"),
    (1, head(version="9.9"), "install the same version"),
    (0, lambda one: replace(one, openings=()), "does not open the models"),
    (1, lambda one: replace(one, sums=()), "does not answer what round 1 asks"),
    (1, lambda one: replace(one, sums=one.sums * 2), "does not answer what round 1 asks"),
    (0, opening(columns=("age", "height")), "other columns"),
    (0, opening(starts=()), "does not open the fits"),
    (0, opening(persons=-1), "negative count"),
    (0, opening(person_time=math.nan), "impossible person-time"),
    (0, start(magnitude=(1,)), "impossible magnitudes"),
    (0, start(magnitude=(1, 10**9)), "impossible magnitudes"),
    (0, start(event_weight=0.0), "impossible weight"),
    (0, start(beta=None), "half of its own estimate"),
    (0, start(beta=(0.0,)), "estimate of 1 numbers for 2"),
    (0, start(information=((1.0, 0.0),)), "no 2 x 2 matrix"),
    (1, sums(log_likelihood=math.nan), "log-likelihood that is not finite"),
    (1, sums(score=(math.inf, 0.0)), "score that is not finite"),
    (1, sums(score=(0.0,)), "score of 1 numbers for 2"),
    (1, sums(information=((math.nan, 0.0), (0.0, 1.0))), "not finite"),
    (1, sums(information=((1.0, 0.1), (0.2, 1.0))), "not symmetric"),
    (1, sums(information=((1.0, 2.0), (2.0, 1.0))), "not positive semi-definite"),
    (1, sums(information=((-1.0, 0.0), (0.0, 1.0))), "not positive semi-definite"),
    (1, sums(information=((1.0, 0.0, 0.0),) * 3), "no 2 x 2 matrix"),
    (1, sums(meat=SQUARE), "pieces of a variance that nobody asked for"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "change", "why"), REFUSED, ids=[one[2] for one in REFUSED])
def test_refused_by_name(held, place, change, why):
    with pytest.raises(SchemaError, match=f"site '{BAD}'.*{why}") as refusal:
        coordinate(PLAN, spoiled(held, place, change), VERSION)
    assert "begin" in str(refusal.value) or "again" in str(refusal.value)


def test_a_site_that_stops(held):
    last = held[2]
    left = replace(last, answers=tuple(one for one in last.answers if one.site != BAD))
    with pytest.raises(SchemaError, match=f"'{BAD}' has not answered round 2.*without it"):
        coordinate(PLAN, [*held[:2], left], VERSION)


def test_a_site_that_answers_twice(held):
    other = replace(held[1].answers[0], site=BAD)
    twice = replace(held[1], answers=(*held[1].answers, other))
    with pytest.raises(SchemaError, match=f"'{BAD}' has answered round 1 twice"):
        coordinate(PLAN, [held[0], twice], VERSION)


def test_a_site_that_was_not_invited(held):
    stranger = replace(held[0].answers[0], site="site 5")
    more = replace(held[0], answers=(*held[0].answers, stranger))
    with pytest.raises(SchemaError, match="'site 5' answers, but the exchange is between 4 others"):
        coordinate(PLAN, [more], VERSION)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_site_whose_records_changed_between_rounds(held, factor):
    """A concave log-likelihood lies below its tangents; sums of other records do not fit."""
    before = next(one for one in held[2].answers if one.site == BAD)
    value = before.sums[0].log_likelihood * factor
    with pytest.raises(SchemaError, match=f"'{BAD}' contradicts its earlier sums"):
        coordinate(PLAN, spoiled(held, 2, sums(log_likelihood=value)), VERSION)


def test_an_edited_message(held):
    asked = held[1].message.asks[0]
    other = replace(held[1].message, asks=(replace(asked, beta=(9.0, 9.0)),))
    with pytest.raises(StudyError, match="round 1 is not the one that follows"):
        coordinate(PLAN, [held[0], replace(held[1], message=other)], VERSION)
    with pytest.raises(StudyError, match="round 0 is not the one that follows"):
        coordinate(PLAN, held[:1], "another version")


def test_the_answers_of_an_earlier_exchange_with_another_document(held):
    other = lung_study(Question(exposure="sex", adjustments={"model": ["ph.karno"]}))
    with pytest.raises(StudyError, match="not the one that follows"):
        coordinate(other, held, VERSION)


def test_the_same_exchange_in_any_order_of_answers_is_the_same_to_the_last_bit(held):
    turned = [replace(one, answers=one.answers[::-1]) for one in held]
    one, two = coordinate(PLAN, held, VERSION), coordinate(PLAN, turned, VERSION)
    assert isinstance(one, Federated)
    assert isinstance(two, Federated)
    assert one.estimates[0].frame.equals(two.estimates[0].frame)


@pytest.mark.parametrize("names", [(), ("one",), ("one", "one"), ("one", " ")])
def test_sites_need_names_of_their_own(names):
    with pytest.raises(StudyError, match="at least two, each by a name of its own"):
        opening_message(PLAN, names, VERSION)


def test_a_bad_start_is_mended_by_shorter_steps(held):
    """A site's own estimate is only where to begin: a wild one costs rounds, not digits."""
    good = coordinate(PLAN, held, VERSION)
    wild = sites_of(PLAN, lung_sites())
    first = exchange(PLAN, wild)[0]
    answers = [replace(one) for one in first.answers]
    answers[0] = start(beta=(0.4, -9.0))(answers[0])
    found = _finish(PLAN, wild, [Round(first.message, tuple(answers))])
    assert found.rounds > 3
    ours, theirs = found.estimates[0].log_estimate, good.estimates[0].log_estimate
    assert theirs == pytest.approx(ours, abs=1e-10)


def _finish(plan, sites, held):
    from analyses.federated.site import answer

    while True:
        message = coordinate(plan, held, VERSION)
        if isinstance(message, Federated):
            return message
        answers = tuple(
            answer(plan, cohorts, message, site=name, version=VERSION)
            for name, cohorts in sites.items()
        )
        held = [*held, Round(message, answers)]


def test_more_drawn_than_the_cohort_had():
    """Sites whose numbers together contradict the document's cohort_size."""
    _, sampled = wilms("study")
    plan = wilms_study(CaseCohort("in.subcohort", cohort_size=4028), Cox(weighting=LinYing()))
    first = exchange(plan, sites_of(plan, sampled))[0]
    strata = first.answers[0].openings[0].strata
    many = tuple(replace(one, drawn=4000) for one in strata)
    answers = tuple(opening(strata=many)(one) for one in first.answers)
    with pytest.raises(DesignError, match="more than the cohort it was drawn from"):
        coordinate(plan, [replace(first, answers=answers)], VERSION)


def test_a_stratum_from_which_nobody_was_drawn_anywhere():
    _, sampled = wilms("study")
    plan = wilms_study(CaseCohort("in.subcohort", cohort_size=4028), Cox(weighting=LinYing()))
    first = exchange(plan, sites_of(plan, sampled))[0]
    answers = tuple(
        opening(strata=tuple(replace(s, drawn=0) for s in one.openings[0].strata))(one)
        for one in first.answers
    )
    with pytest.raises(DesignError, match="nobody was drawn from it at any site"):
        coordinate(plan, [replace(first, answers=answers)], VERSION)


def test_the_estimates_do_not_depend_on_what_is_added_to_a_likelihood(held):
    """The scores decide; a constant in every log-likelihood is not seen."""

    def higher(one):
        if not one.sums:
            return one
        told = replace(one.sums[0], log_likelihood=one.sums[0].log_likelihood - 100.0)
        return replace(one, sums=(told,))

    moved = [replace(one, answers=tuple(higher(a) for a in one.answers)) for one in held]
    one, two = coordinate(PLAN, held, VERSION), coordinate(PLAN, moved, VERSION)
    assert np.isclose(one.estimates[0].log_estimate, two.estimates[0].log_estimate, rtol=1e-12)
