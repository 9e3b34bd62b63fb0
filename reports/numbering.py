"""Tables and figures numbered in the order they stand, as in a paper."""

from dataclasses import replace

from .content import Block, Figure, Page, Table


def numbered(page: Page) -> Page:
    """The page with "Table 1.", "Figure 1." before its captions; a figure's data follow its number.

    Captions become unique by it, as the names of regions on a page must be.
    """
    tables = figures = 0
    sections = []
    for section in page.sections:
        blocks: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Table):
                tables += 1
                blocks.append(replace(block, caption=f"Table {tables}. {block.caption}"))
            elif isinstance(block, Figure):
                figures += 1
                data = replace(
                    block.data, caption=f"Data of figure {figures}. {block.data.caption}"
                )
                caption = f"Figure {figures}. {block.caption}"
                blocks.append(replace(block, caption=caption, data=data))
            else:
                blocks.append(block)
        sections.append(replace(section, blocks=tuple(blocks)))
    return replace(page, sections=tuple(sections))
