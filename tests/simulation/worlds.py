"""Small worlds with a known hazard ratio, drawn with numpy alone, for coverage of each variance.

Age-scale cohorts with late entry: a binary exposure that depends on a confounder, Gompertz hazards,
drop-out. In the clustered world a positive stable frailty makes women of one family alike; it
keeps hazards proportional, with every log hazard ratio multiplied by alpha (Hougaard 1986,
Biometrika 73:387-396).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from cohort import Binary, Cohort, Continuous, FollowUp, TimeScale, from_frame

LOG_HR = float(np.log(0.5))
CONFOUNDER = 0.4
AGE = TimeScale("age", unit="years")


@dataclass(frozen=True, slots=True)
class World:
    """Persons, the rate of events at age 50 per year, share exposed, and clusters if any."""

    persons: int
    rate: float
    exposed: float = 0.3
    clusters: int = 0
    alpha: float = 1.0

    @property
    def truth(self) -> float:
        """The log hazard ratio of the exposure that an analysis estimates."""
        return LOG_HR * self.alpha


COMMON = World(persons=3_000, rate=0.009)
CLUSTERED = World(persons=3_000, rate=0.006, clusters=300, alpha=0.7)
FEW_CLUSTERS = World(persons=600, rate=0.06, clusters=10, alpha=0.7)
SPARSE = World(persons=1_500, rate=0.0042, exposed=0.5)


def draw(world: World, seed: int) -> Cohort:
    """One cohort of a world."""
    rng = np.random.default_rng(seed)
    n = world.persons
    z = rng.normal(size=n)
    lean = np.log(world.exposed / (1 - world.exposed))
    x = rng.uniform(size=n) < 1 / (1 + np.exp(-(lean + 0.7 * z)))
    frailty = np.ones(n)
    cluster = np.arange(n)
    if world.clusters:
        cluster = np.arange(n) % world.clusters
        frailty = _positive_stable(rng, world.alpha, world.clusters)[cluster]
        # Exposure and confounder are shared in part within a family.
        shared = rng.normal(size=world.clusters)[cluster]
        z = 0.6 * shared + 0.8 * z
        x = rng.uniform(size=n) < 1 / (1 + np.exp(-(lean + 0.7 * z + shared)))
    log_risk = LOG_HR * x + CONFOUNDER * z
    entry = rng.uniform(50.0, 60.0, n)
    slope = 0.06
    from_entry = rng.exponential(size=n) / (frailty * world.rate * np.exp(log_risk))
    # Clustered worlds start at 50, so that frailty is not selected before entry.
    if world.clusters:
        entry = np.full(n, 50.0)
    start = np.exp(slope * (entry - 50.0))
    age = 50.0 + np.log(start + slope * from_entry) / slope
    censored = np.minimum(entry + rng.exponential(40.0, n), entry + 12.0)
    exit_ = np.minimum(age, censored)
    exit_ = np.maximum(np.round(exit_ * 52) / 52, np.round(entry * 52) / 52 + 1 / 52)
    frame = pl.DataFrame(
        {
            "woman": np.arange(n),
            "entry": np.round(entry * 52) / 52,
            "exit": exit_,
            "ill": age <= censored,
            "exposed": x,
            "z": z,
            "z_high": z > 0.5,
            "family": cluster,
        }
    )
    return from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(AGE, entry="entry", exit="exit", event="ill"),
        variables=(Binary("exposed"), Continuous("z"), Binary("z_high")),
        cluster="family" if world.clusters else None,
    )


def _positive_stable(rng: np.random.Generator, alpha: float, size: int) -> np.ndarray:
    """Positive stable variates of index alpha (Chambers, Mallows and Stuck 1976, JASA 71:340)."""
    u = rng.uniform(0.0, np.pi, size)
    e = rng.exponential(size=size)
    a = np.sin(alpha * u) / np.sin(u) ** (1 / alpha)
    return a * (np.sin((1 - alpha) * u) / e) ** ((1 - alpha) / alpha)
