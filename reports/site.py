"""A site of studies: one page each, and an index; a study that fails stops no other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort.errors import CohortError

from .built import FAILED, MISUSED, OK, REFUSED, Built, Progress, exit_code, fault
from .claims import claims_page, pooled_studies
from .claims_document import read_claims
from .content import Card, Cards, Section
from .datasets import MissingExtra
from .files import make_folder, write_whole
from .html import page_html
from .index_page import index_page
from .kept import Kept, key_of
from .making import Effort, make_study, parts_of
from .scenarios_built import scenarios_section
from .sources import read_document

__all__ = [
    "FAILED", "MISUSED", "OK", "REFUSED", "Built", "Effort", "build_site", "build_study",
    "exit_code", "shipped_studies",
]  # fmt: skip

SHIPPED = Path(__file__).resolve().parent.parent / "analyses" / "studies"
KEPT = ".kept"
Make = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where pages go, what earlier builds kept (None: nothing), and the keys used by this one."""

    folder: Path
    kept: Kept | None
    used: list[str]

    def made(self, parts: Sequence[str], make: Make) -> tuple[Mapping[str, Any], bool]:
        """The result for these parts, and whether it had to be made now."""
        if self.kept is None:
            return make(), True
        key = key_of(parts)
        self.used.append(key)
        held = self.kept.get(key)
        if held is not None:
            return held, False
        result = make()
        self.kept.put(key, result)
        return result, True


def shipped_studies() -> list[Path]:
    """The documents of the studies we ship, by name."""
    return sorted(SHIPPED.glob("*.toml"))


def build_study(path: Path, folder: Path, progress: Progress) -> Built:
    """Run one study, without rehearsal, and write its page; what goes wrong becomes its story."""
    return _study(path, Shelf(folder, None, []), Effort(), progress)


def _study(path: Path, shelf: Shelf, effort: Effort, progress: Progress) -> Built:
    name = path.stem
    try:
        document = read_document(path)
        result, fresh = shelf.made(
            ["study", name, *parts_of(document, effort)],
            lambda: make_study(document, effort, progress),
        )
        page = write_whole(make_folder(shelf.folder) / f"{name}.html", result["html"])
    except MissingExtra as error:
        return Built(name, OK, story=str(error))
    except CohortError as error:
        return Built(name, exit_code(error), story=str(error))
    except Exception as error:  # a fault of ours
        return Built(name, FAILED, story=fault(error))
    told = {key: result[key] for key in ("kind", "title", "question", "result", "rehearsed")}
    return Built(name, OK, page=page, facts=tuple(result["facts"]), fresh=fresh, **told)


def build_site(
    paths: Sequence[Path], folder: Path, progress: Progress, effort: Effort | None = None
) -> list[Built]:
    """A page for each study that runs, and an index of all; returns what became of each.

    effort : rehearsals and processes. What an earlier build made from the same documents, data and
    versions is taken from there.
    """
    effort = effort or Effort()
    make_folder(folder)
    shelf = Shelf(folder, Kept(folder / KEPT), [])
    built = []
    for place, path in enumerate(paths, start=1):

        def tell(words: str, place: int = place) -> None:
            progress(f"{place} of {len(paths)}: {words}")

        built.append(_study(path, shelf, effort, tell))
    shipped = [path for path in paths if path.parent == SHIPPED]
    more = _claims(shipped, folder, built)
    if shipped:
        kept = Kept(folder / KEPT)
        more += scenarios_section(folder, kept, effort, shelf.used, progress)
    write_whole(folder / "index.html", page_html(index_page(built, more)))
    if all(one.code == OK for one in built):
        Kept(folder / KEPT).forget_all_but(shelf.used)
    return built


def _claims(paths: Sequence[Path], folder: Path, built: Sequence[Built]) -> tuple[Section, ...]:
    """The page of claims, where any shipped study tests one, and the way to it."""
    title = "The claims, put to the test"
    try:
        claims = read_claims()
        if not any(path.stem in claims.studies() for path in paths):
            return ()
        pages = {one.name: one.rehearsed for one in built if one.page is not None}
        page = claims_page(claims, pooled_studies(paths), pages)
        written = write_whole(folder / "claims.html", page_html(page))
        card = Card(title, page.lead, link=written.name)
    except CohortError as error:
        card = Card(title, str(error))
    return (Section("Claims", (Cards((card,)),)),)
