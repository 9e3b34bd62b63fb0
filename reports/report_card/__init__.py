"""The report card: every scenario of the catalogue graded, method by method."""

from .document import read_scenario as read_scenario
from .document import scenario_documents as scenario_documents
from .pages import CARD as CARD
from .pages import page_name as page_name
from .pages import report_card_page as report_card_page
from .pages import scenario_page as scenario_page
from .result import ScenarioResult as ScenarioResult
from .result import build_scenario as build_scenario
