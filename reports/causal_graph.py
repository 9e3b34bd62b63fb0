"""The causal graph of a world as a picture: causes to the left of what they cause."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cohort.errors import StudyError
from synthetic.document.graph import world_graph
from synthetic.document.reading import read_world
from synthetic.graph import Graph, causal_order, depths

from .drawing import drawn
from .files import write_whole
from .palette import ACCENT, INK, PAPER, QUIET, WASH

ROW = 0.36
SWEEPS = 8


def write_graph(world: str, path: Path) -> Path:
    """Write the graph of a world as a picture (``.svg``) or as text for dagitty (``.txt``).

    Raises StudyError for an unknown world or another ending.
    """
    graph = world_graph(read_world(world))
    if path.suffix == ".txt":
        return write_whole(path, graph.dagitty())
    if path.suffix != ".svg":
        raise StudyError(f"'{path.name}' ends in neither .svg (a picture) nor .txt (for dagitty).")
    return write_whole(path, graph_picture(graph))


def graph_picture(graph: Graph) -> str:
    """The graph as SVG: boxes for what a study may measure, dashed for what nobody can see."""
    columns = _columns(graph)
    tallest = max(len(column) for column in columns)
    places = {
        node: (x, (tallest - 1) / 2 - (len(column) - 1) / 2 + y)
        for x, column in enumerate(columns)
        for y, node in enumerate(column)
    }

    def draw(figure: Any) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-0.6, len(columns) - 0.4)
        axes.set_ylim(tallest - 0.4, -0.6)
        for node in causal_order(graph.parents):
            for cause in graph.parents[node]:
                _arrow(axes, places[cause], places[node])
        for node, place in places.items():
            _box(axes, place, node.replace("_", " "), hidden=node in graph.latent)

    return drawn(ROW * tallest + 0.2, draw)


def _columns(graph: Graph) -> list[list[str]]:
    """Nodes by how many steps they are from a first cause, in an order with few crossings.

    Each column is put in order of the mean place of its neighbours, left to right and back
    (Sugiyama, Tagawa and Toda 1981, IEEE Trans SMC 11:109-125).
    """
    depth = depths(graph.parents)
    columns: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in causal_order(graph.parents):
        columns[depth[node]].append(node)
    effects: dict[str, list[str]] = {node: [] for node in graph.parents}
    for node, causes in graph.parents.items():
        for cause in causes:
            effects[cause].append(node)
    for sweep in range(SWEEPS):
        neighbours: Mapping[str, Sequence[str]] = graph.parents if sweep % 2 == 0 else effects
        where = {node: _middle(column, y) for column in columns for y, node in enumerate(column)}
        for column in columns:
            order = {node: _mean(neighbours[node], where, where[node]) for node in column}
            column.sort(key=lambda node, order=order: (order[node], node))  # type: ignore[misc]
    return columns


def _middle(column: Sequence[str], y: int) -> float:
    return y - (len(column) - 1) / 2


def _mean(nodes: Sequence[str], where: Mapping[str, float], alone: float) -> float:
    return sum(where[node] for node in nodes) / len(nodes) if nodes else alone


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {
        "arrowstyle": "-|>,head_width=0.12,head_length=0.22",
        "color": QUIET,
        "linewidth": 0.5,
        "alpha": 0.65,
        "shrinkA": 0,
        "shrinkB": 0,
        "connectionstyle": "arc3,rad=0.06",
    }
    axes.annotate(
        "",
        xy=(end[0] - 0.44, end[1]),
        xytext=(start[0] + 0.44, start[1]),
        arrowprops=style,
        zorder=1,
    )


def _box(axes: Any, place: tuple[float, float], words: str, *, hidden: bool) -> None:
    from matplotlib.patches import Rectangle

    x, y = place
    axes.add_patch(
        Rectangle(
            (x - 0.44, y - 0.3),
            0.88,
            0.6,
            facecolor=PAPER if hidden else WASH,
            edgecolor=ACCENT,
            linewidth=0.7,
            linestyle="dashed" if hidden else "solid",
            zorder=2,
        )
    )
    axes.text(
        x,
        y,
        "\n".join(words.rsplit(" ", 1)) if len(words) > 13 else words,
        ha="center",
        va="center",
        fontsize=5.6,
        color=INK,
        zorder=3,
    )
