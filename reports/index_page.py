"""The front page of a site: every study, by where its records come from."""

from collections.abc import Sequence

from .built import Built
from .content import Block, Card, Cards, Page, Section

GROUPS = (
    ("Cohorts of real persons", ("file", "dataset"),
     "Real data, every number traceable to a file, a document and a version."),
    ("Published tables", ("published",),
     "Tables and ratios as printed, each number marked by how it was seen."),
    ("Invented twins", ("world",),
     "Invented women in worlds of known truth: what a study of this kind would find. They say "
     "nothing of real women."),
)  # fmt: skip


def index_page(built: Sequence[Built], more: Sequence[Section] = ()) -> Page:
    """The front page. more : sections that stand before the studies."""
    sections = list(more)
    for title, kinds, words in GROUPS:
        mine = [one for one in built if one.kind in kinds]
        if mine:
            blocks: tuple[Block, ...] = (words, Cards(tuple(_card(one) for one in mine)))
            sections.append(Section(title, blocks))
    absent = [one for one in built if one.page is None]
    if absent:
        words = "These have no page, and why:"
        sections.append(Section("Not built", (words, Cards(tuple(map(_card, absent))))))
    return Page(
        "Studies",
        tuple(sections),
        "What microcohort made of its studies: links between microchimerism and disease put to the "
        "test, each estimate beside what the same analysis does where the truth is known.",
        "microcohort",
    )


def _card(one: Built) -> Card:
    if one.page is None:
        return Card(one.name, one.story)
    return Card(one.title, one.question, one.result, one.page.name)
