"""Who, when, what happened, how sampled; and the doors in."""

from .adapters.database import Select, read_database
from .adapters.delimited import CsvFormat
from .adapters.scanning import scan_parquet
from .adapters.statistical import read_dictionary, read_sas, read_spss, read_stata
from .audit import Audit, Milestones, audit
from .cohort import Cohort, Provenance, Step
from .designs import CaseCohort, CaseControl, FullCohort, NestedCaseControl
from .doors import from_frame, read_csv, read_parquet
from .errors import CohortError
from .exposure import expose
from .followup import FollowUp
from .sampling import draw_case_cohort, draw_nested_case_control, with_inclusion
from .splitting import OtherScale, split
from .timescales import TimeScale
from .variables import Binary, Categorical, Continuous

__all__ = [
    "Audit", "Binary", "CaseCohort", "CaseControl", "Categorical", "Cohort", "CohortError",
    "Continuous", "CsvFormat", "FollowUp", "FullCohort", "Milestones", "NestedCaseControl",
    "OtherScale", "Provenance", "Select", "Step", "TimeScale", "audit", "draw_case_cohort",
    "draw_nested_case_control", "expose", "from_frame", "read_csv", "read_database",
    "read_dictionary", "read_parquet", "read_sas", "read_spss", "read_stata",
    "scan_parquet", "split",
    "with_inclusion",
]  # fmt: skip
