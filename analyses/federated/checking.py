"""Answers that a coordinator refuses, by the name of the site that sent them."""

from collections.abc import Sequence

import numpy as np

from cohort.errors import SchemaError

from ..records import Floats
from .messages import Answer, Message, Opening, Start, Sums
from .tasks import Task

UNEVEN = 1e-9
"""Relative difference of a matrix from its transpose, or a negative share of its largest
eigenvalue, beyond which it is no rounding error."""
ABOVE_TANGENT = 1e-7
"""By how much of itself a log-likelihood may rise above its tangent by rounding."""
AGAIN = "ask it to answer the message again with 'microcohort site', or begin without it"


def check_answers(message: Message, answers: Sequence[Answer], tasks: Sequence[Task]) -> None:
    """Refuse a round unless every site answered this message, with numbers that can be.

    Raises SchemaError naming the site and what to do.
    """
    for answer in answers:
        _check_head(message, answer)
    named = [answer.site for answer in answers]
    for site in message.sites:
        if site not in named:
            raise SchemaError(
                f"site '{site}' has not answered round {message.head.round}: wait for it, ask it "
                "to run 'microcohort site', or begin a new exchange without it."
            )
        if named.count(site) > 1:
            raise SchemaError(
                f"site '{site}' has answered round {message.head.round} twice, and differently: "
                "ask it which answer holds, and remove the other."
            )
    for answer in answers:
        if message.head.round == 0:
            _check_openings(answer, tasks)
        else:
            _check_sums(answer, message, tasks)


def _check_head(message: Message, answer: Answer) -> None:
    site = answer.site
    if site not in message.sites:
        raise SchemaError(
            f"site '{site}' answers, but the exchange is between {len(message.sites)} others: "
            "begin a new exchange that names it, or remove its file."
        )
    told, asked = answer.head, message.head
    if (told.version, told.protocol) != (asked.version, asked.protocol):
        raise SchemaError(
            f"site '{site}' answers with microcohort {told.version} (protocol {told.protocol}), "
            f"the exchange is of {asked.version} (protocol {asked.protocol}): install the same "
            "version everywhere and begin again."
        )
    if told.document != asked.document:
        raise SchemaError(
            f"site '{site}' answers for another study document (SHA-256 {told.document[:12]}..., "
            f"expected {asked.document[:12]}...): send it the document again and begin again."
        )
    if told.round != asked.round:
        raise SchemaError(
            f"site '{site}' answers round {told.round}, expected round {asked.round}: {AGAIN}."
        )


def _check_openings(answer: Answer, tasks: Sequence[Task]) -> None:
    if [one.task for one in answer.openings] != [one.name for one in tasks] or answer.sums:
        raise SchemaError(f"site '{answer.site}' does not open the models of the study: {AGAIN}.")
    for opening, task in zip(answer.openings, tasks, strict=True):
        _check_opening(answer.site, opening, task)


def _check_opening(site: str, opening: Opening, task: Task) -> None:
    if opening.columns != task.columns:
        raise SchemaError(
            f"site '{site}' has other columns in '{task.name}' than the study document: its data "
            "hold other levels, or its document differs; send it the document again."
        )
    if tuple(one.fit for one in opening.starts) != task.fits:
        raise SchemaError(f"site '{site}' does not open the fits of '{task.name}': {AGAIN}.")
    counts = [opening.persons, opening.events, opening.dropped, opening.units, opening.left_out]
    counts += [
        count
        for one in opening.strata
        for count in (one.size, one.drawn, one.present, one.cases, one.controls)
    ]
    if any(count is not None and count < 0 for count in counts):
        raise SchemaError(f"site '{site}' sends a negative count in '{task.name}': {AGAIN}.")
    time = opening.person_time
    if time is not None and not (np.isfinite(time) and time >= 0):
        raise SchemaError(f"site '{site}' sends an impossible person-time: {AGAIN}.")
    for start in opening.starts:
        _check_start(site, start, len(task.columns))


