"""What an assay that types the cells would show, and what only the inventor of a world knows."""

from collections.abc import Mapping

import polars as pl

from cohort import Binary, Categorical
from cohort.variables import Variable

from .document.world import World

CARRIER, CELLS = "carrier", "cells"
NONE, OTHER, COMPATIBLE = "none", "not compatible", "compatible"


def typed_variable(world: World) -> tuple[Variable, ...]:
    """The variable of the types of male cells, where compatible ones act on an outcome."""
    if all(told.compatible_chimerism == 1 for told in world.outcomes.values()):
        return ()
    return (
        Categorical(
            CELLS,
            levels=(NONE, OTHER, COMPATIBLE),
            reference=NONE,
            label="Male cells found, by HLA type",
        ),
    )


def carrier_variable() -> Variable:
    """The variable of true carriage: latent, no study could have it."""
    return Binary(CARRIER, label="Male cells truly present")


def typed(frame: pl.DataFrame, latent: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The frame with the type of the cells found, as if typing made no error.

    frame : columns person, age_at_entry (years), positive. A positive sample without a compatible
    graft at that age is "not compatible", false positives among them.
    """
    present = (
        latent["grafts"]
        .filter("compatible")
        .join(frame.select("person", "age_at_entry"), on="person")
        .filter(
            (pl.col("start") <= pl.col("age_at_entry")) & (pl.col("age_at_entry") < pl.col("stop"))
        )
    )
    matched = pl.col("person").is_in(present["person"].unique().implode())
    cells = (
        pl.when(pl.col("positive") & matched)
        .then(pl.lit(COMPATIBLE))
        .when("positive")
        .then(pl.lit(OTHER))
        .otherwise(pl.lit(NONE))
    )
    return frame.with_columns(cells.alias(CELLS))


def with_carriers(frame: pl.DataFrame, latent: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The frame with who truly carries male cells when blood is drawn."""
    women = latent["women"].select("person", pl.col("cells_at_invitation").alias(CARRIER))
    return frame.join(women, on="person", how="left", maintain_order="left")
