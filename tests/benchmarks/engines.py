"""One call of each workload by each engine: made ready outside the clock, compared afterwards."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .worlds import COVARIATES, CURVES, LATE, NAMES, RESAMPLES, SAMPLED, Data, landmarks, resample

Call = Callable[[], np.ndarray]
"""Gives coefficients (10,), or a curve at the landmarks (9,), or statistics of a test (10,)."""


def ours(workload: str, data: Data) -> Call:
    """From a Cohort in memory to Estimates or a Curve."""
    import polars as pl

    from analyses import Cox, KaplanMeier, LinYing, Prentice, Question
    from analyses.curves.cumulative_incidence import CumulativeIncidence

    cohort = our_cohort(workload, data)
    adjusted = Question(exposure="x1", adjustments={"all": list(NAMES[1:])})
    if workload == "50 strata":
        adjusted = Question(exposure="x1", adjustments={"all": list(NAMES[1:])}, strata=["stratum"])
    if workload in CURVES:
        kind = CumulativeIncidence if workload == "Aalen-Johansen" else KaplanMeier
        estimator = kind(by=None)
        at = landmarks(data)

        def curve() -> np.ndarray:
            frame = estimator.estimate(cohort, Question(exposure="x1")).frame
            if "outcome" in frame.columns:
                frame = frame.filter(pl.col("outcome") == "event")
            place = np.searchsorted(frame["time"].to_numpy(), at, side="right") - 1
            return frame["estimate"].to_numpy()[place]

        return curve
    if workload == "proportional hazards":
        from analyses import proportional_hazards

        fitted = Cox().estimate(cohort, adjusted)

        def test() -> np.ndarray:
            table = proportional_hazards(fitted.fits[0], transform="km").table
            found = dict(zip(table["term"], table["chi_square"], strict=True))
            return np.array([found[name] for name in NAMES])

        return test
    if workload == "bootstrap":
        return _our_bootstrap(cohort, adjusted)
    weighting = {"Prentice": Prentice(), "Lin-Ying": LinYing()}.get(workload)
    cox = Cox(weighting=weighting)
    return lambda: _in_order(cox.estimate(cohort, adjusted).fits[0])


def _our_bootstrap(cohort: Any, question: Any) -> Call:
    """All the fits; gives the coefficients of the first resample, which the peers are given too."""
    from analyses import Bootstrap, Cox
    from analyses.cox.resample import refit_of
    from cohort.declaration import PERSON

    person = cohort.frame[PERSON].to_numpy().astype(np.int64)

    def resamples() -> np.ndarray:
        found = Bootstrap(Cox(), RESAMPLES, workers=2).estimate(cohort, question).fits[0]
        first = np.bincount(person[resample(person.size, 0)], minlength=person.size)
        beta = refit_of(found, person).fit(first)
        return np.array([beta[found.names.index(name)] for name in NAMES])

    return resamples


def _in_order(fit: Any) -> np.ndarray:
    return np.array([fit.beta[fit.names.index(name)] for name in NAMES])


def our_cohort(workload: str, data: Data) -> Any:
    """The cohort of a workload."""
    import polars as pl

    from cohort import (
        CaseCohort,
        Categorical,
        Continuous,
        FollowUp,
        FullCohort,
        TimeScale,
        from_frame,
    )

    frame = pl.DataFrame(
        {
            "person": data.person, "entry": data.entry, "exit": data.exit, "event": data.event,
            "weight": data.weight, "cluster": data.cluster, "subcohort": data.subcohort,
            "stratum": data.stratum,
        }
    ).hstack(pl.DataFrame(data.x, schema=list(NAMES)))  # fmt: skip
    sampled = workload in SAMPLED
    return from_frame(
        frame,
        person="person",
        follow_up=FollowUp(
            TimeScale("age", unit="days"),
            entry="entry" if workload in LATE else None,
            exit="exit",
            event="event",
            happened=1,
            competing={2: "other"} if workload == "Aalen-Johansen" else {},
            label="event",
        ),
        design=CaseCohort("subcohort", data.size) if sampled else FullCohort(),
        variables=[*(Continuous(name) for name in NAMES), Categorical("stratum")],
        weight="weight" if workload == "weights and clusters" else None,
        cluster={"weights and clusters": "cluster", "counting process": "person"}.get(workload),
    )


def _pandas(data: Data) -> Any:
    import pandas as pd

    frame = pd.DataFrame(data.x, columns=list(NAMES))
    return frame.assign(
        entry=data.entry, exit=data.exit, event=data.event, weight=data.weight,
        cluster=data.cluster, person=data.person, stratum=data.stratum,
        subcohort=data.subcohort.astype(int),
    )  # fmt: skip


def rust(workload: str, data: Data) -> Call | None:
    """The package ``survival`` of PyPI, written in Rust."""
    import survival

    frame = _pandas(data)
    if workload == "bootstrap":
        return None
    terms = " + ".join(NAMES)
    late = workload in LATE
    response = "Surv(entry, exit, event)" if late else "Surv(exit, event)"
    if workload in CURVES:
        return None if workload == "Aalen-Johansen" else _rust_curve(survival, response, data)
    if workload in SAMPLED:
        method = {"Prentice": "Prentice", "Lin-Ying": "LinYing"}[workload]
        formula = f"Surv(exit, event) ~ {terms}"
        return lambda: np.asarray(
            survival.cch(formula, frame, subcoh="subcohort", id="person",
                         cohort_size=data.size, method=method).coefficients
        )  # fmt: skip
    more: dict[str, Any] = {}
    if workload == "weights and clusters":
        more = {"weights": "weight", "cluster": "cluster"}
    if workload == "counting process":
        more = {"cluster": "person"}
    if workload == "50 strata":
        terms += " + strata(stratum)"
    formula = f"{response} ~ {terms}"
    if workload == "proportional hazards":
        fit = survival.coxph(formula, frame)
        return lambda: np.array([row["chisq"] for row in survival.cox_zph(fit).table[:10]])
    return lambda: np.asarray(survival.coxph(formula, frame, **more).coefficients)


def _rust_curve(survival: Any, response: str, data: Data) -> Call:
    frame, at = _pandas(data), landmarks(data)

    def curve() -> np.ndarray:
        found = survival.survfit(f"{response} ~ 1", frame)
        place = np.searchsorted(np.asarray(found.time), at, side="right") - 1
        return np.asarray(found.surv)[place]

    return curve


def lifelines(workload: str, data: Data) -> Call | None:
    """The package ``lifelines``."""
    import lifelines as peer

    frame, at = _pandas(data), landmarks(data)
    late = workload in LATE
    if workload in CURVES:
        if workload == "Aalen-Johansen":
            return None

        def curve() -> np.ndarray:
            found = peer.KaplanMeierFitter().fit(
                frame["exit"], frame["event"], entry=frame["entry"] if late else None
            )
            return found.survival_function_at_times(at).to_numpy()

        return curve
    if workload not in ("right-censored", "late entry", "50 strata", "bootstrap"):
        return None
    if workload == "bootstrap":
        frame = frame.iloc[resample(len(frame), 0)]
    columns = [*NAMES, "exit", "event", *(["entry"] if late else [])]
    if workload == "50 strata":
        columns.append("stratum")
    mine = frame[columns]
    settings: dict[str, Any] = {"entry_col": "entry"} if late else {"batch_mode": True}
    if workload == "50 strata":
        settings["strata"] = ["stratum"]
    precise = {"precision": 1e-9}
    return lambda: (
        peer.CoxPHFitter()
        .fit(mine, "exit", "event", fit_options=precise, **settings)
        .params_[list(NAMES)]
        .to_numpy()
    )


def statsmodels(workload: str, data: Data) -> Call | None:
    """The package ``statsmodels``."""
    from statsmodels.duration.hazard_regression import PHReg

    if workload not in ("right-censored", "late entry", "50 strata"):
        return None
    more: dict[str, Any] = {"entry": data.entry} if workload in LATE else {}
    if workload == "50 strata":
        more["strata"] = data.stratum
    return lambda: PHReg(data.exit, data.x, status=data.event, ties="efron", **more).fit().params


def scikit_survival(workload: str, data: Data) -> Call | None:
    """The package ``scikit-survival``."""
    if workload == "right-censored":
        from sksurv.linear_model import CoxPHSurvivalAnalysis

        y = np.array(
            list(zip(data.event == 1, data.exit, strict=True)), dtype=[("e", bool), ("t", float)]
        )
        return lambda: CoxPHSurvivalAnalysis(ties="efron", tol=1e-12).fit(data.x, y).coef_
    from sksurv.nonparametric import cumulative_incidence_competing_risks, kaplan_meier_estimator

    at = landmarks(data)

    def at_landmarks(time: np.ndarray, value: np.ndarray) -> np.ndarray:
        return value[np.searchsorted(time, at, side="right") - 1]

    if workload == "Kaplan-Meier":
        return lambda: at_landmarks(
            *kaplan_meier_estimator(data.event == 1, data.exit, conf_type="log-log")[:2]
        )
    if workload == "Aalen-Johansen":

        def incidence() -> np.ndarray:
            time, value = cumulative_incidence_competing_risks(data.event, data.exit)[:2]
            return at_landmarks(time, value[1])

        return incidence
    return None


def greenwood(workload: str, data: Data) -> Call | None:
    """The package ``greenwood``."""
    import greenwood as peer

    if workload in SAMPLED or workload == "bootstrap":
        return None
    happened = data.event.astype(int)
    if workload == "Aalen-Johansen":
        return None
    surv = peer.Surv(data.exit, event=happened)
    if workload in LATE:
        surv = peer.Surv(data.entry, data.exit, happened)
    at = landmarks(data)
    if workload in CURVES:
        return lambda: np.asarray(peer.KaplanMeier().fit(surv).predict(at), dtype=float).reshape(-1)
    more: dict[str, Any] = {}
    if workload == "weights and clusters":
        more = {"weights": data.weight, "cluster": data.cluster}
    if workload == "counting process":
        more = {"cluster": data.person}
    if workload == "50 strata":
        more = {"strata": data.stratum}
    if workload == "proportional hazards":
        fit = peer.CoxPH().fit(surv, data.x)

        def zph() -> np.ndarray:
            table = fit.cox_zph(transform="km").to_frame()
            return np.asarray(table["chisq"], dtype=float)[:COVARIATES]

        return zph
    return lambda: np.asarray(peer.CoxPH().fit(surv, data.x, **more).coef_, dtype=float)


ENGINES = {
    "microcohort": ours, "survival (Rust)": rust, "lifelines": lifelines,
    "statsmodels": statsmodels, "scikit-survival": scikit_survival, "greenwood": greenwood,
}  # fmt: skip
