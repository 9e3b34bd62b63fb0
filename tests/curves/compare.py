"""Curves against what R's survfit stored: whole, or read at chosen times as its summary does."""

from dataclasses import replace

import numpy as np
import polars as pl

from analyses import IncidenceRate, KaplanMeier, ModelBased, Question
from analyses.curves.cumulative_hazard import NelsonAalen
from analyses.curves.quantiles import quantiles
from analyses.curves.restricted_mean import RestrictedMean
from tests.reference.oracle import Node, agree

SCALES = {"arcsin": "arcsine"}
"""R's words for scales of limits where ours differ."""
KAPLAN_MEIER = {
    "surv": "estimate",
    "std_err": "std_error",
    "lower": "conf_low",
    "upper": "conf_high",
}
HAZARD = {"cumhaz": "estimate", "std_chaz": "std_error"}


def read_at(part: pl.DataFrame, times: np.ndarray, column: str, start: float) -> np.ndarray:
    """A column of one group's curve at times, as a step function that begins at ``start``."""
    place = np.searchsorted(part["time"].to_numpy(), times, side="right") - 1
    values = part[column].fill_null(np.nan).to_numpy()
    return np.where(place < 0, start, values[np.maximum(place, 0)])


def counted(part: pl.DataFrame, times: np.ndarray, column: str) -> np.ndarray:
    """Events or censorings since the time before, as R's summary counts them."""
    total = np.append(0.0, np.cumsum(part[column].to_numpy()))
    upto = total[np.searchsorted(part["time"].to_numpy(), times, side="right")]
    return np.diff(upto, prepend=0.0)


def heads(part: pl.DataFrame, times: np.ndarray) -> np.ndarray:
    """The number at risk at the next time of the curve."""
    place = np.searchsorted(part["time"].to_numpy(), times, side="left")
    return np.append(part["at_risk"].to_numpy(), 0.0)[place]


def groups(frame: pl.DataFrame) -> list[pl.DataFrame]:
    return [part for _, part in frame.group_by("group", maintain_order=True)]


def strata_of(node: Node) -> list[np.ndarray]:
    """The rows of each of R's strata, in order."""
    words = node.value["columns"].get("strata")
    if words is None:
        return [np.arange(node.value["nrow"])]
    return [np.flatnonzero(np.array(words) == word) for word in dict.fromkeys(words)]


def agree_curve(ours: KaplanMeier, cohort: object, question: Question, node: Node, rtol: float):
    """A Kaplan-Meier curve, its counts, its cumulative hazard and its summary table."""
    curve = ours.estimate(cohort, question)
    hazard = NelsonAalen("none", variance=ours.variance, by=ours.by, start=ours.start)
    of_hazard = hazard.estimate(cohort, question)
    table = node["curve"]
    bounds = KAPLAN_MEIER if "lower" in table["columns"] else dict(list(KAPLAN_MEIER.items())[:2])
    for rows, part, chaz in zip(
        strata_of(table), groups(curve.frame), groups(of_hazard.frame), strict=True
    ):
        times = table.column("time")[rows]
        for theirs, mine in bounds.items():
            start = 0.0 if mine == "std_error" else 1.0
            what = f"{table.name}.{theirs}"
            agree(read_at(part, times, mine, start), table.column(theirs)[rows], rtol, what=what)
        for theirs, mine in HAZARD.items():
            agree(read_at(chaz, times, mine, 0.0), table.column(theirs)[rows], rtol, what=theirs)
        agree(heads(part, times), table.column("n_risk")[rows], rtol, what="n_risk")
        agree(counted(part, times, "events"), table.column("n_event")[rows], rtol, what="n_event")
        agree(counted(part, times, "censored"), table.column("n_censor")[rows], rtol)
    agree(curve.conf_level, node["conf_int"], rtol)
    agree(persons(curve.frame, cohort, question, ours.by), node["n"], 0.0)
    if "table" in node and node["table"].value is not None:
        agree_table(ours, cohort, question, node["table"], rtol)


def persons(frame: pl.DataFrame, cohort: object, question: Question, by: str | None) -> list:
    """Persons of each group: those who leave, or as counted for a rate where they are weighted."""
    if cohort.declaration.weight is not None:
        return IncidenceRate(by=by).estimate(cohort, question).frame["persons"].to_list()
    return [(part["events"] + part["censored"]).sum() for part in groups(frame)]


def agree_table(
    ours: KaplanMeier,
    cohort: object,
    question: Question,
    node: Node,
    rtol: float,
    skip: tuple[str, ...] = (),
):
    """R's summary table: counts, mean time up to the last time of all groups, median and limits."""
    curve = ours.estimate(cohort, question)
    until = float(curve.frame["time"].max())
    mean = RestrictedMean(until, variance=ModelBased(), by=ours.by, start=ours.start)
    means = mean.estimate(cohort, question).frame.filter(
        pl.col("measure") == "restricted mean time"
    )
    medians = quantiles(curve, (0.5,))
    counts = persons(curve.frame, cohort, question, ours.by)
    rows = node.matrix() if "data" in node else [node.array()]
    for row, part, where in zip(rows, groups(curve.frame), range(len(rows)), strict=True):
        at_risk = part["at_risk"].to_numpy()
        mine = {
            "records": counts[where],
            "n.max": at_risk.max(),
            "n.start": at_risk[0],
            "events": part["events"].sum(),
            "rmean": means["estimate"][where] + (ours.start or 0.0),
            "se(rmean)": means["std_error"][where],
            "median": medians["time"][where],
            "LCL": medians["conf_low"][where],
            "UCL": medians["conf_high"][where],
        }
        names = node["colnames"].value if "data" in node else list(node.value)
        for name, theirs in zip(names, row, strict=True):
            key = next((one for one in mine if name.endswith(one)), None)
            if key is not None and key not in skip:
                value = np.nan if mine[key] is None else mine[key]
                agree(value, theirs, rtol, what=f"{node.name}.{name}")


def settings(node: Node, **others: object) -> KaplanMeier:
    """The settings that a stored curve says it was drawn with."""
    scale = node["conf_type"].value
    return replace(KaplanMeier(SCALES.get(scale, scale), float(node["conf_int"].value)), **others)
