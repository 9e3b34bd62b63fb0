"""The same records in memory and as a folder of Parquet files."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl

from analyses.streaming import Streamed
from cohort import FollowUp, TimeScale
from cohort.adapters.scanning import scan_parquet


def write_parts(frame, folder, *, unit, parts=3):
    """Files of about equal length that never divide a unit, whose records stand side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    begins = np.flatnonzero(np.diff(frame[unit].rle_id().to_numpy().astype(int), prepend=-1))
    wanted = [round(k * len(frame) / parts) for k in range(1, parts)]
    cuts = sorted({0, len(frame), *(int(begins[np.searchsorted(begins, w)]) for w in wanted)})
    for number, (begin, end) in enumerate(pairwise(cuts)):
        frame[begin:end].write_parquet(folder / f"part-{number}.parquet")
    return folder


def scanned(cohort, folder, *, batch_rows=None, parts=3):
    """A full cohort's records, sorted by cluster and person, through the door for folders."""
    follow_up, declaration = cohort.follow_up, cohort.declaration
    names = {
        "_person": "who", "_entry": "from", "_exit": "to", "_event": "code", "_cluster": "group",
        "_weight": "counts", "_offset": "known", "_stratum": "own stratum",
    }  # fmt: skip
    hidden = [name for name in names if name in cohort.frame.columns]
    frame = cohort.frame.select(*hidden, *(one.name for one in cohort.variables)).rename(
        {name: names[name] for name in hidden}
    )
    late = follow_up.entry is not None or (frame["from"] > -np.inf).any()
    frame = frame.with_columns(pl.col("from").clip(lower_bound=0.0))
    unit = "who" if declaration.cluster is None else "group"
    frame = frame.sort([unit, "who"], maintain_order=True)
    plain = FollowUp(
        TimeScale(cohort.scale.name, cohort.scale.unit),
        entry="from" if late else None,
        exit="to",
        event="code",
        happened=1,
        competing={2 + place: name for place, name in enumerate(follow_up.competing.values())},
        censored=0,
        stratum=None if "own stratum" not in frame.columns else "own stratum",
        label=follow_up.outcome,
    )
    return scan_parquet(
        write_parts(frame, folder, unit=unit, parts=parts),
        person="who",
        follow_up=plain,
        variables=[replace(one, column=None, missing={}) for one in cohort.variables],
        weight="counts" if declaration.weight else None,
        offset="known" if declaration.offset else None,
        cluster="group" if declaration.cluster else None,
        batch_rows=batch_rows or max(20, len(frame) // 8),
    )


def streamed(cox, cohort, question, folder):
    return Streamed(cox).estimate(scanned(cohort, folder), question)


def agree_with_memory(ours: pl.DataFrame, memory: pl.DataFrame, rtol=1e-12):
    """Every column of the estimates; numbers to a relative error, estimates to that of an SE."""
    assert ours.columns == memory.columns
    for name in memory.columns:
        theirs = memory[name]
        if theirs.dtype != pl.Float64:
            assert ours[name].to_list() == theirs.to_list(), name
            continue
        assert ours[name].is_null().to_list() == theirs.is_null().to_list(), name
        known = theirs.is_not_null()
        mine, its = ours[name].filter(known).to_numpy(), theirs.filter(known).to_numpy()
        error = memory["std_error"].filter(known).to_numpy() if name == "log_estimate" else 0.0
        if name == "p_value":  # A relative error of the tail is that of z times z squared.
            z = (memory["log_estimate"] / memory["std_error"]).filter(known).to_numpy()
            np.testing.assert_array_less(np.abs(mine - its), rtol * (10 + z**2) * its + 1e-300)
            continue
        np.testing.assert_array_less(
            np.abs(mine - its), rtol * np.maximum(np.abs(its), error) + 1e-300, name
        )
