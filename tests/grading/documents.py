"""Small studies to rehearse, written as their documents."""

from pathlib import Path

import numpy as np
import polars as pl

WORLD = """
[study]
title = "A small twin"
question = "Does it work?"

[source]
kind = "world"
world = "dch2012"
persons = {persons}
seed = 1
outcome = "breast"
{design}

[[questions]]
exposure = "{exposure}"
adjustments = {{ crude = [], age = ["age_at_entry"] }}

{estimators}
"""

CASE_COHORT = """
[[estimators]]
kind = "logistic"

[[estimators]]
kind = "cox"
weighting = "prentice"
"""
COX = '[[estimators]]\nkind = "cox"\n'

OWN = """
[study]
title = "Own people"
question = "Does it work?"

[source]
file = "people.csv"
person = "person"
{weight}

[follow_up]
scale = {{ name = "time since entry", unit = "years" }}
exit = "years"
[follow_up.event]
column = "what"
happened = 1
competing = {{ 2 = "moved" }}
censored = 0
label = "illness"

[variables]
group = {{ kind = "categorical", levels = ["a", "b", "c"], reference = "a", label = "Group" }}
z = {{ kind = "continuous", unit = "points" }}
{design}

[[questions]]
exposure = "group"
adjustments = {{ crude = [], full = ["z"] }}
missing = "complete case"

[[estimators]]
kind = "cox"
{weighting}

[twin]
kind = "own people"
replicates = 40
seed = 7
{published}
"""


def world_study(
    folder: Path,
    *,
    persons: int = 12_000,
    design: str = "",
    exposure: str = "positive",
    estimators: str = COX,
    twin: str = "",
) -> Path:
    """A study of the world dch2012, without a design the full cohort."""
    text = WORLD.format(
        persons=persons,
        design=f'design = "{design}"' if design else "",
        exposure=exposure,
        estimators=estimators,
    )
    return _written(folder, text + twin)


def own_study(
    folder: Path, *, published: str = "", weight: str = "", design: str = "", weighting: str = ""
) -> Path:
    """A study of 400 persons: groups, a confounder, a competing event, two missing values."""
    rng = np.random.default_rng(3)
    n = 400
    z = rng.normal(size=n)
    group = rng.choice(["a", "b", "c"], n)
    ill = rng.exponential(size=n) / (0.1 * np.exp(0.6 * z + 0.7 * (group == "c")))
    moved, stop = rng.exponential(15.0, n), rng.uniform(3, 10, n)
    years = np.minimum(np.minimum(ill, moved), stop)
    what = np.select([ill == years, moved == years], [1, 2], 0)
    frame = pl.DataFrame(
        {
            "person": np.arange(n), "years": years, "what": what, "group": group,
            "z": pl.Series([None, None, *z[2:].tolist()]), "w": np.ones(n),
            "sub": np.arange(n) < 200,
        }
    )  # fmt: skip
    frame.write_csv(folder / "people.csv")
    text = OWN.format(published=published, weight=weight, design=design, weighting=weighting)
    return _written(folder, text)


def _written(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path
