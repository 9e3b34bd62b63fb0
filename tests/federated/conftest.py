"""The folders of three owners and of a coordinator."""

from pathlib import Path

import polars as pl
import pytest

from tests.federated.exchanges import lung_sites
from tests.federated.owners import DOCUMENT, SITES


@pytest.fixture
def owners(tmp_path) -> Path:
    """A folder for each site and one for the coordinator, who has no data."""
    table = lung_sites().with_columns((pl.col("site") % 3).alias("owner"))
    for place, site in enumerate(SITES):
        (tmp_path / site).mkdir()
        table.filter(pl.col("owner") == place).write_csv(tmp_path / site / "people.csv")
        (tmp_path / site / "study.toml").write_text(DOCUMENT)
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "study.toml").write_text("# The same document, with a remark.\n" + DOCUMENT)
    return tmp_path
