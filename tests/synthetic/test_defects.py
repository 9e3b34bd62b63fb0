"""Each defect is off unless its document switches it on, and then does what it says."""

import numpy as np
import polars as pl

from synthetic.document.graph import world_graph
from synthetic.document.world import World
from synthetic.generate import Tables, generate
from synthetic.graph import backdoor_open
from tests.synthetic.documents import changed, with_sources, world

BASE = "danish_women"
WOMEN = 60_000


def _defect(name: str, table: dict) -> World:
    document = changed(BASE)
    document["defects"] = {name: with_sources(table)}
    return world(document)


def _tables(told: World) -> Tables:
    return generate(told, first=0, persons=WOMEN, seed=3)


def _cases(tables: Tables, outcome: str, years: float = 50) -> pl.DataFrame:
    """Samples of enrolled women with a flag: diagnosed within so many years after the sample."""
    days = (pl.col("when") - pl.col("date")).dt.total_days() / 365.25
    diagnosed = (
        tables.observed["events"]
        .filter(pl.col("event").cast(pl.String) == outcome)
        .select("person", when="date")
    )
    return (
        tables.observed["samples"]
        .join(diagnosed, on="person", how="left")
        .with_columns(case=((days > 0) & (days <= years)).fill_null(False))
    )


def test_the_base_has_no_defect():
    tables = _tables(world(changed(BASE)))
    assert tables.observed["enrolment"].null_count().sum_horizontal().item() == 0


def test_missing_values():
    """MAR: a quarter of bmi at the reference and more where smoking; nothing else is touched."""
    document = changed(BASE)
    told = with_sources(
        {"mechanism": "MAR", "probability": 0.25, "given": {"smoking=current": 1.0}}
    )
    document["defects"] = {"missing": {"bmi": told}}
    frame = _tables(world(document)).observed["enrolment"]
    smokes = frame["smoking"].cast(pl.String) == "current"
    expected = {False: 0.25, True: 1 / (1 + 3 * np.exp(-1.0))}
    for level, share in expected.items():
        part = frame.filter(smokes == level)["bmi"]
        error = np.sqrt(share * (1 - share) / len(part))
        assert abs(share - part.is_null().mean()) < 4 * error
    assert frame.drop("bmi").null_count().sum_horizontal().item() == 0
    clean = _tables(world(changed(BASE))).observed["enrolment"]
    assert frame["alcohol"].equals(clean["alcohol"])


def test_missing_not_at_random():
    """MNAR: heavier women are missing more, so that those seen are lighter than all."""
    document = changed(BASE)
    told = with_sources({"mechanism": "MNAR", "probability": 0.3, "given": {"bmi": 1.5}})
    document["defects"] = {"missing": {"bmi": told}}
    frame = _tables(world(document)).observed["enrolment"]
    clean = _tables(world(changed(BASE))).observed["enrolment"]
    assert frame["bmi"].mean() < clean["bmi"].mean() - 0.3


def test_reverse_causation():
    """Half of those diagnosed within 3 years lose their signal: 0.5 of their positivity."""
    table = {"outcome": "injury", "years": 3.0, "probability": 0.5}
    sick = _cases(_tables(_defect("reverse_causation", table)), "injury", 3)
    well = _cases(_tables(world(changed(BASE))), "injury", 3)
    shares = [t.filter("case")["positive"].mean() for t in (sick, well)]
    n = well["case"].sum()
    false = 0.04
    expected = 0.5 * (shares[1] - false) + false
    assert abs(expected - shares[0]) < 4 * np.sqrt(0.25 / n)
    assert sick.filter(~pl.col("case"))["positive"].equals(well.filter(~pl.col("case"))["positive"])


def test_differential_assay():
    """Only the samples of cases change, and downwards."""
    table = {"outcome": "injury", "amplification_ratio": 0.02}
    low = _cases(_tables(_defect("differential_assay", table)), "injury")
    same = _cases(_tables(world(changed(BASE))), "injury")
    moved = low["positive"] != same["positive"]
    assert moved.sum() > 20
    assert not low.filter(moved)["positive"].any()
    latent = _tables(world(changed(BASE))).latent["outcomes"]
    ever = latent.filter(pl.col("event").cast(pl.String) == "injury")["person"]
    assert low.filter(moved)["person"].is_in(ever.implode()).all()


def test_informative_censoring():
    """Frail women emigrate more, and in the base world they do not."""
    told = _defect("informative_censoring", {"given": {"frailty": 1.5}})
    gap = []
    for each in (told, world(changed(BASE))):
        tables = _tables(each)
        gone = tables.observed["events"].filter(pl.col("event").cast(pl.String) == "emigration")
        frail = tables.latent["women"].join(gone, on="person", how="semi")["frailty"]
        gap.append(frail.mean())
    assert gap[0] > 0.5
    assert abs(gap[1]) < 0.2


def test_unmeasured_confounding():
    """The hidden variable raises both male cells and injuries; the graph shows the arrow."""
    table = {"variable": "frailty", "engraftment": 1.0, "outcomes": {"injury": 1.8}}
    told = _defect("unmeasured_confounding", table)
    both = _cases(_tables(told), "injury")
    plain = _cases(_tables(world(changed(BASE))), "injury")
    found = [
        t.filter("case")["positive"].mean() - t.filter(~pl.col("case"))["positive"].mean()
        for t in (both, plain)
    ]
    # 1,600 cases: the standard error of a difference is 0.013.
    assert found[0] > found[1] + 0.04
    assert abs(found[1]) < 0.05
    assert "frailty" in world_graph(told).parents["chimerism"]
    assert backdoor_open(world_graph(told), "chimerism", "injury", [])
    assert not backdoor_open(world_graph(told), "chimerism", "injury", ["frailty"])
