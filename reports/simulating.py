"""Writing a synthetic world from the command line, with its progress in words."""

from collections.abc import Callable
from pathlib import Path

from synthetic.document.reading import read_world
from synthetic.store import Progress, Run, write_world


def write(
    world: str, folder: Path, size: tuple[int, int, int], tell: Callable[[str], None]
) -> Path:
    """Write a world, or finish what an interrupted run began; returns the path of its manifest.

    size : persons, seed and workers. tell : called with a line for each step.

    Raises StudyError for the world, the numbers, or a folder that holds something else.
    """
    persons, seed, workers = size

    def report(step: Progress) -> None:
        tell(f"{world}: {step.stage}, {step.done} of {step.total} parts")

    return write_world(read_world(world), folder, Run(persons, seed, workers), report)
