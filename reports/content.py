"""What a report is made of, before it is Markdown or HTML: sections of words, tables, figures."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["plain", "group", "level", "reference", "total"]


Tone = Literal["", "good", "doubtful", "bad"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that lead somewhere or are coloured.

    link : a page of the same site or a place on this one (``#name``). tone : a colour behind the
    words, which must say the same without it.
    """

    text: str
    link: str = ""
    tone: Tone = ""

    def __str__(self) -> str:
        return self.text


Words = str | Cell


@dataclass(frozen=True, slots=True)
class Row:
    """A row of words. kind : a group heading, a level under it, the reference level, a total.

    name : what a link to this row says after ``#``.
    """

    cells: tuple[Words, ...]
    kind: Kind = "plain"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words: the first column says what the row is.

    notes : sentences below it. text_columns : places of columns that hold words, not numbers.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    text_columns: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing (SVG) with words for those who cannot see it, and its data as a table."""

    caption: str
    svg: str
    alt: str
    data: Table


@dataclass(frozen=True, slots=True)
class Details:
    """Something long, folded away under a summary: preformatted text."""

    summary: str
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of paragraphs."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Cards:
    """A list of pages to go to, each with its title, its question and its result."""

    items: tuple["Card", ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One page to go to; without a link, why there is none."""

    title: str
    words: str
    result: str = ""
    link: str = ""


Block = Cell | Cards | str | Table | Figure | Details | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; a text is a paragraph."""

    title: str
    blocks: tuple[Block, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report. lead : the question; facts : (number, words) of the first glance."""

    title: str
    sections: tuple[Section, ...]
    lead: str = ""
    kicker: str = ""
    facts: tuple[tuple[str, str], ...] = field(default=())
