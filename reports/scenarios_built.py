"""The scenarios of a site: a page each, and the report card that leads to them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from cohort.errors import CohortError

from .built import Progress, fault
from .content import Block, Card, Cards, Listing, Section
from .files import write_whole
from .html import page_html
from .kept import Kept, key_of
from .making import Effort
from .report_card.document import read_scenario, scenario_documents
from .report_card.pages import page_name, report_card_page, scenario_page
from .report_card.result import BUILD_SEED, ScenarioResult, build_scenario
from .report_card.running import Summary

Held = Mapping[str, Any]


def scenarios_section(
    folder: Path, kept: Kept, effort: Effort, used: list[str], progress: Progress
) -> tuple[Section, ...]:
    """Write the report card and the page of every scenario; returns the way to them.

    used : the keys of what was kept, to which those of the scenarios are added. A scenario that
    fails is told there and stops no other.
    """
    if not effort.replicates:
        return ()
    paths = scenario_documents()
    keys = {
        path: key_of(["scenario", path.name, path.read_text(), str(effort.replicates)])
        for path in paths
    }
    used.extend(keys.values())
    missing = [path for path in paths if kept.get(keys[path]) is None]
    if missing:
        progress(f"{len(missing)} scenarios, {effort.replicates} replicates each")
    found = Parallel(n_jobs=effort.workers, return_as="generator_unordered")(
        delayed(_measured)(path, effort.replicates) for path in missing
    )
    failed = []
    for done, (path, held) in enumerate(found, start=1):
        progress(f"scenarios: {done} of {len(missing)}")
        if isinstance(held, str):
            failed.append(f"{path.stem}: {held}")
        else:
            kept.put(keys[path], held)
    results = [_result(path, kept.get(keys[path]), effort.replicates) for path in paths]
    return _written(folder, [one for one in results if one is not None], failed)


def _measured(path: Path, replicates: int) -> tuple[Path, Held | str]:
    try:
        result = build_scenario(path, replicates)
    except CohortError as error:
        return path, str(error)
    except Exception as error:  # a fault of ours
        return path, fault(error)
    return path, {"summaries": [asdict(one) for one in result.summaries]}


def _result(path: Path, held: Held | None, replicates: int) -> ScenarioResult | None:
    if held is None:
        return None
    summaries = tuple(Summary(**one) for one in held["summaries"])
    return ScenarioResult(read_scenario(path), replicates, BUILD_SEED, summaries)


def _written(
    folder: Path, results: Sequence[ScenarioResult], failed: Sequence[str]
) -> tuple[Section, ...]:
    for result in results:
        write_whole(folder / f"{page_name(result)}.html", page_html(scenario_page(result)))
    page = report_card_page(results)
    write_whole(folder / "report-card.html", page_html(page))
    blocks: list[Block] = [Cards((Card(page.title, page.lead, link="report-card.html"),))]
    if failed:
        blocks.append(Listing(tuple(failed)))
    return (Section("Methods where the truth is known", tuple(blocks)),)
