"""Pages as Markdown: the words and the tables; a figure is its words and its data."""

import re

from .content import Block, Card, Cards, Cell, Details, Figure, Listing, Page, Table, Words
from .numbering import numbered

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def page_markdown(page: Page) -> str:
    """The page as CommonMark with tables in pipes."""
    page = numbered(page)
    parts = [f"# {escaped(page.title)}"]
    if page.lead:
        parts.append(f"*{escaped(page.lead)}*")
    if page.facts:
        parts.append(
            "\n".join(f"- {escaped(number)} {escaped(words)}" for number, words in page.facts)
        )
    for section in page.sections:
        parts.append(f"## {escaped(section.title)}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def linked(words: Words) -> str:
    """Words, and where they lead."""
    text = escaped(str(words))
    return f"[{text}]({words.link})" if isinstance(words, Cell) and words.link else text


def escaped(text: str) -> str:
    """Text that means itself in Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return f"**{escaped(block.caption)}** {escaped(block.alt)}\n\n{_table(block.data)}"
    if isinstance(block, Details):
        fence = "`" * max(3, 1 + _longest_run(block.text))
        return f"{escaped(block.summary)}:\n\n{fence}\n{block.text.rstrip()}\n{fence}"
    if isinstance(block, Listing):
        return "\n".join(f"- {linked(item)}" for item in block.items)
    if isinstance(block, Cards):
        return "\n".join(_card(card) for card in block.items)
    return linked(block)


def _card(card: Card) -> str:
    told = [linked(Cell(card.title, card.link)), escaped(card.words), escaped(card.result)]
    return "- " + "; ".join(one for one in told if one)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _table(table: Table) -> str:
    rule = [":---" if i in table.text_columns else "---:" for i in range(len(table.header))]
    indent = "\N{NO-BREAK SPACE}" * 4
    lines = [_line([escaped(word) for word in table.header]), _line(rule)]
    for row in table.rows:
        cells = [linked(cell) for cell in row.cells]
        if row.kind == "level":
            cells[0] = indent + cells[0]
        lines.append(_line(cells))
    notes = [f"*{escaped(note)}*" for note in table.notes]
    return "\n\n".join([f"**{escaped(table.caption)}**", "\n".join(lines), *notes])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
