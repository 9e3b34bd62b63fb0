"""The report card and its pages: links that lead somewhere, colours that are said, same bytes."""

import re
from dataclasses import replace

import pytest

from reports.content import Cell, Section, Table
from reports.html import page_html
from reports.report_card import (
    build_scenario,
    page_name,
    report_card_page,
    scenario_documents,
    scenario_page,
)
from reports.report_card.result import bias_verdict, coverage_verdict

SHORT = ("02", "08", "13", "21")


@pytest.fixture(scope="module")
def results():
    return [build_scenario(path, 8) for path in scenario_documents() if path.name[:2] in SHORT]


def tables(page):
    return [b for s in page.sections if isinstance(s, Section) for b in s.blocks
            if isinstance(b, Table)]  # fmt: skip


def test_every_link_of_the_report_card_leads_to_a_place(results):
    pages = {f"{page_name(one)}.html": page_html(scenario_page(one)) for one in results}
    links = re.findall(r'href="([^"]+)"', page_html(report_card_page(results)))
    away = [link for link in links if not link.startswith("#")]
    assert len(away) > 4 * len(results)
    for link in away:
        name, _, place = link.partition("#")
        assert name in pages
        assert not place or f'id="{place}"' in pages[name], link


def test_every_colour_is_said_in_words_and_every_graded_cell_is_a_link(results):
    (card,) = tables(report_card_page(results))
    graded = [row for row in card.rows if row.kind == "level"]
    assert sum(len(one.summaries) for one in results) == len(graded)
    for row in graded:
        toned = [cell for cell in row.cells if isinstance(cell, Cell) and cell.tone]
        assert 2 == len(toned)
        for cell in toned:
            assert cell.link
            assert re.search(r": (no bias|a little|too|as it says)", cell.text)


def test_the_same_document_gives_the_same_bytes(results):
    again = build_scenario(scenario_documents()[1], 8)
    assert page_html(scenario_page(again)) == page_html(scenario_page(results[0]))


def test_progress_is_told():
    seen = []
    build_scenario(scenario_documents()[0], 3, lambda done, of: seen.append((done, of)))
    assert [(1, 3), (2, 3), (3, 3)] == seen


def test_a_scenario_whose_published_results_are_none_still_has_a_page(results):
    winner = results[-1]
    nobody = replace(winner.summaries[0], seen=0, bias=float("nan"), coverage=float("nan"))
    page = page_html(scenario_page(replace(winner, summaries=(nobody, winner.summaries[1]))))
    assert "too few estimates" in page


@pytest.mark.parametrize(
    ("bias", "error", "empirical", "words"),
    [
        (0.02, 0.01, 0.1, "no bias seen"),
        (0.009, 0.001, 0.1, "no bias seen"),
        (0.04, 0.01, 0.1, "a little too high"),
        (-0.04, 0.01, 0.1, "a little too low"),
        (-0.2, 0.01, 0.1, "too low"),
    ],
)
def test_the_words_for_bias(results, bias, error, empirical, words):
    one = replace(results[0].summaries[0], bias=bias, bias_error=error, empirical=empirical)
    assert words == bias_verdict(one).words


@pytest.mark.parametrize(
    ("coverage", "words"),
    [(0.94, "as it says"), (0.99, "too often"), (0.90, "too seldom"), (0.5, "too seldom")],
)
def test_the_words_for_coverage(results, coverage, words):
    one = replace(results[0].summaries[0], coverage=coverage, seen=1000)
    assert words == coverage_verdict(one).words
