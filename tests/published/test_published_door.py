"""Bad records and bad files of published tables are refused, with a story.

No outside numbers: each bad record is a shipped one with a single change.
"""

import copy
import json
import math

import pytest

from cohort.errors import SchemaError
from cohort.published import PublishedEffect
from cohort.published_door import read_published
from tests.published.reference import EVIDENCE

GOOD = json.loads(EVIDENCE.read_text(encoding="utf-8"))["studies"][0]


def written(tmp_path, change):
    record = copy.deepcopy(GOOD)
    change(record)
    path = tmp_path / "tables.json"
    path.write_text(json.dumps({"about": {}, "studies": [record]}), encoding="utf-8")
    return path


def put(*keys, value):
    def change(record):
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return change


BAD = {
    "unknown key": (put("citatoin", value="x"), "unknown key 'citatoin': did you mean 'citation'"),
    "unknown inner key": (put("cases", "exposd", value=1), "did you mean 'exposed'"),
    "absent key": (lambda record: record.pop("doi"), "'doi' is absent: write null"),
    "more exposed than women": (put("cases", "exposed", value=36), "36 exposed of 35"),
    "negative": (put("cases", "exposed", value=-1), "count of 0 or more"),
    "nobody": (put("cases", "total", value=0), "count of 1 or more"),
    "fraction": (put("cases", "exposed", value=5.5), "'exposed' is of type float"),
    "boolean": (put("cases", "exposed", value=True), "'exposed' is of type bool"),
    "text": (put("cases", "exposed", value="5"), "'exposed' is of type str"),
    "no total": (put("cases", "total", value=None), "no total"),
    "unmarked": (put("cases", "exposed_provenance", value=None), "provenance 'None'"),
    "unknown mark": (put("cases", "exposed_provenance", value="guessed"), "provenance 'guessed'"),
    "unknown design": (put("design_kind", value="case-controll"), "did you mean"),
    "unknown timing": (put("sampled", value="during disease"), "'before disease'"),
    "year": (put("year", value=12), "year of publication"),
    "empty words": (put("citation", value=" "), "'citation' is empty"),
    "null words": (put("citation", value=None), "'citation' is of type NoneType"),
    "measure": (put("effects", 0, "measure", value="odd ratio"), "did you mean 'odds ratio'"),
    "group is a list": (put("cases", value=[]), "'cases' is of type list"),
    "effect is text": (put("effects", value=["OR"]), "'effects' is of type str"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_records_are_refused(tmp_path, name):
    """Each with a story, the file and the number of the record."""
    change, story = BAD[name]
    with pytest.raises(SchemaError, match=story) as refused:
        read_published(written(tmp_path, change))
    assert "tables.json" in str(refused.value)
    assert "record 1" in str(refused.value)


def test_all_problems_are_told_at_once(tmp_path):
    """Seven bad records: the count, five of them, and how many more."""
    path = tmp_path / "tables.json"
    bad = [{**GOOD, "id": f"s{place}", "year": 1} for place in range(7)]
    path.write_text(json.dumps({"about": {}, "studies": bad}), encoding="utf-8")
    with pytest.raises(SchemaError, match=r"(?s)7 problems.*record 5.*and 2 more"):
        read_published(path)


@pytest.mark.parametrize(
    ("text", "story"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "'about' and 'studies'"),
        ('{"about": {}}', "'about' and 'studies'"),
        ('{"about": {}, "studies": {}}', "list of records"),
        ('{"about": {}, "studies": [1]}', "an object of named values"),
        ('{"about": {}, "studies": [{"id": "a", "id": "b"}]}', "stands twice"),
        ('{"about": {}, "studies": [{"year": NaN}]}', "NaN, which is no number"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, story):
    """Empty, broken, other shapes, a key twice, NaN."""
    path = tmp_path / "tables.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=story):
        read_published(path)


def test_other_files_are_refused(tmp_path):
    """Absent; not UTF-8; two records of one id."""
    with pytest.raises(SchemaError, match=r"no file 'none\.json'"):
        read_published(tmp_path / "none.json")
    path = tmp_path / "tables.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SchemaError, match="UTF-8"):
        read_published(path)
    path.write_text(json.dumps({"about": {}, "studies": [GOOD, GOOD]}), encoding="utf-8")
    with pytest.raises(SchemaError, match="2 records have the id"):
        read_published(path)


def effect(**changes):
    fields = {
        "measure": "odds ratio",
        "estimate": 0.5,
        "conf_low": 0.3,
        "conf_high": 0.9,
        "conf_level": 0.95,
        "conf_level_provenance": "inferred",
        "p_value": None,
        "adjusted_for": None,
        "adjustment_note": None,
        "note": None,
        "inverted": False,
        "provenance": "checked",
    }
    return PublishedEffect(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "story"),
    [
        ({"conf_low": 0.6}, "lies outside its limits"),
        ({"conf_low": 0.9, "conf_high": 0.3}, "lies outside its limits"),
        ({"conf_low": None}, "without the other"),
        ({"estimate": None}, "without an estimate"),
        ({"estimate": -0.5, "conf_low": -0.7}, "not its logarithm"),
        ({"estimate": math.inf, "conf_high": math.inf}, "not finite"),
        ({"conf_level": 95.0}, r"such as 0\.95"),
        ({"conf_level": None, "conf_level_provenance": None}, "exactly when it has limits"),
        ({"conf_level_provenance": None}, "confidence level has the provenance 'None'"),
        ({"provenance": None}, "an effect has the provenance 'None'"),
        ({"measure": "correlation", "inverted": True}, "only a ratio can"),
    ],
)
def test_impossible_effects_are_refused(changes, story):
    """Limits, level, marks, direction."""
    with pytest.raises(SchemaError, match=story):
        effect(**changes)


def test_an_effect_without_limits_may_be_turned():
    """The estimate alone is inverted."""
    bare = effect(
        conf_low=None, conf_high=None, conf_level=None, conf_level_provenance=None, inverted=True
    )
    assert 2 == bare.directed.estimate
    assert None is bare.directed.conf_low
