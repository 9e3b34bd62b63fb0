"""Pages: structure for those who listen to them, nothing fetched, nothing run, escaped text."""

import re
from html.parser import HTMLParser

import pytest

from reports import palette
from reports.content import Details, Figure, Listing, Page, Row, Section, Table
from reports.html import page_html
from reports.markdown import page_markdown

NASTY = '<script>alert("x")</script>'
TABLE = Table("Counts", ("Group", "Number"), (Row((NASTY, "5")), Row(("b", "7"), "level")), ("n",))
FIGURE = Figure("A drawing", "<svg></svg>", "Two bars", TABLE)
PAGE = Page(
    "Title & more",
    (
        Section("First", ("A paragraph.", TABLE, FIGURE)),
        Section("Second", (Listing(("one", "two")), Details("More", NASTY), TABLE)),
    ),
    "A question?",
    "Kind",
    (("5", "persons"),),
)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Collects elements with their attributes, and complains of unclosed ones."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def outline(text: str) -> Outline:
    parsed = Outline()
    parsed.feed(text)
    assert parsed.open == []
    return parsed


def check_structure(text: str) -> Outline:
    parsed = outline(text)
    assert parsed.all("html") == [{"lang": "en"}]
    for tag in ("title", "main", "h1"):
        assert len(parsed.all(tag)) == 1, tag
    assert all(one.get("alt") for one in parsed.all("img"))
    assert len(parsed.all("caption")) == len(parsed.all("table"))
    assert all(one.get("scope") in ("col", "row") for one in parsed.all("th"))
    ids = [one["id"] for _, one in parsed.elements if "id" in one]
    assert len(set(ids)) == len(ids)
    regions = [one["aria-label"] for _, one in parsed.elements if one.get("role") == "region"]
    assert len(set(regions)) == len(regions)
    links = [str(one["href"])[1:] for one in parsed.all("a") if str(one["href"]).startswith("#")]
    assert set(links) <= set(ids)
    assert not parsed.all("script")
    assert not parsed.all("link")
    policy = next(one for one in parsed.all("meta") if one.get("http-equiv"))
    assert str(policy["content"]).startswith("default-src 'none'")
    sources = [str(one["src"]) for one in parsed.all("img")]
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    return parsed


def test_structure() -> None:
    check_structure(page_html(PAGE))


def test_text_is_escaped() -> None:
    html = page_html(PAGE)
    assert "<script" not in html
    assert "Title &amp; more" in html
    markdown = page_markdown(PAGE)
    assert "\\<script\\>" in markdown
    assert "# Title & more" in markdown


def test_markdown_cells_cannot_break_the_table() -> None:
    table = Table("C", ("a", "b"), (Row(("x | y\nz", "`k`")),))
    line = page_markdown(Page("T", (Section("S", (table,)),))).splitlines()[-1]
    assert r"| x \| y z | \`k\` |" == line


def test_figures_have_their_data_as_a_table() -> None:
    html = page_html(PAGE)
    assert "Figure 1. A drawing" in html
    assert "Data of figure 1. Counts" in html
    assert "Table 2. Counts" in html


def test_same_page_same_bytes() -> None:
    assert page_html(PAGE) == page_html(PAGE)


@pytest.mark.parametrize("colour", [palette.INK, palette.QUIET, palette.ACCENT])
@pytest.mark.parametrize("ground", [palette.PAPER, palette.WASH])
def test_text_can_be_read(colour: str, ground: str) -> None:
    """WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1."""
    assert palette.contrast(colour, ground) >= palette.ENOUGH_FOR_TEXT


@pytest.mark.parametrize("colour", palette.GROUPS)
def test_groups_can_be_seen(colour: str) -> None:
    """Risk tables print group names in these colours, so they count as text."""
    assert palette.contrast(colour, palette.PAPER) >= palette.ENOUGH_FOR_TEXT


def test_contrast_is_that_of_the_standard() -> None:
    """Black on white is 21 to 1, a colour on itself 1 (WCAG 2.2)."""
    assert palette.contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert palette.contrast("#777777", "#777777") == pytest.approx(1.0)
    # #767676 on white is the well-known lightest grey that passes 4.5.
    assert palette.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_a_group_heading_spans_its_table() -> None:
    """In the first column alone it was broken into words, and pushed the last column out."""
    rows = (Row(("All of these", "", ""), "group"), Row(("one", "1", "2"), "level"),
            Row(("Education", "", "0.4"), "group"))  # fmt: skip
    page = Page("A page", (Section("One", (Table("T", ("What", "A", "B"), rows),)),))
    html = page_html(page)
    assert '<th scope="row" colspan="3">All of these</th>\n</tr>' in re.sub(r"\n+", "\n", html)
    assert '<th scope="row">Education</th>' in html
