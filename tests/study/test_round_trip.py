"""TOML -> Study -> TOML: what was written is what is read, for any study that can be written."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyses import (
    Cox,
    Firth,
    IncidenceRate,
    KaplanMeier,
    ModelBased,
    Prentice,
    Question,
    Robust,
    TwoPhase,
)
from analyses.study.study import (
    Asked,
    DatasetSource,
    Exclusion,
    FileSource,
    Study,
    Twin,
    Wording,
    WorldSource,
    read_study,
    study_from_toml,
    to_toml,
)
from cohort import (
    Binary,
    CaseCohort,
    Categorical,
    Continuous,
    CsvFormat,
    FollowUp,
    FullCohort,
    NestedCaseControl,
    TimeScale,
)

SHIPPED = sorted((Path(__file__).parents[2] / "analyses" / "studies").glob("*.toml"))
NAMES = ["age", "bmi", "smoker", "group"]

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
number = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=1e-6, max_value=1e6)
codes = st.dictionaries(st.integers(-9, 99), text, max_size=3)

follow_ups = st.builds(
    FollowUp,
    st.builds(
        TimeScale,
        text,
        unit=st.sampled_from(["days", "weeks", "months", "years"]),
        origin=st.one_of(st.none(), text, st.dates(date(1900, 1, 1), date(2030, 1, 1))),
    ),
    exit=text,
    event=text,
    entry=st.one_of(st.none(), text),
    happened=st.one_of(st.none(), st.integers(1, 3), st.just((1, 2))),
    label=st.just("an outcome"),
)
variables = st.tuples(
    st.builds(Continuous, st.just("age"), unit=text, per=positive, missing=codes),
    st.builds(Continuous, st.just("bmi"), label=text),
    st.builds(Binary, st.just("smoker"), yes=st.one_of(st.none(), st.just("y"), st.just(1))),
    st.one_of(
        st.just(Categorical("group", levels=(1, 2), reference=1, labels={1: "a", 2: "b"})),
        st.just(Categorical("group", levels=("x y", "1-2"), reference="1-2", missing={"9": "no"})),
        st.just(Categorical("group", labels={1: "one", 2: "two"})),
    ),
)
designs = st.one_of(
    st.just(FullCohort()),
    st.builds(CaseCohort, text, st.integers(1, 10_000)),
    st.builds(NestedCaseControl, text, case=st.one_of(st.none(), text)),
)
questions = st.builds(
    Asked,
    st.builds(
        Question,
        exposure=st.just("group"),
        outcome=st.one_of(st.none(), text),
        adjustments=st.dictionaries(
            text, st.lists(st.sampled_from(["age", "log(bmi)", "smoker"]), max_size=2), min_size=1
        ),
        modifiers=st.sampled_from([(), ("smoker",)]),
        strata=st.sampled_from([(), ("smoker",)]),
        missing=st.sampled_from(["refuse", "complete case"]),
    ),
    title=st.one_of(st.none(), text),
)


def told_apart(asked: tuple[Asked, ...]) -> bool:
    """No two questions share a set's name, which a study refuses."""
    names = [(one.question.outcome, name) for one in asked for name in one.question.adjustments]
    return len(set(names)) == len(names)


estimators = st.sampled_from(
    [
        Cox(),
        Cox(ties="breslow", weighting=Prentice(), variance=TwoPhase(), conf_level=0.9),
        Cox(variance=Robust(fewest_clusters=12)),
        Cox(inference=Firth()),
        KaplanMeier(conf_type="log-log"),
        IncidenceRate(per=100.0, variance=ModelBased()),
    ]
)
studies = st.builds(
    Study,
    title=text,
    question=text,
    source=st.one_of(
        st.builds(
            FileSource,
            text,
            person=text,
            keep=st.one_of(st.none(), text),
            weight=st.one_of(st.none(), text),
            form=st.sampled_from([CsvFormat(), CsvFormat(separator=";", decimal=",")]),
        ),
        st.builds(DatasetSource, st.just("survival/pbc"), text, cluster=st.one_of(st.none(), text)),
    ),
    derived=st.dictionaries(text, text, max_size=2),
    follow_up=follow_ups,
    other_follow_up=st.dictionaries(text, follow_ups, max_size=2),
    design=designs,
    variables=variables,
    exclusions=st.lists(st.builds(Exclusion, text, text), max_size=2).map(tuple),
    questions=st.lists(questions, min_size=1, max_size=2).map(tuple).filter(told_apart),
    estimators=st.lists(estimators, min_size=1, max_size=3).map(tuple),
    twin=st.one_of(
        st.none(),
        st.just(Twin("own people", published={"1 vs 0": 0.5}, replicates=10)),
        st.just(Twin(world="dch2012", persons=9, outcome="breast", design="breast", seed=3)),
    ),
    report=st.builds(
        Wording,
        background=st.lists(text, max_size=3).map(tuple),
        smallest_cell=st.integers(1, 20),
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(studies)
def test_written_and_read_again(study: Study) -> None:
    written = to_toml(study)
    assert study == study_from_toml(written)
    assert written == to_toml(study_from_toml(written))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies(path: Path) -> None:
    study = read_study(path)
    assert study == study_from_toml(to_toml(study))


def test_invented_world() -> None:
    study = Study(
        "A title",
        "A question?",
        WorldSource("dch2012", 1000, 1, "breast", design="breast"),
        questions=(Asked(Question(exposure="positive")),),
        estimators=(Cox(weighting=Prentice()),),
    )
    assert study == study_from_toml(to_toml(study))


def test_there_are_shipped_studies() -> None:
    assert {"nhefs_women", "published_breast"} <= {path.stem for path in SHIPPED}
