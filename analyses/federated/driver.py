"""A whole exchange in memory: for rehearsals, and for owners on one machine."""

from collections.abc import Mapping

from ..study.parts import Study
from .climb import MOST_ROUNDS
from .coordinator import Federated, Round, coordinate, opening_message
from .site import Cohorts, answer


def federate(study: Study, sites: Mapping[str, Cohorts], *, version: str) -> Federated:
    """The estimates of an exchange between sites whose cohorts are all in memory.

    sites : by name, the cohorts of each by follow-up.

    Raises what a site or the coordinator refuses, as in an exchange of files.
    """
    message = opening_message(study, tuple(sites), version)
    exchange: list[Round] = []
    for _ in range(MOST_ROUNDS + 1):
        answers = tuple(
            answer(study, cohorts, message, site=name, version=version)
            for name, cohorts in sites.items()
        )
        exchange.append(Round(message, answers))
        found = coordinate(study, exchange, version)
        if isinstance(found, Federated):
            return found
        message = found
    raise AssertionError("an exchange ends after its last round")
