"""Pages as HTML: one file each, nothing fetched from elsewhere, no script."""

import base64
import re
from functools import cache
from typing import Any

import jinja2
import markupsafe

from .content import Cards, Cell, Details, Figure, Listing, Page, Row, Section, Table, Words
from .numbering import numbered
from .palette import ACCENT, BAD, DOUBTFUL, GOOD, INK, LINE, PAPER, QUIET, WASH

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def page_html(page: Page) -> str:
    """The page as one HTML file."""
    page = numbered(page)
    environment = _environment()
    colours = {
        "paper": PAPER, "wash": WASH, "ink": INK, "quiet": QUIET, "line": LINE, "accent": ACCENT,
        "good": GOOD, "doubtful": DOUBTFUL, "bad": BAD,
    }  # fmt: skip
    style = environment.get_template("page.css").render(colours)
    return environment.get_template("page.html").render(
        page=page, policy=POLICY, style=markupsafe.Markup(style)
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["kind"] = _kind
    environment.filters["name"] = section_name
    environment.filters["data_uri"] = _data_uri
    environment.filters["row_class"] = _row_class
    environment.filters["tone"] = _tone
    return environment


def _kind(block: Any) -> str:
    kinds = {
        Table: "table",
        Figure: "figure",
        Details: "details",
        Listing: "listing",
        Cards: "cards",
    }
    return kinds.get(type(block), "text")


def section_name(section: Section) -> str:
    """The name of a section for links: its own, else its title in small letters."""
    return section.name or re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


def _row_class(row: Row) -> str:
    return f"row-{row.kind}"


def _tone(words: Words) -> str:
    return f" {words.tone}" if isinstance(words, Cell) and words.tone else ""
