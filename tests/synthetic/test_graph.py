"""d-separation on graphs whose answers are in the textbooks; the world's own implications."""

import numpy as np
import pytest

from cohort.errors import StudyError
from synthetic.document.graph import world_graph
from synthetic.document.reading import read_world
from synthetic.graph import Graph, backdoor_open, implied_independences, separated
from synthetic.life.course import draw_course
from synthetic.streams import Draws

CHAIN = Graph({"a": (), "b": ("a",), "c": ("b",)})
FORK = Graph({"b": (), "a": ("b",), "c": ("b",)})
COLLIDER = Graph({"a": (), "c": (), "b": ("a", "c"), "d": ("b",)})
M_BIAS = Graph({"u": (), "v": (), "m": ("u", "v"), "x": ("u",), "y": ("x", "v")})


@pytest.mark.parametrize(
    ("graph", "given", "expected"),
    [
        (CHAIN, [], False),
        (CHAIN, ["b"], True),
        (FORK, [], False),
        (FORK, ["b"], True),
        (COLLIDER, [], True),
        (COLLIDER, ["b"], False),
        (COLLIDER, ["d"], False),
    ],
)
def test_chain_fork_collider(graph, given, expected):
    """Pearl (2009), Causality, definition 1.2.3."""
    assert expected == separated(graph, "a", "c", given)


def test_back_door():
    """M-bias: nothing to adjust for, and adjusting for m opens a path (Greenland 1999)."""
    assert not backdoor_open(M_BIAS, "x", "y", [])
    assert backdoor_open(M_BIAS, "x", "y", ["m"])
    assert not backdoor_open(M_BIAS, "x", "y", ["m", "u"])
    with pytest.raises(StudyError, match="effect"):
        backdoor_open(CHAIN, "a", "c", ["b"])


def test_a_cycle_is_named():
    with pytest.raises(StudyError, match=r"cycle: (a -> b -> a|b -> a -> b)"):
        Graph({"a": ("b",), "b": ("a",)})


NODES = (
    "birth_decade", "education", "older_brother", "smoking", "bmi", "alcohol", "hrt",
    "family_history", "frailty", "births", "chimerism", "level", "transfusion",
)  # fmt: skip
CUTS = 40
"""A continuous cause is conditioned on in so many equal groups and linearly within them."""


def _columns(women: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values of every node, and the groups by which a node is conditioned on."""
    told = read_world("danish_women")
    course = draw_course(told, Draws(11, 0, women))
    values = {name: course.women.values[name] for name in course.women.values}
    births = np.isfinite(course.pregnancies.births).sum(axis=1)
    values["births"] = births.astype(float)
    values["chimerism"] = np.isfinite(course.grafts.start).any(axis=1).astype(float)
    values["level"] = np.log(course.grafts.level)
    values["transfusion"] = (course.grafts.transfusion < 50).astype(float)
    return values, _sources(course)


def _sources(course) -> dict[str, np.ndarray]:
    """How many male exposures of each kind: what chimerism is conditioned on, exactly."""
    told = course.pregnancies
    return {
        "births": told.boys.sum(axis=1),
        "losses": told.male_miscarriages.sum(axis=1) * 8 + told.male_abortions.sum(axis=1),
        "transfusion": np.zeros(len(told.births), dtype=int),
    }


def _residual(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    count = np.bincount(groups)
    mean = np.bincount(groups, weights=values) / np.maximum(count, 1)
    return values - mean[groups]


def _groups(values: dict, sources: dict, node: str, given: tuple[str, ...]) -> np.ndarray:
    label = np.zeros(len(values["level"]), dtype=np.int64)
    for cause in given:
        column = sources[cause] if node == "chimerism" and cause in sources else values[cause]
        if len(np.unique(column)) > CUTS:
            column = np.searchsorted(np.quantile(column, np.linspace(0, 1, CUTS + 1)[1:-1]), column)
        label = label * 100 + np.unique(column, return_inverse=True)[1]
    return np.unique(label, return_inverse=True)[1]


def _check(women: int) -> int:
    graph = world_graph(read_world("danish_women"))
    values, sources = _columns(women)
    values["losses"] = np.zeros(women)
    tested = 0
    for told in implied_independences(graph):
        if told.first not in NODES or told.second not in NODES:
            continue
        groups = _groups(values, sources, told.second, told.given)
        first, second = (_residual(values[n], groups) for n in (told.first, told.second))
        z = (first * second).sum() / np.sqrt((first**2 * second**2).sum())
        tested += 1
        # 60 statements: under the graph the largest of them passes 4.5 once in 2,400 runs.
        assert abs(z) < 4.5, f"{told.first} and {told.second} given {told.given}: z = {z:.1f}"
    return tested


def test_implied_independences_hold_in_the_data():
    """Every statement that the graph makes about these nodes, on 100,000 women."""
    assert _check(100_000) >= 50


@pytest.mark.slow
def test_implied_independences_hold_in_a_million_women():
    assert _check(1_000_000) >= 50


def test_every_arrow_between_variables_is_seen():
    """Each cause is tied to its effect given the other causes: no arrow stands for nothing."""
    graph = world_graph(read_world("danish_women"))
    values, sources = _columns(100_000)
    arrows = [
        (cause, node)
        for node in NODES
        for cause in graph.parents[node]
        if node != "chimerism" and cause in NODES
    ]
    assert len(arrows) >= 7
    for cause, node in arrows:
        others = tuple(other for other in graph.parents[node] if other != cause)
        groups = _groups(values, sources, node, others)
        first, second = (_residual(values[n], groups) for n in (cause, node))
        z = (first * second).sum() / np.sqrt((first**2 * second**2).sum())
        assert abs(z) > 4.5, f"{cause} -> {node}: z = {z:.1f}"
