"""Documents of worlds: what is read, what is refused, what the fingerprint covers."""

import copy
import tomllib
from datetime import date

import pytest

from cohort.errors import StudyError
from synthetic.document.graph import world_graph
from synthetic.document.reading import (
    WORLDS,
    merged,
    read_world,
    resolved,
    shipped_worlds,
    world_from,
)
from synthetic.document.world import as_document
from synthetic.graph import separated
from tests.synthetic.documents import changed, plain_document, world

NOT_NUMBERS = ("note", "provenance")


@pytest.mark.parametrize("name", shipped_worlds())
def test_shipped_worlds_can_be_read_and_written_back(name):
    told = read_world(name)
    assert told.name == name
    assert told.fingerprint == world_from(as_document(told)).fingerprint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("assay.well", 3), "'well'.*'wells'"),
        (("outcomes.breast.chimersm", 0.5), "'chimersm'.*'chimerism'"),
        (("assays.wells", 3), r"\[assays\].*'assay'"),
        (("world.titel", "x"), "'titel'.*'title'"),
        (("births.male_fraction", 1.2), "male_fraction.*between 0 and 1"),
        (("acquisition.son", -0.1), "son.*between 0 and 1"),
        (("acquisition.loss_rate", -0.1), "loss_rate.*hazard"),
        (("outcomes.breast.per_100000", [-5.0]), "per_100000.*hazard"),
        (("outcomes.breast.chimerism", 0), "chimerism.*above 0"),
        (("outcomes.breast.ages", [50, 40]), "out of order"),
        (("outcomes.breast.ages", [0.5]), "whole years"),
        (("outcomes.breast.ages", [0, 40]), "2 ages and 1 rates"),
        (("outcomes.breast.effects", {"smokin": 2.0}), "'smokin'"),
        (("fertility.ages", [44, 16]), "out of order"),
        (("recruitment.ages", [60, 50]), "out of order"),
        (("recruitment.free_of", ["brest"]), "'brest'.*'breast'"),
        (("recruitment.require", "sons"), "'nothing', 'birth' or 'son'"),
        (("leaving.end", date(1990, 1, 1)), "out of order"),
        (("assay.positive_wells", 9), "positive_wells"),
        (("assay.wells", 2.5), "whole number"),
        (("acquisition.older_brother", 0.2), "older_brother"),
        (("designs.x", {"kind": "case-cohort", "outcome": "breast"}), "subcohort"),
        (("designs.x", {"kind": "cohort", "outcome": "breast"}), "'case-cohort'"),
        (("defects.missing", {"bmi": {"mechanism": "MAR", "probability": 0.1}}), "no source|enrol"),
        (("defects.revers_causation", {}), "'revers_causation'.*'reverse_causation'"),
        (("variables.x", {"kind": "binray"}), "'binary'"),
    ],
)
def test_faults_are_refused_by_name(change, words):
    path, value = change
    document = changed(plain_document(), change)
    if path.count(".") == 1 and isinstance(value, dict):
        document[path.split(".")[0]].pop("provenance")
    document["world"].pop("provenance", None)
    with pytest.raises(StudyError, match=words):
        world_from(document)


def test_cycles_are_refused_by_name():
    """Smoking depends on education in the base world; here education on smoking too."""
    document = changed(
        "danish_women",
        ("variables.education.given", {"long": {"smoking=current": -0.2}}),
    )
    with pytest.raises(StudyError, match=r"cycle: .*smoking"):
        world_from(document)


def test_a_number_without_a_source_is_refused():
    document = plain_document()
    del document["assay"]["provenance"]["contamination"]
    with pytest.raises(StudyError, match=r"\[assay\] contamination has no source"):
        world_from(document)
    document["assay"]["provenance"]["contamination"] = "somebody said so"
    with pytest.raises(StudyError, match="'published', 'inferred', 'memory' or 'assumed'"):
        world_from(document)


def test_an_unknown_world_names_the_nearest():
    with pytest.raises(StudyError, match="dch2012"):
        read_world("dch2021")


def test_the_fingerprint_covers_what_decides_and_nothing_else():
    document = plain_document()
    first = world(document).fingerprint
    other = copy.deepcopy(document)
    other["world"]["title"] = "Another title"
    other["assay"]["provenance"]["wells"] = "memory: elsewhere"
    assert first == world_from(other).fingerprint
    assert first != world(document, ("assay.wells", 5)).fingerprint
    assert first != world(document, ("outcomes.breast.chimerism", 0.9)).fingerprint


def test_extending_merges_tables_and_replaces_lists(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[world]\nname = "mine"\nextends = "danish_women"\n[births]\nyears = [1930, 1935]\n'
    )
    told = read_world(path)
    assert told.births.years == (1930, 1935)
    assert told.births.male_fraction == read_world("danish_women").births.male_fraction


def test_a_world_cannot_extend_itself(tmp_path):
    for name, below in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'[world]\nname = "{name}"\nextends = "{below}"\n')
    with pytest.raises(StudyError, match=r"'a.toml' extends itself"):
        read_world(tmp_path / "a.toml")
    with pytest.raises(StudyError, match="no world document"):
        read_world(tmp_path / "c.toml")
    (tmp_path / "d.toml").write_text("[world\n")
    with pytest.raises(StudyError, match="not valid TOML"):
        read_world(tmp_path / "d.toml")


def test_the_graph_follows_the_document():
    """An arrow from male cells to breast cancer where, and only where, the document has a ratio."""
    base = world_graph(read_world("danish_women"))
    assert "chimerism" not in base.parents["breast"]
    assert "chimerism" in world_graph(read_world("dch2012")).parents["breast"]
    assert "  education -> smoking\n" in base.dagitty()
    assert "frailty [latent" in base.dagitty()
    # Injuries are a negative control: frailty alone leads to them.
    assert separated(base, "chimerism", "injury", ["frailty"])


def test_every_number_of_every_shipped_world_says_where_it_comes_from():
    """A count, so that a reader of the documents can trust that the rule is on."""
    for name in shipped_worlds():
        for section, table in resolved(name).items():
            if section in ("world", "designs", "defects", "estimands", "targets"):
                continue
            tables = table.values() if section in ("variables", "outcomes") else [table]
            assert all(inner.get("provenance") or inner.get("end") for inner in tables), section


def test_the_example_of_the_worlds_readme():
    """The document that the README of the worlds prints is a world, with its defect on."""
    text = (WORLDS / "README.md").read_text(encoding="utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    own = tomllib.loads(example)
    told = world_from(merged(resolved(own["world"]["extends"]), own))
    assert told.defects.reverse_causation.outcome == "breast"
    assert told.fingerprint != read_world("danish_women").fingerprint
    assert "subcohort" in told.designs
