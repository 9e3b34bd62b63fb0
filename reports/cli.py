"""The command: build, run, check, list, simulate, graph, site, coordinate, worlds, version.

Nothing heavy is imported before it is needed, so that --help answers at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .exchange import Written
    from .site import Built

OK, FAILED, MISUSED, REFUSED = 0, 1, 2, 3
app = typer.Typer(
    name="microcohort",
    help="Epidemiological cohort analysis: studies in, pages of estimates out.",
    epilog="Exit codes: 0 well, 1 an analysis failed, 2 usage or study document, 3 data refused.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
OutDir = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="The folder to write into; made if need be.")
]
StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="A study document.")]


@app.command()
def build(
    out: OutDir = Path("site"),
    replicates: Annotated[
        int, typer.Option("--replicates", min=0, help="Of each rehearsal and scenario; 0: none.")
    ] = 50,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes; the bytes do not change.")
    ] = 2,
) -> None:
    """Run every study we ship and write one site with an index; keep what is unchanged."""
    from cohort.errors import CohortError

    from .site import Effort, build_site, exit_code, shipped_studies

    try:
        with _Progress() as progress:
            built = build_site(shipped_studies(), out, progress, Effort(replicates, workers))
    except CohortError as error:
        _complain(str(error))
        raise typer.Exit(exit_code(error)) from None
    for one in built:
        _tell(one)
    done = sum(one.page is not None for one in built)
    _say(f"{done} of {len(built)} studies built. Open this in a browser:")
    _say(str((out / "index.html").resolve()))
    raise typer.Exit(max((one.code for one in built), default=OK) and FAILED)


@app.command()
def run(study: StudyFile, out: OutDir) -> None:
    """Run one study and write its page."""
    from .site import build_study

    with _Progress() as progress:
        one = build_study(study, out, progress)
    _tell(one)
    if one.page is not None:
        _say(str(one.page.resolve()))
    raise typer.Exit(one.code)


@app.command()
def check(study: StudyFile) -> None:
    """Read a study and its data, and tell everything that is wrong; estimate nothing."""
    from cohort.errors import CohortError

    from .checking import check_study
    from .site import exit_code

    try:
        found = check_study(study)
    except CohortError as error:
        _complain(str(error))
        raise typer.Exit(exit_code(error)) from None
    _say(found.text)
    raise typer.Exit(found.code)


@app.command(name="list")
def list_studies() -> None:
    """The studies we ship, with their questions."""
    from analyses.study.study import read_study
    from cohort.errors import CohortError

    from .site import shipped_studies

    worst = OK
    for path in shipped_studies():
        try:
            study = read_study(path)
        except CohortError as error:
            _complain(str(error))
            worst = MISUSED
            continue
        _say(f"{path.stem}: {study.title}\n    {study.question}")
    raise typer.Exit(worst)


@app.command()
def simulate(
    world: Annotated[
        str, typer.Argument(metavar="WORLD", help="A world we ship, or the path of a document.")
    ],
    persons: Annotated[int, typer.Option("--persons", help="How many women to invent.")],
    seed: Annotated[int, typer.Option("--seed", help="A whole number; it decides everything.")],
    out: OutDir,
    workers: Annotated[
        int, typer.Option("--workers", help="Processes; the bytes do not change.")
    ] = 1,
) -> None:
    """Invent a world of known truth and write it as Parquet tables; go on with one begun."""
    from cohort.errors import CohortError

    from .simulating import write

    try:
        with _Progress() as progress:
            manifest = write(world, out, (persons, seed, workers), progress)
    except CohortError as error:
        _complain(str(error))
        raise typer.Exit(MISUSED) from None
    _say(f"{world}: {persons:,} women, seed {seed}. What is in it:")
    _say(str(manifest.resolve()))


@app.command()
def graph(
    world: Annotated[
        str, typer.Argument(metavar="WORLD", help="A world we ship, or the path of a document.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A picture (.svg) or dagitty text (.txt).")
    ],
) -> None:
    """Draw the causal graph of a world."""
    from cohort.errors import CohortError

    from .causal_graph import write_graph

    try:
        written = write_graph(world, out)
    except CohortError as error:
        _complain(str(error))
        raise typer.Exit(MISUSED) from None
    _say(str(written.resolve()))


@app.command(name="site")
def site_answers(
    study: StudyFile,
    name: Annotated[str, typer.Option("--name", metavar="SITE", help="The name of this site.")],
    message: Annotated[
        Path, typer.Option("--message", metavar="IN.json", help="The coordinator's message.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT.json", help="The answer to write.")],
) -> None:
    """Answer one message of a study between owners: sums leave the site, no records."""
    from .exchange import answer_message

    _exchange(lambda: answer_message(study, name, message, out))


@app.command()
def coordinate(
    study: StudyFile,
    out: OutDir,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="The folder of all messages and answers."),
    ] = None,
    sites: Annotated[
        list[str] | None,
        typer.Option("--site", metavar="SITE", help="Begin between these sites; once for each."),
    ] = None,
) -> None:
    """Begin a study between owners, or go on: the next message, or the estimates."""
    from .exchange import begin, go_on

    _exchange(lambda: begin(study, sites, out) if sites else go_on(study, folder or out, out))


@app.command()
def rehearse(
    study: StudyFile,
    out: OutDir,
    replicates: Annotated[
        int | None,
        typer.Option("--replicates", min=2, help="Draws of each kind; those of the document."),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes; the bytes do not change.")
    ] = 1,
) -> None:
    """Run the plan of a study on many draws of its twin, without and with an effect."""
    from cohort.errors import CohortError

    from .rehearsal.command import rehearse_study
    from .site import exit_code

    try:
        with _Progress() as progress:
            page = rehearse_study(study, out, replicates, workers, progress)
    except CohortError as error:
        _complain(str(error))
        raise typer.Exit(exit_code(error)) from None
    _say(str(page.resolve()))


@app.command()
def worlds() -> None:
    """The worlds we ship."""
    from synthetic.document.reading import read_world, shipped_worlds

    for name in shipped_worlds():
        _say(f"{name}: {read_world(name).title}")


@app.command()
def version() -> None:
    """The version of microcohort and of Python."""
    import platform

    from .checksums import version_of

    _say(f"microcohort {version_of('microcohort')} (Python {platform.python_version()})")


def _exchange(step: "Callable[[], Written]") -> None:
    from cohort.errors import CohortError, StudyError

    try:
        written = step()
    except CohortError as error:
        _complain(str(error))
        raise typer.Exit(MISUSED if isinstance(error, StudyError) else REFUSED) from None
    _say(written.words)
    _say(str(written.path.resolve()))


class _Progress:
    """One line on stderr that says what is being done; nothing where nobody watches."""

    def __init__(self) -> None:
        self.watched = sys.stderr.isatty()

    def __enter__(self) -> "Callable[[str], None]":
        if not self.watched:
            return lambda words: None
        from rich.console import Console

        self.status = Console(stderr=True).status("Starting")
        self.status.start()
        return lambda words: self.status.update(words.replace("[", "\\["))

    def __exit__(self, *_: object) -> None:
        if self.watched:
            self.status.stop()


def _tell(one: "Built") -> None:
    if one.page is None:
        _complain(f"{one.name}: {one.story}")
    else:
        _say(f"{one.name}: {one.result}" if one.result else one.name)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")


def _complain(words: str) -> None:
    sys.stderr.write(words + "\n")


def main(arguments: list[str] | None = None) -> None:
    """The entry point: runs the command and ends the process with its exit code."""
    try:
        app(args=arguments, prog_name="microcohort")
    except KeyboardInterrupt:
        _complain("Stopped.")
        raise SystemExit(FAILED) from None
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain again at exit.
        sys.stderr.close()
        raise SystemExit(OK) from None
    except Exception as error:
        _complain(f"A fault in the toolkit itself: {type(error).__name__}. Please report it.")
        raise SystemExit(FAILED) from None


if __name__ == "__main__":
    main()
