"""Who, when, what happened, how sampled; and the doors in."""

from .cohort import Cohort, Provenance, Step
from .designs import CaseCohort, CaseControl, FullCohort, NestedCaseControl
from .doors import from_frame, read_csv, read_parquet
from .errors import CohortError
from .followup import FollowUp
from .timescales import TimeScale
from .variables import Binary, Categorical, Continuous

__all__ = [
    "Binary",
    "CaseCohort",
    "CaseControl",
    "Categorical",
    "Cohort",
    "CohortError",
    "Continuous",
    "FollowUp",
    "FullCohort",
    "NestedCaseControl",
    "Provenance",
    "Step",
    "TimeScale",
    "from_frame",
    "read_csv",
    "read_parquet",
]
