"""The causal graph of a world, drawn and as text."""

import pytest

from cohort.errors import StudyError
from reports.causal_graph import graph_picture, write_graph
from synthetic.graph import Graph


def test_the_picture_is_the_same_bytes_each_time():
    graph = Graph({"a": (), "b": ("a",), "c": ("a", "b")}, frozenset({"b"}))
    assert graph_picture(graph) == graph_picture(graph)


def test_causes_stand_left_of_effects(tmp_path):
    text = write_graph("dch2012", tmp_path / "dch.txt").read_text()
    assert "chimerism -> breast" in text
    assert text.startswith("dag {")
    picture = write_graph("dch2012", tmp_path / "dch.svg").read_text()
    assert picture.startswith("<svg")
    assert "<script" not in picture


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"neither \.svg"):
        write_graph("dch2012", tmp_path / "dch.pdf")
    assert not list(tmp_path.iterdir())
