"""An exchange of files between the owners of data: a site's answer, the coordinator's next step.

Message and answer files are small JSON (`analyses/federated/messages.py`). Every file is written
whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analyses.federated.coordinator import Federated, Round, coordinate, opening_message
from analyses.federated.messages import Answer, Message, from_text, to_text
from analyses.federated.site import answer, check_message
from analyses.federated.tasks import Task, tasks_of
from cohort.errors import SchemaError, StudyError, UnsupportedError

from .checksums import sha256_of, version_of
from .disclosure import apart, small
from .exchange_ledger import read_ledger, with_query, write_ledger
from .exchange_page import ESTIMATES, estimates_json, exchange_page
from .files import make_folder, write_whole
from .html import page_html
from .sources import Document, cohort_of, read_document, records_of

PAGE = "estimates.html"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written and where, and what to do next."""

    path: Path
    words: str


def answer_message(study: Path, site: str, message: Path, out: Path) -> Written:
    """Answer one message of the coordinator on the data beside the study document.

    Raises StudyError, SchemaError, UnsupportedError as ``analyses.federated.site.answer`` does;
    UnsupportedError as well when the site has been asked too often.
    """
    document = read_document(study)
    asked = read_exchanged(message)
    if not isinstance(asked, Message):
        raise StudyError(
            f"'{message.name}' is an answer of a site: give a message of the coordinator."
        )
    version = version_of("microcohort")
    tasks = shared_tasks(document)
    check_message(document.study, asked, site, version)
    records = records_of(document)
    data = document.source_path
    assert data is not None
    ledger = with_query(read_ledger(data.parent), asked, sha256_of(data))
    names = {task.asked.follow_up for task in tasks}
    cohorts = {name: cohort_of(records, name) for name in names}
    # The study with codes in the types of the data would have another hash: the document's own.
    found = answer(document.study, cohorts, asked, site=site, version=version)
    text = to_text(_withheld(found, document.study.report.smallest_cell))
    write_ledger(data.parent, ledger)
    path = write_whole(out, text)
    return Written(path, _told(asked, found))


def shared_tasks(document: Document) -> tuple[Task, ...]:
    """What a document asks of every site.

    Raises StudyError when it asks for what is not built between owners: then it is the document
    that has to change, whatever the data.
    """
    try:
        return tasks_of(document.study)
    except UnsupportedError as error:
        raise StudyError(f"'{document.path.name}': {error}") from None


def _told(message: Message, found: Answer) -> str:
    if message.head.round == 0:
        return f"Site '{found.site}' opens {len(found.openings)} models. Send this file back:"
    return (
        f"Site '{found.site}' answers round {message.head.round}: sums of {len(found.sums)} fits. "
        "Send this file back:"
    )


def _withheld(found: Answer, smallest: int) -> Answer:
    """The answer without counts of too few, and of persons that differ by too few.

    Persons and those dropped add up to the same in every model, so that one model's give another's
    away: those dropped are told of all models or of none.
    """
    openings = found.openings
    persons = apart([one.persons for one in openings], smallest)
    few_dropped = any(small(one.dropped, smallest) for one in openings)
    no_dropped = few_dropped or any(persons)
    events = apart([one.events for one in openings], smallest)
    return replace(
        found,
        openings=tuple(
            replace(
                one,
                persons=None if no_persons else one.persons,
                events=None if no_events else one.events,
                person_time=None if no_persons else one.person_time,
                units=None if no_persons or small(one.units, smallest) else one.units,
                dropped=None if no_dropped else one.dropped,
                left_out=None if small(one.left_out, smallest) else one.left_out,
            )
            for one, no_persons, no_events in zip(openings, persons, events, strict=True)
        ),
    )


def read_exchanged(path: Path) -> Message | Answer:
    """A message or answer file.

    Raises StudyError naming the file when it is absent, cut short, or something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"there is no file '{path}': check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"'{path.name}' cannot be read as text in UTF-8: {error}.") from None
    return from_text(text, path.name)


def begin(study: Path, sites: Sequence[str], out: Path) -> Written:
    """Write the first message of an exchange between named sites.

    Raises StudyError when the folder holds an exchange already.
    """
    document = read_document(study)
    shared_tasks(document)
    message = opening_message(document.study, sites, version_of("microcohort"))
    folder = make_folder(out)
    if _exchanged(folder):
        raise StudyError(
            f"'{folder}' holds messages or answers already: begin in an empty folder, or leave out "
            "--site to go on with the exchange in it."
        )
    path = write_whole(folder / _name(message), to_text(message))
    return Written(path, f"An exchange between {len(sites)} sites. Send this file to each of them:")


def go_on(study: Path, folder: Path, out: Path) -> Written:
    """The next message of the exchange in a folder, or its estimates as JSON and a page.

    Raises SchemaError naming a site whose answer is refused; StudyError for the files.
    """
    document = read_document(study)
    if not folder.is_dir():
        raise StudyError(f"there is no folder '{folder}': check the path.")
    shared_tasks(document)
    exchange = rounds_of(_exchanged(folder), folder)
    found = coordinate(document.study, exchange, version_of("microcohort"))
    target = make_folder(out)
    if isinstance(found, Message):
        path = write_whole(target / _name(found), to_text(found))
        return Written(path, f"Round {found.head.round}. Send this file to each site:")
    return _end(document, exchange, found, target)


def _end(document: Document, exchange: Sequence[Round], found: Federated, target: Path) -> Written:
    by_site = {one.site: one.openings for one in exchange[0].answers}
    openings = [by_site[site] for site in found.sites]
    write_whole(target / ESTIMATES, estimates_json(document, found))
    path = write_whole(target / PAGE, page_html(exchange_page(document, found, openings)))
    settled = all(one.frame["converged"].all() for one in found.estimates)
    how = "The estimates" if settled else "Not every model reached its maximum; the estimates"
    return Written(path, f"{how} of {len(found.sites)} sites after {found.rounds} rounds:")


def _name(message: Message) -> str:
    return f"message-{message.head.round}.json"


def _exchanged(folder: Path) -> list[Message | Answer]:
    """Every message and answer in a folder, by the name of its file."""
    paths = sorted(path for path in folder.glob("*.json") if path.name != ESTIMATES)
    return [read_exchanged(path) for path in paths]


def rounds_of(held: Sequence[Message | Answer], folder: Path) -> list[Round]:
    """The rounds of an exchange, in order.

    Raises StudyError when a message is absent or two differ; SchemaError naming a site that
    answers a round that was never asked.
    """
    messages: dict[int, Message] = {}
    for one in held:
        if isinstance(one, Message) and messages.setdefault(one.head.round, one) != one:
            raise StudyError(
                f"'{folder}' holds two different messages of round {one.head.round}: keep each "
                "exchange in a folder of its own."
            )
    if sorted(messages) != list(range(len(messages))) or not messages:
        raise StudyError(
            f"'{folder}' does not hold every message of an exchange from round 0 on: begin one "
            "with --site NAME for each site, and keep its files together."
        )
    for one in held:
        if isinstance(one, Answer) and one.head.round not in messages:
            raise SchemaError(
                f"site '{one.site}' answers round {one.head.round}, but the exchange is at round "
                f"{max(messages)}: remove its file, and ask it to answer the last message."
            )
    return [Round(messages[place], _answers(held, place)) for place in sorted(messages)]


def _answers(held: Sequence[Message | Answer], place: int) -> tuple[Answer, ...]:
    """The answers of a round; two copies of one answer count once."""
    found: list[Answer] = []
    for one in held:
        if isinstance(one, Answer) and one.head.round == place and one not in found:
            found.append(one)
    return tuple(found)