def _check_start(site: str, start: Start, p: int) -> None:
    where = f"site '{site}' in '{start.fit}'"
    if len(start.magnitude) != p or any(abs(m) > 1000 for m in start.magnitude if m is not None):
        raise SchemaError(f"{where} sends impossible magnitudes of its {p} columns: {AGAIN}.")
    if not (np.isfinite(start.event_weight) and start.event_weight > 0):
        raise SchemaError(f"{where} sends an impossible weight of its events: {AGAIN}.")
    _check_matrix(where, "information", start.information, p)
    if (start.beta is None) != (start.information_there is None):
        raise SchemaError(f"{where} sends half of its own estimate: {AGAIN}.")
    if start.beta is not None and start.information_there is not None:
        _check_vector(where, "estimate", start.beta, p)
        _check_matrix(where, "information", start.information_there, p)


def _check_sums(answer: Answer, message: Message, tasks: Sequence[Task]) -> None:
    if [one.fit for one in answer.sums] != [one.fit for one in message.asks] or answer.openings:
        raise SchemaError(
            f"site '{answer.site}' does not answer what round {message.head.round} asks: {AGAIN}."
        )
    last = {task.fits[-1] for task in tasks}
    for sums, ask in zip(answer.sums, message.asks, strict=True):
        p = len(ask.beta)
        where = f"site '{answer.site}' in '{sums.fit}'"
        if not np.isfinite(sums.log_likelihood):
            raise SchemaError(f"{where} sends a log-likelihood that is not finite: {AGAIN}.")
        _check_vector(where, "score", sums.score, p)
        _check_matrix(where, "information", sums.information, p)
        if sums.meat is not None:
            _check_matrix(where, "squared residuals", sums.meat, p)
        _check_drawn(where, sums, p, wanted=ask.pieces and sums.fit in last)


def _check_drawn(where: str, sums: Sums, p: int, *, wanted: bool) -> None:
    if not wanted and (sums.meat is not None or sums.drawn):
        raise SchemaError(f"{where} sends pieces of a variance that nobody asked for: {AGAIN}.")
    for one in sums.drawn:
        if one.count < 1:
            raise SchemaError(f"{where} sends a sampling stratum of nobody: {AGAIN}.")
        _check_vector(where, "residuals", one.total, p)
        _check_matrix(where, "squared residuals", one.squares, p)


def _check_vector(where: str, what: str, values: Sequence[float], p: int) -> None:
    if len(values) != p:
        raise SchemaError(f"{where} sends a {what} of {len(values)} numbers for {p}: {AGAIN}.")
    if not np.isfinite(values).all():
        raise SchemaError(f"{where} sends a {what} that is not finite: {AGAIN}.")


def _check_matrix(where: str, what: str, values: Sequence[Sequence[float]], p: int) -> None:
    """Refuse what is no sum of squares: it must be symmetric, and of no negative direction."""
    if len(values) != p or any(len(row) != p for row in values):
        raise SchemaError(f"{where} sends {what} that are no {p} x {p} matrix: {AGAIN}.")
    found = np.array(values)
    if not np.isfinite(found).all():
        raise SchemaError(f"{where} sends {what} that are not finite: {AGAIN}.")
    size = np.sqrt(np.abs(np.diag(found)))
    unit = found / np.where(size > 0, size, 1.0) / np.where(size > 0, size, 1.0)[:, None]
    if np.abs(unit - unit.T).max(initial=0.0) > UNEVEN:
        raise SchemaError(f"{where} sends {what} that are not symmetric: {AGAIN}.")
    if np.linalg.eigvalsh((unit + unit.T) / 2).min(initial=0.0) < -UNEVEN * p:
        raise SchemaError(
            f"{where} sends {what} that are not positive semi-definite, as sums of squares are: "
            f"{AGAIN}."
        )


def check_consistent(site: str, before: Sums, after: Sums, moved: Floats) -> None:
    """Refuse sums of two rounds that cannot be of the same records; moved : (p,) of beta.

    A log partial likelihood is concave: nowhere above its tangents.

    Raises SchemaError naming the site.
    """
    slack = ABOVE_TANGENT * (1.0 + abs(before.log_likelihood))
    rise = after.log_likelihood - before.log_likelihood
    if rise - np.dot(before.score, moved) > slack or np.dot(after.score, moved) - rise > slack:
        raise SchemaError(
            f"site '{site}' contradicts its earlier sums of '{after.fit}': its records have "
            "changed since. Begin again with one version of its data."
        )
